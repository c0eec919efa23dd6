package client

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	storms     = flag.Uint64("storms", 20, "storms to go through")
	tell       = flag.Bool("tell-storm", false, "print what passed in storms that fail")
	firstStorm = flag.Uint64("first-storm", 1, "seed of the first storm")
)

// TestStorm lets clients publish, read, leave and come back while a server does
// everything to them that a server may. Each reader sees the log: in order,
// nothing twice, nothing left out but what a reset says; each acknowledged
// publish stands where it was acknowledged, once. After the storm all that is
// missing comes by itself, though nobody publishes or syncs any more.
func TestStorm(t *testing.T) {
	t.Parallel()
	for seed := *firstStorm; seed < *firstStorm+*storms; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { storm(t, seed) })
		})
	}
}

func storm(t *testing.T, seed uint64) {
	w := newWorld(seed)
	ctx, cancel := context.WithCancel(t.Context())
	var publishing, reading sync.WaitGroup
	var sailors []*sailor
	for n := range uint64(3) {
		s := newSailor(t, w, fmt.Sprint("user-", n), rand.New(rand.NewPCG(seed, n+1))) //nolint:gosec // a test
		sailors = append(sailors, s)
		for _, room := range []string{"bay", "cape"} {
			reading.Go(func() { s.read(ctx, room) })
			publishing.Go(func() { s.publish(room) })
		}
		publishing.Go(func() {
			for range 10 {
				time.Sleep(s.upto(10 * time.Second))
				s.client.Check()
			}
		})
	}
	publishing.Wait()
	w.mu.Lock()
	w.calm = true
	w.mu.Unlock()
	time.Sleep(3 * time.Minute)
	for _, s := range sailors {
		s.arrived()
	}
	cancel()
	reading.Wait()
	for _, s := range sailors {
		_ = s.client.Close()
		<-s.client.Done()
	}
	w.once(t)
	if *tell && t.Failed() {
		t.Log(strings.Join(w.told, "\n"))
	}
}

// once checks that no message stands in a log twice.
func (w *world) once(t *testing.T) {
	for _, r := range w.rooms {
		for _, log := range append(values(r.past), r.log) {
			seen := map[any]bool{}
			for _, e := range log {
				if data := e.entry["data"]; e.entry["void"] != true && seen[data] {
					t.Errorf("%v is in %s twice", data, r.name)
				}
				seen[e.entry["data"]] = true
			}
		}
	}
}

func values[K comparable, V any](m map[K]V) []V {
	var all []V
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// sailor is one client and what it has seen.
type sailor struct {
	t      *testing.T
	w      *world
	name   string
	client *Client

	mu     sync.Mutex
	random *rand.Rand
	rooms  map[string]*Room
}

func newSailor(t *testing.T, w *world, name string, random *rand.Rand) *sailor {
	t.Helper()
	s := &sailor{t: t, w: w, name: name, random: random, rooms: map[string]*Room{}}
	options := Options{
		Transport: w, RetryDial: true, SyncEvery: 24 * time.Hour, // no sync hides what is lost
		Header: http.Header{"User": {name}}, Rand: s.float,
	}
	if s.oneIn(2) {
		options.MaxBuffered = 1 + int(s.upto(6))
	}
	c, err := Dial(t.Context(), "memory:", options)
	if err != nil {
		t.Fatal(err)
	}
	s.client = c
	return s
}

func (s *sailor) float() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Float64()
}

func (s *sailor) oneIn(n int) bool { return int(s.float()*float64(n)) == 0 }

func (s *sailor) upto(d time.Duration) time.Duration { return time.Duration(s.float() * float64(d)) }

// publish says what the log has to hold, in this order.
func (s *sailor) publish(room string) {
	var last Published
	for n := range 25 {
		if s.oneIn(3) {
			time.Sleep(s.upto(8 * time.Second))
		}
		data := fmt.Sprintf("%s %d", s.name, n)
		ctx, cancel := context.WithTimeout(s.t.Context(), 8*time.Minute)
		published, err := s.client.Room(room).Publish(ctx, data)
		cancel()
		if err != nil {
			s.t.Errorf("%s to %s: %v", data, room, err)
			return
		}
		s.w.mu.Lock()
		log := s.w.rooms[room].entries(published.Epoch)
		s.w.mu.Unlock()
		if published.Seq > uint64(len(log)) || log[published.Seq-1].entry["data"] != data {
			s.t.Errorf("%s was acknowledged as %s", data, published)
		}
		if published.Epoch == last.Epoch && published.Seq <= last.Seq {
			s.t.Errorf("%s is %s, what was published before is %s", data, published, last)
		}
		last = published
	}
}

// read hears a room, leaves it now and then, and goes on from where it was.
func (s *sailor) read(ctx context.Context, name string) {
	var at Position
	options, known := []JoinOption{Since(at)}, true
	if s.oneIn(2) {
		options, known = []JoinOption{Last(int(s.upto(6)))}, false
	}
	for {
		room := s.client.Join(name, options...)
		s.mu.Lock()
		s.rooms[name] = room
		s.mu.Unlock()
		for {
			m, err := room.Next(ctx)
			var reset *ResetError
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				s.check(m, at, known)
				at, known = m.Position, true
			case errors.As(err, &reset):
				if !s.w.reborn {
					s.t.Errorf("%s in %s at %s: %v", s.name, name, at, err)
				}
				at, known = reset.To, true
			case errors.Is(err, ErrLeft):
			default:
				s.t.Errorf("%s in %s: %v", s.name, name, err)
				return
			}
			if errors.Is(err, ErrLeft) {
				break
			}
			if s.oneIn(10) {
				time.Sleep(s.upto(5 * time.Second))
			}
			if known && s.oneIn(40) {
				hasty, cancel := context.WithTimeout(ctx, s.upto(200*time.Millisecond))
				_ = room.Leave(hasty)
				cancel()
			}
		}
		options = []JoinOption{Since(at)}
	}
}

// check demands that a message is the log's next after a position.
func (s *sailor) check(m Message, at Position, known bool) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	log := s.w.rooms[m.Room].entries(m.Epoch)
	var data string
	if err := m.Decode(&data); err != nil || m.Seq > uint64(len(log)) || log[m.Seq-1].entry["data"] != data {
		s.t.Errorf("%s in %s: message %+v is not in the log", s.name, m.Room, m)
		return
	}
	if !known {
		return
	}
	if m.Epoch != at.Epoch && at.Epoch != "" || m.Seq <= at.Seq {
		s.t.Errorf("%s in %s: %s after %s", s.name, m.Room, m.Position, at)
		return
	}
	for seq := at.Seq + 1; seq < m.Seq; seq++ {
		if log[seq-1].entry["void"] != true {
			s.t.Errorf("%s in %s: %s after %s, without %d", s.name, m.Room, m.Position, at, seq)
		}
	}
}

// arrived demands that everything has come.
func (s *sailor) arrived() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, room := range s.rooms {
		r := s.w.rooms[name]
		if end := (Position{r.epoch, uint64(r.head())}); room.Position() != end { //nolint:gosec // not negative
			s.t.Errorf("%s in %s: came to %s, the log to %s", s.name, name, room.Position(), end)
		}
	}
}
