package sim

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
	"testing"
)

// rooms are the parts of an expression that stand there once for each room.
var rooms = regexp.MustCompile(`(, r\.#r\d+ = :at)+|( AND NOT r\.#r\d+ > :at)+`)

// shape is what a call does, whatever it does it to: function, operation, kind of
// item, and expressions.
func (p Point) shape() string { return p.Function + "\t" + rooms.ReplaceAllString(p.Label, ", a room") }

// uncrashed are the shapes that seeds have and no scenario, each with its reason.
var uncrashed = map[string]string{
	"broadcast\tDeleteItem member if attribute_not_exists(l)":                                                                                     "a member whose connection ended while a drain served it: the sweeper deletes memberships of ended connections too, and that is crashed",
	"broadcast\tUpdateItem head: ADD lg :one SET d = :d, q = :q REMOVE lo, lu if lo = :owner AND e = :e AND (attribute_not_exists(d) OR d <= :d)": "a drain that gives up and knows that more waits: the form without q is crashed",
	"message\tUpdateItem connection: SET ck = :ck, p = :p, ss = :ss, ti = :ti, tx = :tx, u = :u if attribute_exists(pk) AND attribute_not_exists(cl) AND (attribute_not_exists(u) OR u = :u) AND NOT ta > :ta AND (attribute_not_exists(u) OR size(r) = :none OR p = :p) AND attribute_not_exists(bc)":                                                                 "a hello that names no room, with a token that names rooms: the same write without rooms",
	"message\tUpdateItem connection: SET ck = :ck, ja = :ja, p = :p, ss = :ss, ti = :ti, tx = :tx, u = :u, a room if attribute_exists(pk) AND attribute_not_exists(cl) AND (attribute_not_exists(u) OR u = :u) AND NOT ta > :ta AND (attribute_not_exists(u) OR size(r) = :none OR p = :p) AND attribute_not_exists(bc) AND NOT ja > :ja AND size(r) <= :most, a room": "a hello whose token names rooms: that of one which names none is crashed",
	"message\tUpdateItem connection: SET ck = :ck, p = :p, ta = :ta, ti = :ti, tx = :tx, u = :u if attribute_exists(pk) AND attribute_not_exists(cl) AND u = :u AND NOT ta > :ta AND (attribute_not_exists(u) OR size(r) = :none OR p = :p) AND attribute_not_exists(bc)":                                                                                              "an auth before the first one whose token is remembered: the same write under another condition",
	"message\tUpdateItem connection: SET ck = :ck, ss = :ss, ti = :ti, tx = :tx, u = :u REMOVE p if attribute_exists(pk) AND attribute_not_exists(cl) AND (attribute_not_exists(u) OR u = :u) AND NOT ta > :ta AND (attribute_not_exists(u) OR size(r) = :none OR attribute_not_exists(p)) AND attribute_not_exists(bc)":                                               "a hello that names no room: the same write without rooms",
	"message\tUpdateItem connection: SET r.#r = :at if attribute_exists(pk) AND attribute_not_exists(cl) AND ja > :ja AND (size(r) < :max OR attribute_exists(r.#r)) AND NOT r.#r > :at":                                                                                                                                                                               "a join that began before another that was written first: the same write without the date",
	"message\tUpdateItem connection: SET ja = :ja if attribute_exists(pk) AND attribute_not_exists(cl) AND NOT ja > :ja AND r.#r > :at":                                                                                                                                                                                                                                "a join that a later one has overtaken: one write, which only marks the connection as joining",
	"message\tUpdateItem connection: SET pn = if_not_exists(pn, :none) + :one, ck = :ck, p = :p, ta = :ta, ti = :ti, tx = :tx, u = :u if attribute_exists(pk) AND attribute_not_exists(cl) AND u = :u AND NOT ta > :ta AND attribute_not_exists(bc)":                                                                                                                   "a second auth: the same write under another condition",
	"message\tUpdateItem limit-of-joins: SET x = :x ADD n :n": "the same write as that of all other limits",
}

// TestCrashShapes holds the scenarios to every shape of call that seeds of any
// class come to.
func TestCrashShapes(t *testing.T) {
	if !*everyCrash {
		t.Skip("takes a hundred runs: make sim-crash")
	}
	crashed := map[string]bool{}
	for _, s := range dryRuns(t) {
		for _, p := range s.points {
			crashed[p.shape()] = true
		}
	}
	missing := map[string]string{}
	var mu sync.Mutex
	t.Run("seeds", func(t *testing.T) {
		for _, class := range Classes() {
			if class.rare {
				continue // many members, and the calls of the others
			}
			t.Run(class.Name, func(t *testing.T) {
				t.Parallel()
				for seed := uint64(1); seed <= 5; seed++ {
					r := Run(t, Config{Seed: seed, Class: class.Name})
					mu.Lock()
					for _, p := range r.Calls {
						if s := p.shape(); !crashed[s] && missing[s] == "" {
							missing[s] = fmt.Sprintf("seed %d of %s, at %v", seed, class.Name, p.At)
						}
					}
					mu.Unlock()
				}
			})
		}
	})
	for _, s := range slices.Sorted(maps.Keys(missing)) {
		if uncrashed[s] == "" {
			t.Errorf("no scenario has, as %s: %s", missing[s], s)
		}
	}
	for s := range uncrashed {
		if crashed[s] {
			t.Errorf("a scenario has it, so it must not be listed: %s", s)
		}
	}
	t.Logf("%d shapes in the scenarios, %d only in seeds", len(crashed), len(missing))
}
