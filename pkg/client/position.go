package client

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Position is a place in a room's log: "everything of epoch E up to number 44".
// Store both fields, after the message is handled: a number means nothing
// without its epoch. Compare epochs only for equality. The zero Position is
// before the first entry of the current log.
type Position struct {
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

func (p Position) String() string { return fmt.Sprintf("%s/%d", p.Epoch, p.Seq) }

// Message is one entry of a room's log.
type Message struct {
	Room string
	Position
	User string
	// At is the time of publishing by the server's clock, or by this client's
	// clock for its own message on the present connection.
	At time.Time
	// Key is the publisher's key, or empty. This package always sends one.
	Key string
	// Data is compact JSON.
	Data json.RawMessage
}

// Decode unmarshals Data into v, a pointer.
func (m Message) Decode(v any) error {
	if err := json.Unmarshal(m.Data, v); err != nil {
		return fmt.Errorf("decode message %d of room %s: %w", m.Seq, m.Room, err)
	}
	return nil
}

func newMessage(room, epoch string, e protocol.Entry) Message {
	return Message{
		Room: room, Position: Position{epoch, e.Seq}, User: e.User,
		At: time.UnixMilli(e.At), Key: e.Key, Data: json.RawMessage(e.Data),
	}
}

// Published is the result of [Room.Publish]: the message's place in the log.
type Published struct {
	Position
	// Duplicate is true if the key had been published before. Position is then
	// that of the first message.
	Duplicate bool
}

// Ephemeral is a message sent by [Room.Send]: not in the log.
type Ephemeral struct {
	Room, User string
	Data       json.RawMessage
}

// PresenceChange names the users whose first connection joined a room and those
// whose last one left. It may be late or lost: [Room.Presence] is the truth.
type PresenceChange struct {
	Room         string
	Joined, Left []string
	// Count is the number of users now.
	Count int
}

// Presence is the result of [Room.Presence].
type Presence struct {
	// Count is the number of users. Users holds as many as fit into one frame.
	Count int
	Users []PresenceUser
}

// PresenceUser is a user and the number of its sessions in the room.
type PresenceUser struct {
	User     string
	Sessions int
}
