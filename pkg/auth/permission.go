package auth

import (
	"slices"
	"strings"
)

// Action is something that a client may do in a room.
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
// In a pattern, * stands for any number of characters, including none, and {sub}
// for the user as InRoom writes it. The action "*" grants all. Join also grants
// history, because a join replays the same entries.
type Permissions map[string][]Action

// maxPatternBytes limits a pattern of a token to twice the longest room name.
const maxPatternBytes = 256

// Policy decides what an identity may do. Its zero value grants only what the
// token grants.
type Policy struct {
	// Open grants everything to tokens that do not mention rooms.
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

// InRoom returns a user's id as it replaces {sub} in room names: each byte except
// A–Z a–z 0–9 and - becomes _ and two hexadecimal digits, so auth0|12 becomes
// auth0_7C12. No two users have the same result, and no result contains a
// character that separates the parts of a room's name: ada.lovelace gets no room
// of user.{sub}.* meant for ada. A result longer than 128 characters fits into no
// room's name.
func InRoom(user string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(user) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
			b.WriteByte(c)
		default:
			b.Write([]byte{'_', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// expand puts the user into a pattern and returns the texts between its stars.
func expand(pattern, user string) []string {
	texts := strings.Split(pattern, "*")
	for i, text := range texts {
		texts[i] = strings.ReplaceAll(text, "{sub}", InRoom(user))
	}
	return texts
}

// match reports whether a room fits a pattern, given as the texts between its
// stars. It searches for each text once, from left to right, and for the last one
// at the end. Without other wildcards, the leftmost place is always as good as
// any, so there is no backtracking, and the time for each text is linear in the
// room's length.
func match(texts []string, room string) bool {
	last := len(texts) - 1
	if last == 0 {
		return room == texts[0]
	}
	rest, ok := strings.CutPrefix(room, texts[0])
	if !ok {
		return false
	}
	if rest, ok = strings.CutSuffix(rest, texts[last]); !ok {
		return false
	}
	for _, text := range texts[1:last] {
		if _, rest, ok = strings.Cut(rest, text); !ok {
			return false
		}
	}
	return true
}
