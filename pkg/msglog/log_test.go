package msglog_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// asked is a store that records the lifetime asked for a head and hands out
// nothing.
type asked struct {
	msglog.Store
	life time.Duration
}

var errNothing = errors.New("nothing")

func (a *asked) TakeNumber(_ context.Context, p msglog.TakeParams) (msglog.Head, error) {
	a.life = p.Expires.Sub(p.Now)
	return msglog.Head{}, errNothing
}

func TestHeadLifetime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config msglog.Config
		want   time.Duration // 0: refused
	}{
		{"two retentions and a day", msglog.Config{Retention: 3 * time.Hour}, 30 * time.Hour},
		{"as set", msglog.Config{Retention: time.Hour, HeadLifetime: 2 * time.Hour}, 2 * time.Hour},
		{"no shorter than the retention and a minute", msglog.Config{Retention: time.Hour, HeadLifetime: time.Hour + 59*time.Second}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var store asked
			log, err := msglog.New(&store, clock.System(), func() string { return "epoch" }, tt.config)
			if tt.want == 0 {
				if err == nil {
					t.Fatal("not refused")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := log.Append(t.Context(), msglog.AppendParams{Room: "lobby"}); !errors.Is(err, errNothing) {
				t.Fatalf("got error %v, want %v", err, errNothing)
			}
			// The end is rounded up, by an hour or a twenty-fourth of the lifetime at most.
			if most := tt.want + min(time.Hour, tt.want/24); store.life <= tt.want || store.life > most {
				t.Errorf("head lives for %v, want %v to %v", store.life, tt.want, most)
			}
		})
	}
}
