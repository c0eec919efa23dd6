package protocol

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// Action names a command. API Gateway selects the route by it:
// $request.body.action.
type Action string

// The actions of the protocol. API Gateway itself answers ping.
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

// actionRow is an action and its parameters.
type actionRow struct {
	action    Action
	newParams func() Params
	takes     func(Params) bool // reports whether params are of the action's type
}

// actions are the actions that a function answers, in the order of PROTOCOL.md.
var actions = []actionRow{
	row[Hello](ActionHello),
	row[Auth](ActionAuth),
	row[Join](ActionJoin),
	row[Leave](ActionLeave),
	row[Publish](ActionPublish),
	row[History](ActionHistory),
	row[Sync](ActionSync),
	row[Presence](ActionPresence),
}

func row[T any, P interface {
	*T
	Params
}](action Action) actionRow {
	return actionRow{
		action:    action,
		newParams: func() Params { return P(new(T)) },
		takes:     func(params Params) bool { _, ok := params.(P); return ok },
	}
}

// Actions returns every action that a function answers, in the order of
// PROTOCOL.md.
func Actions() []Action {
	list := make([]Action, len(actions))
	for i, a := range actions {
		list[i] = a.action
	}
	return list
}

// newParams returns empty parameters of an action, or nil if there is no such
// action.
func newParams(action Action) Params {
	for _, a := range actions {
		if a.action == action {
			return a.newParams()
		}
	}
	return nil
}

// actionOf returns the action that takes params.
func actionOf(params Params) (Action, error) {
	for _, a := range actions {
		if a.takes(params) {
			return a.action, nil
		}
	}
	return "", fmt.Errorf("encode command: no action takes %T", params)
}

// ID is a command's id exactly as the client wrote it, a JSON string or integer,
// for the reply. It is empty if the command has none.
type ID = jsontext.Value

// Command is one decoded client frame. Params points to the struct of its action
// and is valid.
type Command struct {
	Action Action
	ID     ID
	Params Params
}

// Params are the parameters of an action.
type Params interface{ validate() *Error }

// From is where a join starts to read. Without Epoch, the current epoch is meant.
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

// Auth replaces the token of a live connection.
type Auth struct {
	Token string `json:"token"`
}

// Join makes the connection a member of a room.
type Join struct {
	Room string `json:"room"`
	From
}

// Leave ends the connection's membership in a room.
type Leave struct {
	Room string `json:"room"`
}

// Publish appends data to a room's log, or only sends it if Ephemeral.
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
