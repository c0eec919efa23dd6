package protocol

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
)

// PingFrame is the command that API Gateway itself answers, with Pong.
const PingFrame = `{"action":"ping"}`

// EncodeCommand returns the client's frame for a command, without empty fields.
// With an empty id, the server does not reply to success. A malformed command is
// refused with the *Error that the server would return. Concurrent calls may
// share params, which are only read.
func EncodeCommand(id ID, params Params) ([]byte, error) {
	if _, err := checkID(id); err != nil {
		return nil, err
	}
	if err := params.validate(); err != nil {
		return nil, err
	}
	action, err := actionOf(params)
	if err != nil {
		return nil, err
	}
	fields, err := json.Marshal(params, json.Deterministic(true), json.OmitZeroStructFields(true))
	if err != nil {
		return nil, fmt.Errorf("encode command: %w", err)
	}
	var frame bytes.Buffer
	frame.WriteString("{")
	if len(id) > 0 {
		fmt.Fprintf(&frame, `"id":%s,`, id)
	}
	fmt.Fprintf(&frame, `"action":%q`, action)
	if len(fields) > len("{}") {
		frame.WriteString(",")
	}
	frame.Write(fields[1:])
	if frame.Len() > FrameBytes {
		return nil, Errorf(TooLarge, "a frame must be at most %d bytes, got %d", FrameBytes, frame.Len())
	}
	return frame.Bytes(), nil
}
