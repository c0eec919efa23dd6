package msglog_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/storetest"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
)

// bench is a log used by functions whose clocks may disagree.
type bench struct {
	*memory.Log
	t *testing.T
	// taken and filled are the expiry times that the store was last given.
	taken, filled time.Time
	// slow is the time that the store takes to hand out a number.
	slow time.Duration
}

func (b *bench) TakeNumber(ctx context.Context, p msglog.TakeParams) (msglog.Head, error) {
	head, err := b.Log.TakeNumber(ctx, p)
	b.taken = p.Expires
	time.Sleep(b.slow)
	return head, err
}

func (b *bench) Fill(ctx context.Context, p msglog.FillParams) (msglog.Entry, bool, error) {
	b.filled = p.Expires
	return b.Log.Fill(ctx, p)
}

// inTime runs f once, in virtual time.
func inTime(t *testing.T, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(&bench{Log: memory.NewLog(), t: t}) })
}

// at returns the log of a function whose clock is wrong by skew.
func (b *bench) at(skew time.Duration, config msglog.Config) *msglog.Log {
	b.t.Helper()
	log, err := msglog.New(b, storetest.Skewed(clock.System(), skew), func() string { return "epoch" }, config)
	if err != nil {
		b.t.Fatal(err)
	}
	return log
}

// append publishes under a key.
func (b *bench) append(l *msglog.Log, key string) msglog.AppendResult {
	b.t.Helper()
	r, err := l.Append(b.t.Context(), msglog.AppendParams{Room: "r", User: "ada", Key: key, Data: []byte(`1`)})
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// drain moves the pointer to the head.
func (b *bench) drain(l *msglog.Log) {
	b.t.Helper()
	head, err := l.Acquire(b.t.Context(), "r", "owner", msglog.Head{}, time.Now().Add(time.Minute))
	if err != nil {
		b.t.Fatal(err)
	}
	if _, released, err := l.Release(b.t.Context(), "r", "owner", head.Position()); err != nil || !released {
		b.t.Fatal(released, err)
	}
}

// read reads the whole log.
func (b *bench) read(l *msglog.Log) msglog.Page {
	b.t.Helper()
	since := uint64(0)
	page, err := l.Read(b.t.Context(), "r", msglog.Start{Since: &since},
		msglog.Budget{Entries: 100, Bytes: 1 << 20, Size: func(msglog.Entry) int { return 1 }})
	if err != nil {
		b.t.Fatal(err)
	}
	return page
}

// replayed publishes, and reads after the given time.
func replayed(t *testing.T, after, skew time.Duration) (page msglog.Page) {
	t.Helper()
	inTime(t, func(b *bench) {
		log := b.at(0, msglog.Config{})
		b.append(log, "")
		b.drain(log)
		time.Sleep(after)
		page = b.read(b.at(skew, msglog.Config{}))
	})
	return page
}

// A member that comes back within the retention gets what it has missed.
func TestRetentionWithin(t *testing.T) {
	t.Parallel()
	if p := replayed(t, 24*time.Hour-time.Millisecond, 0); !p.Recovered || len(p.Entries) != 1 {
		t.Errorf("%+v", p)
	}
}

// After the retention, it is told that messages are gone.
func TestRetentionOver(t *testing.T) {
	t.Parallel()
	if p := replayed(t, 24*time.Hour, 0); p.Recovered || len(p.Entries) != 0 {
		t.Errorf("%+v", p)
	}
}

// Clocks that disagree move the moment, and change nothing else.
func TestRetentionOfClocksApart(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-storetest.Apart, storetest.Apart} {
		if p := replayed(t, 24*time.Hour-skew-time.Millisecond, skew); !p.Recovered || len(p.Entries) != 1 {
			t.Errorf("clocks apart by %v: %+v", skew, p)
		}
		if p := replayed(t, 24*time.Hour-skew, skew); p.Recovered {
			t.Errorf("clocks apart by %v: %+v", skew, p)
		}
	}
}

// repeated publishes twice under one key. The second publish comes after the
// given time, from a function whose clock is wrong by skew.
func repeated(t *testing.T, after, skew time.Duration) (second msglog.AppendResult) {
	t.Helper()
	inTime(t, func(b *bench) {
		b.append(b.at(0, msglog.Config{}), "key")
		time.Sleep(after)
		second = b.append(b.at(skew, msglog.Config{}), "key")
	})
	return second
}

func TestWindowWithin(t *testing.T) {
	t.Parallel()
	if r := repeated(t, 10*time.Minute-time.Millisecond, 0); !r.Duplicate || r.Seq != 1 {
		t.Errorf("%+v", r)
	}
}

func TestWindowOver(t *testing.T) {
	t.Parallel()
	if r := repeated(t, 10*time.Minute, 0); r.Duplicate || r.Seq != 2 {
		t.Errorf("%+v", r)
	}
	if _, err := msglog.New(memory.NewLog(), clock.System(), nil, msglog.Config{Retention: time.Hour, Window: time.Hour + 1}); err == nil {
		t.Error("a mark may outlive its entry")
	}
	if _, err := msglog.New(memory.NewLog(), clock.System(), nil, msglog.Config{Retention: time.Hour, Window: time.Hour}); err != nil {
		t.Error(err)
	}
}

// The SDKs repeat a publish for 8 minutes after they first sent it. The last
// attempt may wait 29 s for its function, which may take as long to claim the
// key, by another clock than the first.
func TestWindowOutlastsTheSDKs(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-storetest.Apart, 0, storetest.Apart} {
		if r := repeated(t, 8*time.Minute+29*time.Second+29*time.Second, skew); !r.Duplicate || r.Seq != 1 {
			t.Errorf("clocks apart by %v: one publish is two messages: %+v", skew, r)
		}
	}
}

// outlived reports whether an entry can be read for longer than its head lives,
// with the shortest lifetime allowed for heads. The function that writes the
// entry takes run; meanwhile a function whose clock is wrong by skew has taken
// the next number.
func outlived(t *testing.T, run, skew time.Duration) (yes bool) {
	t.Helper()
	inTime(t, func(b *bench) {
		config := msglog.Config{Retention: time.Hour, HeadLifetime: time.Hour + time.Minute}
		b.slow = run
		slow := make(chan struct{})
		go func() {
			defer close(slow)
			b.append(b.at(0, config), "")
		}()
		synctest.Wait()
		if _, err := b.Log.TakeNumber(b.t.Context(), msglog.TakeParams{Room: "r"}); err != nil {
			b.t.Fatal(err)
		}
		head := time.Now().Add(skew).Add(config.HeadLifetime)
		<-slow
		yes = !b.filled.Before(head)
	})
	return yes
}

// The function of a route ends after 29 s.
func TestLongestRunWithin(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-storetest.Apart, 0, storetest.Apart} {
		if outlived(t, 29*time.Second, skew) {
			t.Errorf("clocks apart by %v: an entry outlives its head", skew)
		}
	}
}

func TestLongestRunOver(t *testing.T) {
	t.Parallel()
	if !outlived(t, 30*time.Second, -storetest.Apart) {
		t.Error("more than a minute is left, and nothing says what for")
	}
}

func TestHeadLifetimeWithin(t *testing.T) {
	t.Parallel()
	for _, config := range []msglog.Config{
		{Retention: time.Hour, HeadLifetime: time.Hour + time.Minute}, {Retention: time.Hour}, {Retention: 3 * 24 * time.Hour}, {},
	} {
		inTime(t, func(b *bench) {
			began := time.Now()
			b.append(b.at(0, config), "")
			config = config.WithDefaults()
			most := config.HeadLifetime + min(time.Hour, config.HeadLifetime/24) // it is rounded up
			if life := b.taken.Sub(began); life < config.HeadLifetime || life > most || b.taken.Sub(b.filled) < time.Minute {
				b.t.Errorf("%+v: a head lives for %v, its entry until %v before its end", config, life, b.taken.Sub(b.filled))
			}
		})
	}
}

func TestHeadLifetimeOver(t *testing.T) {
	t.Parallel()
	config := msglog.Config{Retention: time.Hour, HeadLifetime: time.Hour + time.Minute - 1}
	if _, err := msglog.New(memory.NewLog(), clock.System(), nil, config); err == nil {
		t.Error("a head may go before what it leads to")
	}
	config.HeadLifetime = 0
	if life := config.WithDefaults().HeadLifetime; life != 26*time.Hour {
		t.Errorf("by default a head lives for %v", life)
	}
}

// sent returns the number at which a reader of another epoch is told to begin,
// when the first of two entries expires after left.
func sent(t *testing.T, left time.Duration) (oldest uint64) {
	t.Helper()
	inTime(t, func(b *bench) {
		log := b.at(0, msglog.Config{})
		b.append(log, "")
		time.Sleep(time.Hour)
		b.append(log, "")
		b.drain(log)
		time.Sleep(23*time.Hour - left)
		page, err := log.Read(b.t.Context(), "r", msglog.Start{Epoch: "other"},
			msglog.Budget{Entries: 100, Bytes: 1 << 20, Size: func(msglog.Entry) int { return 1 }})
		if err != nil || page.Recovered {
			b.t.Fatal(page, err)
		}
		oldest = page.Oldest
	})
	return oldest
}

// An entry that expires before its reader can ask is not named.
func TestSettlingWithin(t *testing.T) {
	t.Parallel()
	if seq := sent(t, time.Minute); seq != 2 {
		t.Errorf("sent to number %d, which is about to expire", seq)
	}
}

func TestSettlingOver(t *testing.T) {
	t.Parallel()
	if seq := sent(t, time.Minute+time.Second); seq != 1 {
		t.Errorf("sent to number %d, though 1 can be read for a minute", seq)
	}
}

// voided drains an empty number, in a function with a longer retention than that
// of the function that took the number before, which is an hour.
func voided(t *testing.T, after time.Duration) (void msglog.Entry) {
	t.Helper()
	inTime(t, func(b *bench) {
		p := msglog.TakeParams{Room: "r", FreshEpoch: "epoch", Now: time.Now(), Retention: time.Hour}
		head, err := b.TakeNumber(b.t.Context(), p)
		if err != nil {
			b.t.Fatal(err)
		}
		time.Sleep(after)
		long := b.at(0, msglog.Config{Retention: 72 * time.Hour})
		entries, err := long.Unread(b.t.Context(), "r", head, 0, time.Now().Add(-time.Minute))
		if err != nil || len(entries) != 1 {
			b.t.Fatal(entries, err)
		}
		void = entries[0]
	})
	return void
}

// What is pending for less than the shortest retention of the functions that took
// numbers has not expired: its writer died.
func TestShortestRetentionWithin(t *testing.T) {
	t.Parallel()
	if e := voided(t, time.Hour-time.Millisecond); !e.Void || e.Lost {
		t.Errorf("%+v", e)
	}
}

// Later, it may have expired unread.
func TestShortestRetentionOver(t *testing.T) {
	t.Parallel()
	if e := voided(t, time.Hour); !e.Void || !e.Lost {
		t.Errorf("%+v", e)
	}
}
