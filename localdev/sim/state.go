package sim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
	"github.com/gapless-rooms/gapless/pkg/auth"
)

// state is what stands in the tables.
type state struct {
	heads       map[string]head
	entries     map[place]entry
	members     []string // "room connection"
	connections []string
	blind       map[string]bool             // members that are not told who comes and goes
	permissions map[string]auth.Permissions // by connection; nil: everything
	sessions    map[string]string           // by connection: its session, or itself
}

type place struct {
	room, epoch string
	seq         uint64
}

func (p place) String() string { return fmt.Sprintf("%s %s/%d", p.room, p.epoch, p.seq) }

type head struct {
	epoch          string
	seq, delivered uint64
	owner          string
}

type entry struct {
	void                    bool
	user, key, data, origin string
}

func (e entry) String() string {
	if e.void {
		return "void"
	}
	return fmt.Sprintf("%s %s %s", e.user, e.key, e.data)
}

// readState reads the tables past every adapter, so that no bug of theirs can
// hide behind itself.
func readState(engine *dynamodb.Service) (state, error) {
	s := state{
		heads: map[string]head{}, entries: map[place]entry{},
		blind: map[string]bool{}, sessions: map[string]string{}, permissions: map[string]auth.Permissions{},
	}
	for _, table := range []string{"gapless-local-connections", "gapless-local-rooms", "gapless-local-log"} {
		items, err := engine.Items(table)
		if err != nil {
			return s, err
		}
		for _, raw := range items {
			var item map[string]any
			if err := json.Unmarshal(raw, &item); err != nil {
				return s, err
			}
			if err := s.add(item); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

func (s *state) add(item map[string]any) error {
	pk, sk := text(item, "pk"), text(item, "sk")
	kind, rest, _ := strings.Cut(pk, "#")
	switch kind {
	case "c":
		s.connections = append(s.connections, sk)
		s.sessions[sk] = cmp.Or(text(item, "ss"), sk)
		if p := text(item, "p"); p != "" {
			var permissions auth.Permissions
			if err := json.Unmarshal([]byte(p), &permissions); err != nil {
				return err
			}
			s.permissions[sk] = permissions
		}
	case "m":
		if item["l"] != nil {
			return nil // the mark of a leave
		}
		room, _, _ := strings.Cut(rest, "#")
		s.members = append(s.members, room+" "+sk)
		s.blind[room+" "+sk] = item["np"] != nil
	case "h":
		s.heads[rest] = head{text(item, "e"), count(item, "n"), count(item, "d"), text(item, "lo")}
	case "e":
		at, e := entryOf(item)
		s.entries[at] = e
	}
	return nil
}

func count(item map[string]any, name string) uint64 {
	n, _ := strconv.ParseUint(text(item, name), 10, 64)
	return n
}

func entryOf(item map[string]any) (place, entry) {
	_, rest, _ := strings.Cut(text(item, "pk"), "#")
	room, epoch, _ := strings.Cut(rest, "#")
	return place{room, epoch, count(item, "sk")}, entry{
		void: item["v"] != nil, user: text(item, "u"), key: text(item, "k"), data: text(item, "j"), origin: text(item, "c"),
	}
}
