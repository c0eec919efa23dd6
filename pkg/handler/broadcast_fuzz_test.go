package handler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/handler"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// posts is a gateway that records what each connection was sent, and a waker that
// wakes nobody.
type posts struct {
	mu     sync.Mutex
	frames map[string]string
}

func (p *posts) Post(_ context.Context, id string, frame []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frames[id] += string(frame)
	return nil
}

func (p *posts) Status(context.Context, string) (connection.Status, error) {
	return connection.Status{}, nil
}

func (p *posts) Close(context.Context, string) error { return nil }

func (p *posts) Wake(context.Context, ...broadcast.Wake) error { return nil }

// FuzzBroadcast gives the broadcast function an event with arbitrary data between
// two valid wake-ups: both rooms must be served. (The content of a valid message
// is trusted, because few may publish to the topic; for incomplete ones see
// TestWakeThatLacksSomethingIsFilledFromTheLog.)
func FuzzBroadcast(f *testing.F) {
	for _, message := range []string{
		`{"kind":"drain","room":"other"}`, `{"kind":"drain"}`, `{"kind":"of tomorrow","room":"first"}`, `null`, `[]`, ``, `{"kind":"drain","room":"fir`,
		`{"kind":"drain","room":"first","epoch":"id1","entry":{"seq":1}}`,
		`{"kind":"drain","room":"last","epoch":"id2","entry":{"seq":1,"user":"u","at":-1,"data":{"a":[1]},"of tomorrow":true}}`,
		`{"kind":"ephemeral","room":"first","data":1e999}`, `{"kind":"presence","room":"last","user":"","left":true}`,
	} {
		f.Add([]byte(message))
		record, err := json.Marshal(events.SNSEvent{Records: []events.SNSEventRecord{{SNS: events.SNSEntity{Message: message}}, {}}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(record)
	}
	f.Add([]byte(`{"Records":[{"Sns":null},{"Sns":{"Message":"{}","MessageAttributes":{"a":{"Type":"Binary","Value":""}}}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		between := events.SNSEvent{}
		if err := json.Unmarshal(b, &between); err != nil || len(between.Records) == 0 {
			between.Records = []events.SNSEventRecord{{SNS: events.SNSEntity{Message: string(b)}}}
		}
		gateway := &posts{frames: map[string]string{}}
		log, members := memory.NewLog(), memory.NewRooms()
		var ids atomic.Int64
		newID := func() string { return fmt.Sprint("id", ids.Add(1)) }
		numbered, err := msglog.New(log, clock.System(), newID, msglog.Config{})
		if err != nil {
			t.Fatal(err)
		}
		broadcaster, err := broadcast.New(broadcast.Parts{
			Log: numbered, Members: members, Connections: memory.NewConnections(), Gateway: gateway, Waker: gateway,
			Clock: clock.System(), NewID: newID, Logger: slog.New(slog.DiscardHandler),
			Metrics: telemetry.NewMetrics(slog.New(slog.DiscardHandler), clock.System(), "broadcast"),
		}, broadcast.Config{})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"first", "last"} {
			m := room.Member{Room: name, ConnectionID: "in " + name, User: "ada", JoinedAt: time.Now()}
			if err := members.Put(t.Context(), m, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if _, err := numbered.Append(t.Context(), msglog.AppendParams{Room: name, User: "bob", Data: []byte(`"hi"`)}); err != nil {
				t.Fatal(err)
			}
		}
		sound := func(room string) events.SNSEventRecord {
			return events.SNSEventRecord{SNS: events.SNSEntity{Message: `{"kind":"drain","room":"` + room + `"}`}}
		}
		event := events.SNSEvent{Records: append(append([]events.SNSEventRecord{sound("first")}, between.Records...), sound("last"))}
		h := &handler.Broadcast{Broadcaster: broadcaster, Logger: slog.New(slog.DiscardHandler)}
		_ = h.Handle(t.Context(), event) // after an error, Lambda delivers the whole event again
		for _, name := range []string{"first", "last"} {
			if got := gateway.frames["in "+name]; !strings.Contains(got, `"seq":1`) {
				t.Fatalf("room %s was sent %q", name, got)
			}
		}
	})
}
