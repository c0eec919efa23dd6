package broadcast_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// told is one report of a broadcaster's lateness.
type told struct {
	DrainLag, MembersBehind int64
	Room                    string
}

// measured limits the post rate, and returns a function that reads the metrics.
func (b *bundle) measured(postsPerSecond int) func() []told {
	var out bytes.Buffer // lines are written one at a time
	var err error
	b.Broadcaster, err = broadcast.New(broadcast.Parts{
		Log: b.log, Members: b.members, Connections: b.connections, Gateway: b.gateway, Waker: b.waker,
		Clock: clock.System(), NewID: func() string { return "owner" }, Logger: slog.New(slog.DiscardHandler),
		Metrics: telemetry.NewMetrics(slog.New(slog.NewJSONHandler(&out, nil)), clock.System(), "broadcast"),
	}, broadcast.Config{PostsPerSecond: postsPerSecond})
	if err != nil {
		b.Fatal(err)
	}
	return func() []told {
		b.Helper()
		if strings.Contains(out.String(), "the message") {
			b.Errorf("a message is in %s", out.String())
		}
		var all []told
		for lines := bufio.NewScanner(&out); lines.Scan(); {
			var one told
			if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
				b.Fatal(err)
			}
			all = append(all, one)
		}
		return all
	}
}

func TestDrainInTimeCostsNoLine(t *testing.T) {
	inTime(t, func(b *bundle) {
		read := b.measured(2000)
		b.join("a", "b")
		b.append(3, "", `"the message"`)
		time.Sleep(900 * time.Millisecond)
		b.drain()
		b.want("a", 1, 3)
		if all := read(); len(all) != 0 {
			t.Errorf("told %+v", all)
		}
	})
}

// A broadcaster whose rate is too low for its room falls further and further
// behind.
func TestBroadcasterThatIsPacedShowsItsLag(t *testing.T) {
	inTime(t, func(b *bundle) {
		read := b.measured(4) // so each message to four members takes a second
		var ids []string
		for i := range 40 {
			ids = append(ids, fmt.Sprint("m", i))
		}
		b.join(ids...)
		b.append(1, "", `"the message"`)
		b.drain()
		b.want(ids[39], 1, 1)
		all := read()
		if len(all) < 2 {
			t.Fatalf("a drain of ten seconds has told of itself %d times: %+v", len(all), all)
		}
		last := all[len(all)-1]
		if last.DrainLag < 9000 || last.DrainLag > 11_000 || last.Room != "r" || last.MembersBehind != 0 || all[0].DrainLag >= last.DrainLag {
			t.Errorf("told %+v", all)
		}
	})
}

func TestMembersWhoCannotBePostedToAreCounted(t *testing.T) {
	inTime(t, func(b *bundle) {
		read := b.measured(2000)
		b.join("a", "slow", "gone")
		b.gateway.post = func(_ context.Context, id string) error {
			return map[string]error{"slow": connection.ErrThrottled, "gone": connection.ErrGone}[id]
		}
		b.gateway.status = func(string) error { return connection.ErrGone }
		b.append(1, "", `"the message"`)
		b.drain()
		all := read()
		if len(all) != 1 || all[0].MembersBehind != 1 || all[0].DrainLag < 2000 || all[0].DrainLag > 3000 {
			t.Errorf("told %+v", all)
		}
	})
}

func TestOwnMessagesAreNeverLate(t *testing.T) {
	inTime(t, func(b *bundle) {
		read := b.measured(2000)
		b.join("a")
		b.append(1, "a", `"the message"`)
		time.Sleep(time.Minute)
		b.drain()
		if all := read(); len(all) != 0 {
			t.Errorf("told %+v", all)
		}
	})
}
