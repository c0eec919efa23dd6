package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

var raceTests = []test[msglog.Store]{
	{"numbers are dense and of one epoch", func(t *testing.T, s msglog.Store) {
		const each = 5
		room := unique(t, "room")
		taken := race(t, width, func(i int) ([]msglog.Position, error) {
			var mine []msglog.Position
			for range each {
				head, err := s.TakeNumber(t.Context(), takeParams(room, numbered("epoch", i)))
				if err != nil {
					return nil, err
				}
				mine = append(mine, head.Position())
			}
			return mine, nil
		})
		var seqs []uint64
		epochs := map[string]bool{}
		for _, mine := range taken {
			for i, p := range mine {
				seqs, epochs[p.Epoch] = append(seqs, p.Seq), true
				if i > 0 && p.Seq <= mine[i-1].Seq {
					t.Fatalf("one taker's numbers fall: %v", mine)
				}
			}
		}
		slices.Sort(seqs)
		for i, seq := range seqs {
			if seq != uint64(i+1) {
				t.Fatalf("numbers are not dense: %v", seqs)
			}
		}
		same(t, len(epochs), 1)
	}},
	{"a key has one winner", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		agreed(t, race(t, width, func(i int) (msglog.Position, error) {
			return s.Mark(t.Context(), markParams(room, uint64(i+1))) //nolint:gosec // small
		}))
	}},
	{"an expired key has one winner", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		mark(t, s, markParams(room, 1000))
		winner := agreed(t, race(t, width, func(i int) (msglog.Position, error) {
			p := markParams(room, uint64(i+1)) //nolint:gosec // small
			p.Now, p.Expires = Start.Add(2*window), Start.Add(3*window)
			return s.Mark(t.Context(), p)
		}))
		if winner == place(1000) {
			t.Fatal("the expired claim still stands")
		}
	}},
	{"a move has one winner", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		mark(t, s, markParams(room, 1000))
		winner := agreed(t, race(t, width, func(i int) (msglog.Position, error) {
			return s.MoveMark(t.Context(), moveParams(room, 1000, uint64(i+1))) //nolint:gosec // small
		}))
		if winner == place(1000) {
			t.Fatal("the key has not moved")
		}
	}},
	{"a number has one winner that all see", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		type result struct {
			user   string
			void   bool
			filled bool
		}
		results := race(t, width, func(i int) (result, error) {
			e := entry(1)
			e.User = numbered("user", i)
			if i%2 == 1 {
				e = msglog.Void(1)
			}
			stands, filled, err := s.Fill(t.Context(), fillParams(room, e))
			return result{stands.User, stands.Void, filled}, err
		})
		winners := 0
		for _, r := range results {
			if r.filled {
				winners++
			}
			same(t, [2]any{r.user, r.void}, [2]any{results[0].user, results[0].void})
		}
		same(t, winners, 1)
		stands := entries(t, s, rangeParams(room, 0, 1))
		same(t, len(stands), 1)
		same(t, [2]any{stands[0].User, stands[0].Void}, [2]any{results[0].user, results[0].void})
	}},
	{"a lease has one winner", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		take(t, s, room)
		contend(t, s, room, Start)
		contend(t, s, room, Start.Add(leaseFor)) // the same for an expired lease
	}},
	{"no release passes over a number whose taker saw the lease", func(t *testing.T, s msglog.Store) {
		const rounds = 12
		room := unique(t, "room")
		delivered := take(t, s, room).Seq
		for range rounds {
			p := leaseParams(room, "ada")
			acquire(t, s, p)
			p.Delivered = delivered
			type result struct {
				seq      uint64
				sawLease bool
				released bool
			}
			const takers = 3
			results := race(t, takers+1, func(i int) (result, error) {
				if i == takers {
					_, released, err := s.ReleaseLease(t.Context(), p)
					return result{released: released}, err
				}
				head, err := s.TakeNumber(t.Context(), takeParams(room, "epoch"))
				return result{seq: head.Seq, sawLease: head.Lease.Live(Start)}, err
			})
			for _, r := range results[:takers] {
				// Either the number was taken before the release, which then must
				// have failed, or after it, and the taker knows that nobody is at
				// work.
				if r.sawLease == results[takers].released {
					t.Fatalf("number %d: lease seen %v, released %v", r.seq, r.sawLease, results[takers].released)
				}
			}
			delivered = head(t, s, room).Seq
			if !results[takers].released {
				p.Delivered = delivered
				_, released, err := s.ReleaseLease(t.Context(), p)
				ok(t, err)
				same(t, released, true)
				delivered = take(t, s, room).Seq
			}
		}
	}},
}

// contend lets many ask for a lease concurrently and checks that one gets it.
func contend(t *testing.T, s msglog.Store, room string, now time.Time) {
	t.Helper()
	generation := head(t, s, room).Generation
	winners := race(t, width, func(i int) (bool, error) {
		p := leaseParams(room, numbered("owner"+now.String(), i))
		p.Now, p.Until = now, now.Add(leaseFor)
		p.Generation = generation
		head, acquired, err := s.AcquireLease(t.Context(), p)
		return acquired && head.Lease.Owner == p.Owner, err
	})
	count := 0
	for _, won := range winners {
		if won {
			count++
		}
	}
	same(t, count, 1)
}
