package dynamo

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/gapless-rooms/gapless/pkg/connection"
)

// Authenticate sets the identity of a connection. It costs 1 WRU, and a second
// one in these cases: the connection is condemned, has a later token, or has
// other permissions and is in rooms; one of the rooms has a newer join, or any
// join began later; or the connection is in so many rooms that the new ones must
// be counted.
func (s *Connections) Authenticate(ctx context.Context, p connection.AuthenticateParams) (connection.Connection, error) {
	identity, err := identityItem(p.Identity)
	if err != nil {
		return connection.Connection{}, err
	}
	a := attempt{rooms: p.Rooms}
	for range authenticateTries {
		u := a.authentication(p, identity)
		u.table, u.key = s.table, s.key(p.ID)
		i, err := u.run(ctx, s.client, "authenticate connection")
		if err == nil {
			return connectionOf(i), nil
		}
		found, err := existing(err)
		if err != nil {
			return connection.Connection{}, err
		}
		c := connectionOf(found)
		switch {
		case len(found) == 0 || c.Closing:
			return connection.Connection{}, connection.ErrNotFound
		case found["u"] != nil && c.Identity.User != p.Identity.User:
			return connection.Connection{}, connection.ErrOtherUser
		case found["u"] == nil && p.Late:
			return connection.Connection{}, connection.ErrTooLate
		}
		a.learn(found, p, identity)
		if len(p.Rooms) > 0 && len(c.Rooms)+a.added() > p.Max {
			return connection.Connection{}, connection.ErrTooManyRooms
		}
		if a.overtaken && p.Session == "" && len(a.rooms) == 0 && (len(p.Rooms) == 0 || a.later) {
			return c, nil // nothing to set
		}
	}
	return connection.Connection{}, connection.ErrNotFound // a room's time is unreadable: the client must reconnect
}

// attempt holds what is known of a connection to authenticate; at first nothing.
type attempt struct {
	overtaken bool            // it has a later token
	keepDue   bool            // it is condemned
	regrant   bool            // it has other permissions
	later     bool            // a join began later than these
	rooms     []string        // the rooms to set, without those that have a newer join
	in        map[string]bool // those of rooms that it is in already
}

// learn updates an attempt with the item that refused it.
func (a *attempt) learn(found item, p connection.AuthenticateParams, identity item) {
	c := connectionOf(found)
	a.overtaken = a.overtaken || c.TokenAt.After(p.TokenAt)
	a.keepDue = a.keepDue || found["bc"] != nil
	a.regrant = a.regrant || !reflect.DeepEqual(found["p"], identity["p"])
	a.later = a.later || c.JoinedAt.After(p.Now)
	a.rooms = slices.DeleteFunc(slices.Clone(a.rooms), func(room string) bool { return c.Rooms[room].After(p.At) })
	a.in = map[string]bool{}
	for _, room := range a.rooms {
		if c.In(room) {
			a.in[room] = true
		}
	}
}

// added returns how many rooms the attempt adds at most.
func (a *attempt) added() int { return len(a.rooms) - len(a.in) }

// authenticateTries is more than the number of reasons to repeat an
// authentication.
const authenticateTries = 8

// authentication is the update of Authenticate without its key.
func (a *attempt) authentication(p connection.AuthenticateParams, identity item) update {
	owner := "(attribute_not_exists(u) OR u = :u)"
	if p.Late {
		owner = "u = :u"
	}
	u := update{condition: open + " AND " + owner, values: item{":u": identity["u"]}}
	set := item{}
	var sets, removes []string
	if !a.overtaken {
		maps.Copy(set, a.renewal(&u, p, identity))
		removes = slices.DeleteFunc([]string{"ti", "tx", "p"}, func(name string) bool { return set[name] != nil })
		if a.regrant {
			sets = append(sets, "pn = if_not_exists(pn, :none) + :one")
		}
	}
	if p.Session != "" {
		set["ss"] = text(p.Session)
	}
	switch {
	case len(p.Rooms) == 0:
	case a.later:
		u.condition += " AND ja > :ja"
		u.values[":ja"] = millis(p.Now)
	default:
		u.condition += " AND NOT ja > :ja"
		set["ja"] = millis(p.Now)
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		sets = append(sets, name+" = :"+name)
		u.values[":"+name] = set[name]
	}
	sets = append(sets, a.entry(&u, p)...)
	u.set = "SET " + strings.Join(sets, ", ")
	if len(removes) > 0 {
		u.set += " REMOVE " + strings.Join(removes, ", ")
	}
	return u
}

// renewal adds to u the conditions under which the identity may replace the
// stored one, and returns the attributes to set.
func (a *attempt) renewal(u *update, p connection.AuthenticateParams, identity item) item {
	set := maps.Clone(identity)
	u.condition += " AND NOT ta > :ta"
	u.values[":ta"] = number(0)
	if !p.TokenAt.IsZero() {
		set["ta"] = millis(p.TokenAt)
	}
	u.values[":none"] = number(0)
	switch {
	case a.regrant:
		u.values[":one"] = number(1)
	case set["p"] == nil:
		u.condition += " AND (attribute_not_exists(u) OR size(r) = :none OR attribute_not_exists(p))"
	default:
		u.condition += " AND (attribute_not_exists(u) OR size(r) = :none OR p = :p)"
	}
	if !a.keepDue {
		set["ck"] = millis(p.CheckAt)
		u.condition += unsentenced
	}
	return set
}

// entry adds to u the conditions under which the rooms may be set, and returns
// the expressions that set them.
func (a *attempt) entry(u *update, p connection.AuthenticateParams) []string {
	if len(a.rooms) == 0 {
		return nil
	}
	u.names = map[string]string{}
	u.values[":at"], u.values[":most"] = millis(p.At), number(p.Max-a.added())
	u.condition += " AND size(r) <= :most"
	var sets []string
	for n, room := range a.rooms {
		place := fmt.Sprintf("#r%d", n)
		u.names[place] = room
		sets = append(sets, "r."+place+" = :at")
		u.condition += " AND NOT r." + place + " > :at"
		if a.in[room] {
			u.condition += " AND attribute_exists(r." + place + ")"
		}
	}
	return sets
}
