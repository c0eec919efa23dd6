package sim

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/gapless-rooms/gapless/pkg/auth"
)

// present has everybody ask who is in their rooms, once nothing moves any more,
// and compares the answers with the memberships.
func (w *world) present(ctx context.Context) error {
	s, err := readState(w.stack.DynamoDB)
	if err != nil {
		return err
	}
	for _, c := range w.clients {
		c.mu.Lock()
		l, ended, exchanged := c.link, c.ended, c.exchanged
		var rooms []string
		for _, room := range slices.Sorted(maps.Keys(c.follows)) {
			if f := c.follows[room]; f.joined && f.want && (c.Grants == nil || slices.Contains(c.Grants[room], auth.Presence)) {
				rooms = append(rooms, room)
			}
		}
		c.mu.Unlock()
		if l == nil || ended != "" || exchanged {
			continue
		}
		for _, room := range rooms {
			b, err := c.ask(ctx, l, fields{"action": "presence", "room": room})
			if err != nil {
				w.check.fail(sound, room, "%s asked who is in %s: %v", c.name(), room, err)
				continue
			}
			w.check.whoIsThere(c, s, room, b)
		}
	}
	return nil
}

// whoIsThere compares an answer about presence with the memberships.
func (k *checker) whoIsThere(c *client, s state, room string, answer json.RawMessage) {
	var got struct {
		Count int
		Users []struct {
			User     string
			Sessions int
		}
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		k.fail(sound, room, "%s got an answer about presence that cannot be read: %s", c.name(), answer)
		return
	}
	want := map[string]map[string]bool{}
	for _, m := range s.members {
		in, id, _ := strings.Cut(m, " ")
		k.mu.Lock()
		who := k.links[id].client
		k.mu.Unlock()
		if in != room || who == nil {
			continue
		}
		if want[who.User] == nil {
			want[who.User] = map[string]bool{}
		}
		want[who.User][s.sessions[id]] = true
	}
	same := got.Count == len(want) && len(got.Users) == len(want)
	for _, u := range got.Users {
		same = same && u.Sessions == len(want[u.User])
	}
	k.mu.Lock()
	k.reach.Present++
	k.mu.Unlock()
	if !same {
		k.fail(sound, room, "%s asked who is in %s and was told %s; the members are %v", c.name(), room, answer, want)
	}
}
