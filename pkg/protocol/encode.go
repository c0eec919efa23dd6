package protocol

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
)

// PingFrame is the command that the gateway itself answers, with Pong.
const PingFrame = `{"action":"ping"}`

// EncodeCommand is the frame that a client sends for a command, with fields
// that are empty left out; an empty id asks for no reply to a success. What the
// server would refuse by its form is refused here, with the same *Error.
// Concurrent calls may share params: they are only read.
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

func actionOf(params Params) (Action, error) {
	switch params.(type) {
	case *Hello:
		return ActionHello, nil
	case *Auth:
		return ActionAuth, nil
	case *Join:
		return ActionJoin, nil
	case *Leave:
		return ActionLeave, nil
	case *Publish:
		return ActionPublish, nil
	case *History:
		return ActionHistory, nil
	case *Sync:
		return ActionSync, nil
	case *Presence:
		return ActionPresence, nil
	}
	return "", fmt.Errorf("encode command: no action takes %T", params)
}
