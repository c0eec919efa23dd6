package room

import (
	"slices"
	"strings"
)

// User is one user of a room.
type User struct {
	Name     string
	Sessions int
}

// Users counts the sessions of each user, not the sockets: two connections of one
// session, as during a rotation, count once. It sorts by name.
func Users(members []Member) []User {
	sessions := map[string]map[string]bool{}
	for _, m := range members {
		if sessions[m.User] == nil {
			sessions[m.User] = map[string]bool{}
		}
		session := m.Session
		if session == "" {
			session = "\x00" + m.ConnectionID // a session of its own
		}
		sessions[m.User][session] = true
	}
	users := make([]User, 0, len(sessions))
	for name, s := range sessions {
		users = append(users, User{name, len(s)})
	}
	slices.SortFunc(users, func(a, b User) int { return strings.Compare(a.Name, b.Name) })
	return users
}

// Alone reports whether the user has no connection in the room except the given
// one: only then does its coming or going change who is present.
func Alone(members []Member, user, connectionID string) bool {
	return !slices.ContainsFunc(members, func(m Member) bool {
		return m.User == user && m.ConnectionID != connectionID
	})
}
