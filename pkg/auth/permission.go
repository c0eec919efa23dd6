package auth

import (
	"slices"
	"strings"
)

// Action is something that can be permitted in a room.
type Action string

// The actions that a token can grant.
const (
	Join     Action = "join"
	Publish  Action = "publish"
	History  Action = "history"
	Presence Action = "presence"
)

// Permissions map room patterns to the actions that they grant, such as
//
//	{"org.42.*": ["join", "publish"], "user.{sub}": ["join"]}
//
// In a pattern, * stands for any characters, also none, and {sub} for the
// user. The action "*" grants all. Join grants history too: a join replays the
// same entries.
type Permissions map[string][]Action

// maxPatternBytes bounds a pattern of a token: a room name that is all
// variables fits twice.
const maxPatternBytes = 256

// Policy decides what an identity may do. Its zero value denies all that a
// token does not grant.
type Policy struct {
	// Open grants everything to a token that says nothing of rooms.
	Open bool
}

// Allows reports whether the identity may perform the action in room.
func (p Policy) Allows(id Identity, action Action, room string) bool {
	if id.Permissions == nil {
		return p.Open
	}
	for pattern, actions := range id.Permissions {
		granted := slices.ContainsFunc(actions, func(a Action) bool {
			return a == action || a == "*" || (a == Join && action == History)
		})
		if granted && match(expand(pattern, id.User), room) {
			return true
		}
	}
	return false
}

// part is a piece of a pattern: literal text, or a star.
type part struct {
	star bool
	text string
}

// expand splits a pattern at its stars and puts the user in. A star in the
// user's id is an ordinary character: an id must not widen a pattern.
func expand(pattern, user string) []part {
	var parts []part
	for i, literal := range strings.Split(pattern, "*") {
		if i > 0 {
			parts = append(parts, part{star: true})
		}
		parts = append(parts, part{text: strings.ReplaceAll(literal, "{sub}", user)})
	}
	return parts
}

// match reports whether a room fits a pattern. It looks for each literal once,
// from left to right, the last one at the end: for patterns without other
// wildcards the leftmost place is always as good as any, so there is no
// backtracking and the time is linear in the room's length for each literal.
func match(pattern []part, room string) bool {
	first, last := pattern[0], pattern[len(pattern)-1]
	if len(pattern) == 1 {
		return room == first.text
	}
	rest, ok := strings.CutPrefix(room, first.text)
	if !ok || len(rest) < len(last.text) {
		return false
	}
	if rest, ok = strings.CutSuffix(rest, last.text); !ok {
		return false
	}
	for _, p := range pattern[1 : len(pattern)-1] {
		if p.star {
			continue
		}
		at := strings.Index(rest, p.text)
		if at < 0 {
			return false
		}
		rest = rest[at+len(p.text):]
	}
	return true
}
