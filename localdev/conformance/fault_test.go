package conformance

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/storetest"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

// TestSuitesUnderFailures runs the suites while a third of all calls fail
// without effect, so that the SDK repeats them.
func TestSuitesUnderFailures(t *testing.T) {
	t.Parallel()
	var armed atomic.Bool
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a repeatable choice of faults
	b, server := onEngine(t, dynamodb.Config{Fault: func(string, string) dynamodb.Fault {
		mu.Lock()
		defer mu.Unlock()
		if !armed.Load() || random.IntN(3) > 0 {
			return dynamodb.NoFault
		}
		return []dynamodb.Fault{dynamodb.Throttle, dynamodb.FailBefore, dynamodb.LoseRequest}[random.IntN(3)]
	}})
	armed.Store(true)
	b.client = withRetries(server)
	runOthers(t, b)
	repeated := dynamo.NewLog(repeating{b.client}, b.tables["rooms"], b.tables["log"], slog.New(slog.DiscardHandler))
	storetest.RunLog(t, func(*testing.T) msglog.Store { return repeated })
	storetest.RunAppend(t, func(*testing.T) msglog.Store { return repeated })
	t.Run("TakeNumber", func(t *testing.T) {
		t.Parallel()
		first := takeNumber(t, b)
		for n := range uint64(50) {
			equal(t, takeNumber(t, b).Position(), msglog.Position{Epoch: first.Epoch, Seq: first.Seq + n + 1})
		}
	})
}

// repeating has the SDK make all repetitions: the log's suite names the epochs
// that it expects, and attempts that the log makes itself have others.
type repeating struct{ *sdk.Client }

func (r repeating) UpdateItem(ctx context.Context, in *sdk.UpdateItemInput, _ ...func(*sdk.Options)) (*sdk.UpdateItemOutput, error) {
	return r.Client.UpdateItem(ctx, in)
}

// TestSuitesWithStaleReads runs the suites while every read that does not ask
// for consistency lags 16 writes behind: none of these may rest on one.
func TestSuitesWithStaleReads(t *testing.T) {
	t.Parallel()
	b, _ := onEngine(t, dynamodb.Config{StaleReads: func(dynamodb.Read) int { return dynamodb.HistoryLength }})
	storetest.RunLog(t, func(*testing.T) msglog.Store { return b.log() })
	storetest.RunAppend(t, func(*testing.T) msglog.Store { return b.log() })
	storetest.RunRooms(t, func(*testing.T) room.Store { return b.rooms() })
}

func TestPeekMayBeLateButGetIsNot(t *testing.T) {
	t.Parallel()
	b, _ := onEngine(t, dynamodb.Config{StaleReads: func(dynamodb.Read) int { return 1 }})
	s := b.connections()
	c := connection.Connection{ID: "a=", ConnectedAt: storetest.Start, CheckAt: storetest.Start}
	ok(t, s.Put(t.Context(), c))
	if _, err := s.Peek(t.Context(), c.ID); !errors.Is(err, connection.ErrNotFound) {
		t.Fatalf("got %v", err)
	}
	_, err := s.Get(t.Context(), c.ID)
	ok(t, err)
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// TestLostAnswers performs each change on a service that does what it is asked
// and then loses its answer, so that the SDK asks again: the second time must
// be understood as the first.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for _, fault := range []dynamodb.Fault{dynamodb.LoseAnswer, dynamodb.FailAfter} {
		for name, run := range lostAnswers {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var next atomic.Uint32
				b, server := onEngine(t, dynamodb.Config{Fault: func(string, string) dynamodb.Fault {
					return dynamodb.Fault(next.Swap(0)) //nolint:gosec // it was one
				}})
				b.client = withRetries(server)
				run(t, b, func() { next.Store(uint32(fault)) })
			})
		}
	}
}

// lostAnswers are the changes; lose makes the answer to the next call get lost.
var lostAnswers = map[string]func(t *testing.T, b backend, lose func()){
	"TakeNumber": func(t *testing.T, b backend, lose func()) {
		lose()
		// The first number is lost, as if its writer had died.
		equal(t, takeNumber(t, b).Seq, 2)
	},
	"StartOver": func(t *testing.T, b backend, lose func()) {
		takeNumber(t, b)
		lose()
		ok(t, b.log().StartOver(t.Context(), msglog.StartOverParams{Room: "lobby", Epoch: "epoch", FreshEpoch: "fresh"}))
		head, err := b.log().Head(t.Context(), "lobby")
		ok(t, err)
		equal(t, head.Position(), msglog.Position{Epoch: "fresh"})
	},
	"Mark": func(t *testing.T, b backend, lose func()) {
		p := msglog.MarkParams{
			Room: "lobby", User: "ada", Key: "key", Position: msglog.Position{Epoch: "epoch", Seq: 7},
			Now: storetest.Start, Expires: storetest.Start.Add(time.Minute),
		}
		lose()
		got, err := b.log().Mark(t.Context(), p)
		ok(t, err)
		equal(t, got, p.Position)
		move := msglog.MoveParams{
			Room: "lobby", User: "ada", Key: "key", From: p.Position,
			To: msglog.Position{Epoch: "epoch", Seq: 8}, Expires: p.Expires,
		}
		lose()
		got, err = b.log().MoveMark(t.Context(), move)
		ok(t, err)
		equal(t, got, move.To)
	},
	"Fill": func(t *testing.T, b backend, lose func()) {
		lose()
		stands, _, err := b.log().Fill(t.Context(), msglog.FillParams{
			Room: "lobby", Epoch: "epoch", Expires: storetest.Start.Add(time.Hour),
			Entry: msglog.Entry{Seq: 1, User: "ada", At: storetest.Start, Data: []byte(`1`)},
		})
		ok(t, err)
		equal(t, stands.User, "ada")
		equal(t, string(stands.Data), "1")
	},
	"Lease": func(t *testing.T, b backend, lose func()) {
		takeNumber(t, b)
		p := msglog.LeaseParams{
			Room: "lobby", Owner: "drainer", Epoch: "epoch",
			Now: storetest.Start, Until: storetest.Start.Add(time.Minute),
		}
		lose()
		head, acquired, err := b.log().AcquireLease(t.Context(), p)
		ok(t, err)
		equal(t, acquired, true)
		equal(t, head.Lease.Owner, "drainer")
		lose()
		ok(t, b.log().RenewLease(t.Context(), p))
		p.Delivered = 1
		lose()
		head, released, err := b.log().ReleaseLease(t.Context(), p)
		ok(t, err)
		equal(t, released, true)
		equal(t, head.Delivered, 1)
	},
	"AbandonLease": func(t *testing.T, b backend, lose func()) {
		takeNumber(t, b)
		takeNumber(t, b)
		p := msglog.LeaseParams{
			Room: "lobby", Owner: "drainer", Epoch: "epoch", Delivered: 1,
			Now: storetest.Start, Until: storetest.Start.Add(time.Minute),
		}
		_, acquired, err := b.log().AcquireLease(t.Context(), p)
		ok(t, err)
		equal(t, acquired, true)
		lose()
		ok(t, b.log().AbandonLease(t.Context(), p))
	},
	"Connection": func(t *testing.T, b backend, lose func()) {
		s := b.connections()
		lose()
		ok(t, s.Put(t.Context(), connection.Connection{ID: "a=", ConnectedAt: storetest.Start, CheckAt: storetest.Start}))
		lose()
		_, err := s.Authenticate(t.Context(), connection.AuthenticateParams{
			ID: "a=", Identity: auth.Identity{User: "ada"}, CheckAt: storetest.Start,
		})
		ok(t, err)
		lose()
		_, err = s.AddRoom(t.Context(), connection.AddRoomParams{ID: "a=", Room: "lobby", Max: 1, Now: storetest.Start})
		ok(t, err)
		lose()
		_, err = s.Authenticate(t.Context(), connection.AuthenticateParams{
			ID: "a=", Identity: auth.Identity{User: "ada", Permissions: auth.Permissions{}}, CheckAt: storetest.Start,
		})
		ok(t, err)
		lose()
		ok(t, s.Carry(t.Context(), "a=", 1))
		lose()
		ok(t, s.DropRoom(t.Context(), "a=", "lobby", storetest.Start))
		lose()
		ok(t, s.Check(t.Context(), connection.CheckParams{ID: "a=", Strikes: 1, Next: storetest.Start}))
		lose()
		ok(t, s.MarkBehind(t.Context(), "a=", "lobby", storetest.Start, storetest.Start))
		lose()
		ok(t, s.ClearBehind(t.Context(), "a=", "lobby", storetest.Start))
		lose()
		ok(t, s.Condemn(t.Context(), "a=", 3503, storetest.Start))
		lose()
		ok(t, s.Check(t.Context(), connection.CheckParams{ID: "a=", Strikes: 1, Next: storetest.Start}))
		lose()
		ok(t, s.MarkClosing(t.Context(), "a=", storetest.Start))
		lose()
		deleted, err := s.Delete(t.Context(), "a=", storetest.Start)
		ok(t, err)
		equal(t, deleted, true)
	},
	"Ticket": func(t *testing.T, b backend, lose func()) {
		s := b.tickets()
		lose()
		ok(t, s.Put(t.Context(), ticket.Ticket{Digest: "d", Identity: auth.Identity{User: "ada"}, Expires: storetest.Start.Add(time.Minute)}))
		lose()
		id, err := s.Take(t.Context(), ticket.TakeParams{Digest: "d", ConnectionID: "a=", Now: storetest.Start})
		ok(t, err)
		equal(t, id.User, "ada")
	},
	"Member": func(t *testing.T, b backend, lose func()) {
		s := b.rooms()
		m := room.Member{Room: "lobby", ConnectionID: "a=", User: "ada", JoinedAt: storetest.Start}
		lose()
		ok(t, s.Put(t.Context(), m, storetest.Start.Add(time.Hour)))
		lose()
		ok(t, s.SetBehind(t.Context(), m))
		lose()
		_, err := s.Leave(t.Context(), m.Room, m.ConnectionID, storetest.Start, storetest.Start)
		ok(t, err)
		lose()
		ok(t, s.DropTombstone(t.Context(), m.Room, m.ConnectionID, storetest.Start.Add(time.Minute)))
		lose()
		ok(t, s.Delete(t.Context(), m.Room, m.ConnectionID))
	},
}

func takeNumber(t *testing.T, b backend) msglog.Head {
	t.Helper()
	head, err := b.log().TakeNumber(t.Context(), msglog.TakeParams{
		Room: "lobby", FreshEpoch: "epoch", Now: storetest.Start, Expires: storetest.Start.Add(time.Hour),
	})
	ok(t, err)
	return head
}

// TestFailuresSayWhetherTheyPass checks what each failure is reported as, by
// every method, when nobody repeats the call.
func TestFailuresSayWhetherTheyPass(t *testing.T) {
	t.Parallel()
	var next atomic.Uint32
	b, _ := onEngine(t, dynamodb.Config{Fault: func(string, string) dynamodb.Fault {
		return dynamodb.Fault(next.Load()) //nolint:gosec // it was one
	}})
	missing := b
	missing.tables = map[string]string{"connections": "missing", "rooms": "missing", "log": "missing"}
	for name, call := range calls {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
		defer cancel()
		for _, tt := range []struct {
			why       string
			b         backend
			ctx       context.Context
			fault     dynamodb.Fault
			temporary bool
		}{
			{"throttled", b, t.Context(), dynamodb.Throttle, true},
			{"server error", b, t.Context(), dynamodb.FailBefore, true},
			{"server error after the fact", b, t.Context(), dynamodb.FailAfter, true},
			{"no answer", b, t.Context(), dynamodb.LoseRequest, true},
			{"cancelled", b, ended, dynamodb.NoFault, true},
			{"too late", b, late, dynamodb.NoFault, true},
			{"table missing", missing, t.Context(), dynamodb.NoFault, false},
		} {
			next.Store(uint32(tt.fault))
			err := call(tt.ctx, tt.b)
			var says interface{ Temporary() bool }
			if !errors.As(err, &says) {
				t.Fatalf("%s, %s: %v does not say whether it passes", name, tt.why, err)
			}
			if says.Temporary() != tt.temporary {
				t.Errorf("%s, %s: temporary is %v: %v", name, tt.why, says.Temporary(), err)
			}
		}
	}
}

// calls are all methods of all stores that call AWS.
var calls = map[string]func(ctx context.Context, b backend) error{
	"Head": func(ctx context.Context, b backend) error { return second(b.log().Head(ctx, "lobby")) },
	"TakeNumber": func(ctx context.Context, b backend) error {
		return second(b.log().TakeNumber(ctx, msglog.TakeParams{Room: "lobby", FreshEpoch: "e"}))
	},
	"Mark": func(ctx context.Context, b backend) error {
		return second(b.log().Mark(ctx, msglog.MarkParams{Room: "lobby"}))
	},
	"MoveMark": func(ctx context.Context, b backend) error {
		return second(b.log().MoveMark(ctx, msglog.MoveParams{Room: "lobby"}))
	},
	"Entries": func(ctx context.Context, b backend) error {
		return second(b.log().Entries(ctx, msglog.RangeParams{Room: "lobby", Upto: 1, Limit: 1}))
	},
	"StartOver": func(ctx context.Context, b backend) error {
		return b.log().StartOver(ctx, msglog.StartOverParams{Room: "lobby", Epoch: "epoch", FreshEpoch: "fresh"})
	},
	"AcquireLease": func(ctx context.Context, b backend) error {
		_, _, err := b.log().AcquireLease(ctx, msglog.LeaseParams{Room: "lobby"})
		return err
	},
	"RenewLease": func(ctx context.Context, b backend) error {
		return b.log().RenewLease(ctx, msglog.LeaseParams{Room: "lobby"})
	},
	"AbandonLease": func(ctx context.Context, b backend) error {
		return b.log().AbandonLease(ctx, msglog.LeaseParams{Room: "lobby"})
	},
	"ReleaseLease": func(ctx context.Context, b backend) error {
		_, _, err := b.log().ReleaseLease(ctx, msglog.LeaseParams{Room: "lobby"})
		return err
	},
	"Fill": func(ctx context.Context, b backend) error {
		_, _, err := b.log().Fill(ctx, msglog.FillParams{Room: "lobby", Entry: msglog.Void(1)})
		return err
	},

	"Put": func(ctx context.Context, b backend) error {
		return b.connections().Put(ctx, connection.Connection{ID: "a="})
	},
	"Get":  func(ctx context.Context, b backend) error { return second(b.connections().Get(ctx, "a=")) },
	"Peek": func(ctx context.Context, b backend) error { return second(b.connections().Peek(ctx, "a=")) },
	"Authenticate": func(ctx context.Context, b backend) error {
		return second(b.connections().Authenticate(ctx, connection.AuthenticateParams{ID: "a="}))
	},
	"AddRoom": func(ctx context.Context, b backend) error {
		return second(b.connections().AddRoom(ctx, connection.AddRoomParams{ID: "a=", Room: "r", Max: 1}))
	},
	"DropRoom": func(ctx context.Context, b backend) error {
		return b.connections().DropRoom(ctx, "a=", "r", storetest.Start)
	},
	"Carry": func(ctx context.Context, b backend) error { return b.connections().Carry(ctx, "a=", 1) },
	"Check": func(ctx context.Context, b backend) error {
		return b.connections().Check(ctx, connection.CheckParams{ID: "a=", Next: storetest.Start})
	},
	"MarkBehind": func(ctx context.Context, b backend) error {
		return b.connections().MarkBehind(ctx, "a=", "lobby", storetest.Start, storetest.Start)
	},
	"ClearBehind": func(ctx context.Context, b backend) error {
		return b.connections().ClearBehind(ctx, "a=", "lobby", storetest.Start)
	},
	"Condemn": func(ctx context.Context, b backend) error {
		return b.connections().Condemn(ctx, "a=", 3503, storetest.Start)
	},
	"MarkClosing": func(ctx context.Context, b backend) error {
		return b.connections().MarkClosing(ctx, "a=", storetest.Start)
	},
	"Delete": func(ctx context.Context, b backend) error {
		return second(b.connections().Delete(ctx, "a=", storetest.Start))
	},
	"Due": func(ctx context.Context, b backend) error {
		_, _, err := b.connections().Due(ctx, connection.DueParams{})
		return err
	},

	"Tickets.Put": func(ctx context.Context, b backend) error {
		return b.tickets().Put(ctx, ticket.Ticket{Digest: "d", Identity: auth.Identity{User: "ada"}})
	},
	"Take": func(ctx context.Context, b backend) error {
		return second(b.tickets().Take(ctx, ticket.TakeParams{Digest: "d", ConnectionID: "a="}))
	},

	"Rooms.Put": func(ctx context.Context, b backend) error {
		return b.rooms().Put(ctx, room.Member{ConnectionID: "a="}, storetest.Start)
	},
	"Rooms.Delete": func(ctx context.Context, b backend) error {
		return b.rooms().Delete(ctx, "lobby", "a=")
	},
	"Rooms.Leave": func(ctx context.Context, b backend) error {
		return second(b.rooms().Leave(ctx, "lobby", "a=", storetest.Start, storetest.Start))
	},
	"Rooms.SetPresence": func(ctx context.Context, b backend) error {
		return b.rooms().SetPresence(ctx, room.Member{Room: "lobby", ConnectionID: "a="})
	},
	"Rooms.DropTombstone": func(ctx context.Context, b backend) error {
		return b.rooms().DropTombstone(ctx, "lobby", "a=", storetest.Start)
	},
	"Members": func(ctx context.Context, b backend) error {
		return second(b.rooms().Members(ctx, "lobby", 0, storetest.Start))
	},
	"SetBehind": func(ctx context.Context, b backend) error {
		return b.rooms().SetBehind(ctx, room.Member{ConnectionID: "a="})
	},
	"Rooms.Member": func(ctx context.Context, b backend) error {
		return second(b.rooms().Member(ctx, "lobby", "a=", storetest.Start))
	},
}

// second is the error of a call that returns two values.
func second[T any](_ T, err error) error { return err }
