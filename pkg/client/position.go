package client

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Position is a place in a room's log: "everything of epoch E up to number 44".
// Keep both, after you have handled the message; a number alone means little.
// Epochs are compared for equality only. The zero Position is before the first
// entry of whatever log there is.
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
	// At is when it was published, by the server's clock; by this client's
	// for what it published itself on the present connection.
	At time.Time
	// Key is the publisher's, if it gave one; this package always does.
	Key string
	// Data is compact JSON.
	Data json.RawMessage
}

// Decode reads Data into what v points to.
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

// Published is what a publish became.
type Published struct {
	Position
	// Duplicate says that the key had been published before; Position is then
	// the first one's.
	Duplicate bool
}

// Ephemeral is data that was sent past the log.
type Ephemeral struct {
	Room, User string
	Data       json.RawMessage
}

// PresenceChange tells which users' first connection to a room has come and
// whose last one has gone. It is a hint: Room.Presence is the truth.
type PresenceChange struct {
	Room         string
	Joined, Left []string
	// Count is the number of users now.
	Count int
}

// Presence is who is in a room.
type Presence struct {
	// Count is the number of users; Users may hold fewer.
	Count int
	Users []PresenceUser
}

// PresenceUser is one user and how many sessions it has in the room.
type PresenceUser struct {
	User     string
	Sessions int
}
