package protocol

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Entry is one place of a room's log as clients see it. Either Void is true and
// the other fields except Seq are empty, or User, At and Data are set.
type Entry struct {
	Seq  uint64         `json:"seq"`
	User string         `json:"user,omitzero"`
	At   int64          `json:"at,omitzero"` // ms since the Unix epoch, by the function's clock
	Key  string         `json:"key,omitzero"`
	Data jsontext.Value `json:"data,omitzero"`
	Void bool           `json:"void,omitzero"`
}

// JoinResult answers join, history and each room of hello and sync. Messages are
// ascending and contiguous; More is true if more can be read.
type JoinResult struct {
	Epoch     string           `json:"epoch"`
	Head      uint64           `json:"head"`
	Recovered bool             `json:"recovered"`
	Messages  []jsontext.Value `json:"messages"` // each an encoded Entry
	More      bool             `json:"more"`
	Oldest    uint64           `json:"oldest,omitzero"`
}

// RoomResult is a join's result, or the error that refused it.
type RoomResult struct {
	*JoinResult
	Error *Error `json:"error,omitzero"`
}

// MarshalJSON writes the result, or {"error": …}.
func (r RoomResult) MarshalJSON() ([]byte, error) {
	if r.Error != nil {
		return Marshal(map[string]*Error{"error": r.Error})
	}
	return Marshal(r.JoinResult)
}

// HelloResult answers hello. Durations are in milliseconds.
type HelloResult struct {
	ConnectionID     string                `json:"connectionId"`
	User             string                `json:"user"`
	Session          string                `json:"session"`
	HeartbeatMs      int64                 `json:"heartbeatMs"`
	TokenExpiresInMs int64                 `json:"tokenExpiresInMs,omitzero"`
	RotateInMs       int64                 `json:"rotateInMs"`
	Rooms            map[string]RoomResult `json:"rooms"`
}

// AuthResult answers auth.
type AuthResult struct {
	User             string `json:"user"`
	TokenExpiresInMs int64  `json:"tokenExpiresInMs,omitzero"`
}

// PublishResult answers a publish that went into the log. Duplicate is true if
// the key was used before; Seq and Epoch are then those of the first publish.
type PublishResult struct {
	Seq       uint64 `json:"seq"`
	Epoch     string `json:"epoch"`
	Duplicate bool   `json:"duplicate"`
}

// SyncResult answers sync.
type SyncResult struct {
	Rooms map[string]RoomResult `json:"rooms"`
}

// PresenceUser is a user of a room with the number of its sessions there.
type PresenceUser struct {
	User     string `json:"user"`
	Sessions int    `json:"sessions"`
}

// PresenceResult answers presence. Count is the number of users.
type PresenceResult struct {
	Count int            `json:"count"`
	Users []PresenceUser `json:"users"`
}

// Empty is the result of a command that returns nothing.
type Empty struct{}

type okReply struct {
	ID ID  `json:"id"`
	OK any `json:"ok"`
}

type errorReply struct {
	ID    ID     `json:"id,omitzero"`
	Error *Error `json:"error"`
}

// EncodeOK returns the reply to a successful command, or nil if the command has
// no id.
func EncodeOK(id ID, result any) ([]byte, error) {
	if len(id) == 0 {
		return nil, nil
	}
	return Marshal(okReply{ID: id, OK: result})
}

// EncodeError returns the reply to a failed command, with or without an id.
func EncodeError(id ID, failure *Error) ([]byte, error) {
	return Marshal(errorReply{ID: id, Error: failure})
}

// Marshal encodes in the protocol's one form: compact, without HTML escapes, map
// keys sorted.
func Marshal(v any) ([]byte, error) {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode frame: %w", err)
	}
	return b, nil
}
