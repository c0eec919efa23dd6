package protocol

import "github.com/go-json-experiment/json/jsontext"

// Action names a command and is the route key that API Gateway selects by
// $request.body.action.
type Action string

// The actions of the protocol. Ping is answered by the gateway itself.
const (
	ActionHello    Action = "hello"
	ActionAuth     Action = "auth"
	ActionJoin     Action = "join"
	ActionLeave    Action = "leave"
	ActionPublish  Action = "publish"
	ActionHistory  Action = "history"
	ActionSync     Action = "sync"
	ActionPresence Action = "presence"
	ActionPing     Action = "ping"
)

// Actions lists every action that a function answers, in the order of the
// documentation.
func Actions() []Action {
	return []Action{
		ActionHello, ActionAuth, ActionJoin, ActionLeave, ActionPublish,
		ActionHistory, ActionSync, ActionPresence,
	}
}

// ID is a command's id exactly as the client wrote it (a JSON string or
// integer), to be echoed; it is empty when the command had none.
type ID = jsontext.Value

// Command is one decoded client frame. Params is a pointer to the struct that
// belongs to the action, already validated.
type Command struct {
	Action Action
	ID     ID
	Params Params
}

// Params is implemented by the parameters of every action.
type Params interface{ validate() *Error }

// From is where a join or a history starts. Without Epoch the current one is
// meant.
type From struct {
	Since *uint64 `json:"since"`
	Epoch string  `json:"epoch"`
	Last  *uint64 `json:"last"`
}

// Hello authenticates and joins several rooms at once.
type Hello struct {
	Token   string          `json:"token"`
	Session string          `json:"session"`
	Rooms   map[string]From `json:"rooms"`
}

// Auth presents a fresh token on a live connection.
type Auth struct {
	Token string `json:"token"`
}

// Join makes the connection a member of a room.
type Join struct {
	Room string `json:"room"`
	From
}

// Leave ends the membership.
type Leave struct {
	Room string `json:"room"`
}

// Publish appends data to a room's log, or sends it past the log when
// ephemeral.
type Publish struct {
	Room      string         `json:"room"`
	Data      jsontext.Value `json:"data"`
	Key       string         `json:"key"`
	Ephemeral bool           `json:"ephemeral"`
}

// History reads a page of a room's log, forwards from Since or backwards from
// Before.
type History struct {
	Room   string  `json:"room"`
	Since  *uint64 `json:"since"`
	Before *uint64 `json:"before"`
	Epoch  string  `json:"epoch"`
	Limit  *uint64 `json:"limit"`
}

// Sync asks for each room whether anything was missed.
type Sync struct {
	Rooms map[string]From `json:"rooms"`
}

// Presence asks who is in a room.
type Presence struct {
	Room string `json:"room"`
}
