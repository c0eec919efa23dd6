package protocol

import "github.com/go-json-experiment/json/jsontext"

// Push names the content of a frame without an id.
type Push string

// The pushes of the protocol.
const (
	PushMessages  Push = "messages"
	PushEphemeral Push = "ephemeral"
	PushPresence  Push = "presence"
	PushBehind    Push = "behind"
	PushBye       Push = "bye"
	PushPong      Push = "pong"
)

// Pong is the frame with which API Gateway's mock integration answers a ping.
const Pong = `{"push":"pong"}`

// Messages brings entries of one room in ascending order.
type Messages struct {
	Push     Push             `json:"push"`
	Room     string           `json:"room"`
	Epoch    string           `json:"epoch"`
	Messages []jsontext.Value `json:"messages"` // each an encoded Entry
}

// Ephemeral brings data that is not in the log.
type Ephemeral struct {
	Push Push           `json:"push"`
	Room string         `json:"room"`
	User string         `json:"user"`
	Data jsontext.Value `json:"data"`
}

// PresenceChange tells who came and went. Count is the number of users after the
// change.
type PresenceChange struct {
	Push   Push     `json:"push"`
	Room   string   `json:"room"`
	Joined []string `json:"joined"`
	Left   []string `json:"left"`
	Count  int      `json:"count"`
}

// Behind tells a connection that it was too slow, and that it gets no live
// messages of the room until it joins again.
type Behind struct {
	Push  Push   `json:"push"`
	Room  string `json:"room"`
	Epoch string `json:"epoch"`
	Head  uint64 `json:"head"`
}

// Bye comes before the server closes a connection.
type Bye struct {
	Push      Push   `json:"push"`
	Code      int    `json:"code"`
	Reason    string `json:"reason"`
	Reconnect bool   `json:"reconnect"`
	AfterMs   int64  `json:"afterMs,omitzero"`
}

// NewMessages returns the push of encoded entries.
func NewMessages(room, epoch string, entries []jsontext.Value) Messages {
	return Messages{PushMessages, room, epoch, entries}
}

// NewEphemeral returns the push of ephemeral data.
func NewEphemeral(room, user string, data jsontext.Value) Ephemeral {
	return Ephemeral{PushEphemeral, room, user, data}
}

// NewPresenceChange returns the push of a change; nil lists become empty ones.
func NewPresenceChange(room string, joined, left []string, count int) PresenceChange {
	return PresenceChange{PushPresence, room, append([]string{}, joined...), append([]string{}, left...), count}
}

// NewBehind returns the push that tells a slow connection to catch up.
func NewBehind(room, epoch string, head uint64) Behind {
	return Behind{PushBehind, room, epoch, head}
}

// NewBye returns the push for a reason; afterMs matters only if the client should
// reconnect.
func NewBye(why Close, afterMs int64) Bye {
	bye := Bye{Push: PushBye, Code: why.Code, Reason: why.Reason, Reconnect: why.Reconnect()}
	if bye.Reconnect {
		bye.AfterMs = afterMs
	}
	return bye
}
