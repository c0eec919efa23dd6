package broadcast

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// Kind says what a wake-up asks for.
type Kind string

// The kinds of wake-up.
const (
	KindDrain     Kind = "drain"     // deliver what is in the room's log
	KindEphemeral Kind = "ephemeral" // push data that is not in the log
	KindPresence  Kind = "presence"  // tell the members who came or went
)

// Wake is the message that starts a broadcaster. SNS delivers it at least once
// and in any order; each kind can be handled again without harm.
type Wake struct {
	Kind Kind   `json:"kind"`
	Room string `json:"room"`

	// Epoch and Entry carry the message of a quiet room, so that the broadcaster
	// need not read the log. Epoch and Generation are from the head that the
	// sender saw; with them, the lease takes one write.
	Epoch      string     `json:"epoch,omitzero"`
	Generation uint64     `json:"generation,omitzero"`
	Entry      *WireEntry `json:"entry,omitzero"`

	// User, Origin and Data describe an ephemeral message or a change of
	// presence. Origin is the connection that caused it.
	User   string         `json:"user,omitzero"`
	Origin string         `json:"origin,omitzero"`
	Data   jsontext.Value `json:"data,omitzero"`
	// Left is true if the user went, false if the user came.
	Left bool `json:"left,omitzero"`

	// Attempt counts how often a drain has woken another after a temporary
	// failure.
	Attempt int `json:"attempt,omitzero"`
}

// WireEntry is a log entry inside a wake-up.
type WireEntry struct {
	Seq    uint64         `json:"seq"`
	User   string         `json:"user"`
	At     int64          `json:"at"`
	Key    string         `json:"key,omitzero"`
	Data   jsontext.Value `json:"data"`
	Origin string         `json:"origin,omitzero"`
}

// Waker sends wake-ups to the topic that starts broadcasters. After it returns
// nil, each wake-up is delivered at least once, or becomes a dead letter and is
// put back.
type Waker interface {
	Wake(ctx context.Context, wakes ...Wake) error
}

// DrainWake asks for a room to be drained after an append. It carries the message
// unless that is in another epoch than the head that the append saw.
func DrainWake(room string, r msglog.AppendResult) Wake {
	w := Wake{Kind: KindDrain, Room: room, Epoch: r.Head.Epoch, Generation: r.Head.Generation}
	if e := r.Entry; r.Epoch == r.Head.Epoch && e.Seq == r.Seq && !e.Void && len(e.Data) > 0 {
		w.Entry = &WireEntry{e.Seq, e.User, e.At.UnixMilli(), e.Key, e.Data, e.Origin}
	}
	return w
}

// HeadWake asks for a room to be drained whose head was seen as given.
func HeadWake(room string, head msglog.Head) Wake {
	return Wake{Kind: KindDrain, Room: room, Epoch: head.Epoch, Generation: head.Generation}
}

// seen returns the head that the sender of the wake-up saw; see
// msglog.Log.Acquire.
func (w Wake) seen() msglog.Head { return msglog.Head{Epoch: w.Epoch, Generation: w.Generation} }

// entry returns the carried entry if it is the one at the given position. An
// incomplete one, as a newer version might send, is read from the log instead.
func (w Wake) entry(at msglog.Position) (msglog.Entry, bool) {
	e := w.Entry
	switch {
	case e == nil || w.Epoch != at.Epoch || e.Seq != at.Seq:
		return msglog.Entry{}, false
	case e.User == "" || e.At == 0 || !e.Data.IsValid():
		return msglog.Entry{}, false
	}
	return msglog.Entry{
		Seq: e.Seq, User: e.User, At: time.UnixMilli(e.At), Key: e.Key, Data: e.Data, Origin: e.Origin,
	}, true
}

// Encode returns the wake-up as JSON.
func (w Wake) Encode() ([]byte, error) {
	b, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encode wake-up: %w", err)
	}
	return b, nil
}

// DecodeWake reads what Encode wrote, and ignores unknown fields, which a newer
// version may send.
func DecodeWake(b []byte) (Wake, error) {
	var w Wake
	if err := json.Unmarshal(b, &w); err != nil {
		return Wake{}, fmt.Errorf("decode wake-up: %w", err)
	}
	if w.Room == "" {
		return Wake{}, fmt.Errorf("decode wake-up: no room")
	}
	return w, nil
}

// LeftWakes tells each room of a connection that the connection has left.
func LeftWakes(c connection.Connection) []Wake {
	wakes := make([]Wake, 0, len(c.Rooms))
	for _, room := range slices.Sorted(maps.Keys(c.Rooms)) {
		wakes = append(wakes, PresenceWake(room, c.Identity.User, c.ID, true))
	}
	return wakes
}

// PresenceWake tells a room that a user's connection came or left.
func PresenceWake(room, user, connectionID string, left bool) Wake {
	return Wake{Kind: KindPresence, Room: room, User: user, Origin: connectionID, Left: left}
}
