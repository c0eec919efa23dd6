package client

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// frame is any frame of the server; fields of later versions are ignored.
type frame struct {
	ID    jsontext.Value  `json:"id"`
	OK    jsontext.Value  `json:"ok"`
	Error *protocol.Error `json:"error"`

	// Message is set in frames that API Gateway itself writes when a function
	// failed.
	Message string `json:"message"`

	Push      protocol.Push    `json:"push"`
	Room      string           `json:"room"`
	Epoch     string           `json:"epoch"`
	Messages  []protocol.Entry `json:"messages"`
	User      string           `json:"user"`
	Data      jsontext.Value   `json:"data"`
	Joined    []string         `json:"joined"`
	Left      []string         `json:"left"`
	Count     int              `json:"count"`
	Code      int              `json:"code"`
	Reason    string           `json:"reason"`
	Reconnect *bool            `json:"reconnect"`
	AfterMs   int64            `json:"afterMs"`
}

// page is a join result, or its error.
type page struct {
	Epoch     string           `json:"epoch"`
	Head      uint64           `json:"head"`
	Recovered bool             `json:"recovered"`
	Messages  []protocol.Entry `json:"messages"`
	More      bool             `json:"more"`
	Oldest    uint64           `json:"oldest"`
	Error     *protocol.Error  `json:"error"`
}

// absent reports whether the answer does not mention the room.
func (p page) absent() bool {
	return p.Error == nil && p.Messages == nil && !p.Recovered && p.Head == 0 && p.Epoch == ""
}

// welcome answers hello.
type welcome struct {
	ConnectionID     string          `json:"connectionId"`
	User             string          `json:"user"`
	HeartbeatMs      int64           `json:"heartbeatMs"`
	TokenExpiresInMs int64           `json:"tokenExpiresInMs"`
	RotateInMs       int64           `json:"rotateInMs"`
	Rooms            map[string]page `json:"rooms"`
}

// syncResult answers sync.
type syncResult struct {
	Rooms map[string]page `json:"rooms"`
}

// bye returns the reason with which the server ends the connection.
func (f frame) bye() *CloseError {
	final := f.Code >= 3500
	if f.Reconnect != nil {
		final = !*f.Reconnect
	}
	return &CloseError{f.Code, f.Reason, time.Duration(max(0, f.AfterMs)) * time.Millisecond, final}
}

func decode[T any](value jsontext.Value) (T, error) {
	var result T
	if err := json.Unmarshal(value, &result); err != nil {
		return result, fmt.Errorf("decode reply: %w", err)
	}
	return result, nil
}
