package schedule_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	movable "github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ schedule.Invoker = (*lambda.Service)(nil)

// functions records what is sent to functions.
type functions struct {
	mu   sync.Mutex
	sent []string // "function payload"
	err  error
}

func (f *functions) InvokeAsync(function string, payload []byte) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return "", f.err
	}
	f.sent = append(f.sent, function+" "+string(payload))
	return fmt.Sprint("request-", len(f.sent)), nil
}

func (f *functions) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	sent := f.sent
	f.sent = nil
	return sent
}

func add(t *testing.T, s *schedule.Service, r schedule.Rule) {
	t.Helper()
	if err := s.Add(r); err != nil {
		t.Fatal(err)
	}
}

func TestRulesFireOnTheirTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &functions{}
		var mu sync.Mutex
		var fired []string
		s := schedule.RunT(t, schedule.Config{Lambda: f})
		s.Observe(func(f schedule.Firing) {
			mu.Lock()
			defer mu.Unlock()
			fired = append(fired, f.Rule+" "+f.At.UTC().Format("15:04:05"))
		})
		time.Sleep(30 * time.Second)
		add(t, s, schedule.Rule{Name: "rate", Expression: "rate(2 minutes)", Function: "sweep"})
		add(t, s, schedule.Rule{Name: "cron", Expression: "cron(0/3 * * * ? *)", Function: "sweep"})
		add(t, s, schedule.Rule{Name: "off", Expression: "rate(1 minute)", Function: "sweep", Disabled: true})
		rules := s.Rules()
		if len(rules) != 3 || rules[0].Name != "cron" || !rules[0].Next.Equal(time.Now().Add(150*time.Second)) || !rules[1].Next.IsZero() {
			t.Errorf("rules = %+v", rules)
		}
		time.Sleep(7 * time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		want := []string{"rate 00:02:30", "cron 00:03:00", "rate 00:04:30", "cron 00:06:00", "rate 00:06:30"}
		if diff := cmp.Diff(want, fired); diff != "" {
			t.Error(diff)
		}
	})
}

func TestScheduledEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &functions{}
		s := schedule.RunT(t, schedule.Config{Lambda: f})
		add(t, s, schedule.Rule{Name: "sweep", Expression: "rate(1 minute)", Function: "sweep"})
		add(t, s, schedule.Rule{Name: "input", Expression: "rate(1 day)", Function: "arn:x", Input: json.RawMessage(`{"a":1}`), Disabled: true})
		id, err := s.Fire("sweep")
		if err != nil || id != "request-1" {
			t.Errorf("%s, %v", id, err)
		}
		if _, err := s.Fire("input"); err != nil {
			t.Error(err)
		}
		sent := f.take()
		if len(sent) != 2 || sent[1] != `arn:x {"a":1}` {
			t.Fatalf("sent %v", sent)
		}
		raw := []byte(sent[0][len("sweep "):])
		var event map[string]any
		if err := json.Unmarshal(raw, &event); err != nil {
			t.Fatal(err)
		}
		if id, _ := event["id"].(string); len(id) != 36 {
			t.Errorf("id %v", event["id"])
		}
		delete(event, "id")
		want := map[string]any{
			"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "account": "000000000000",
			"time": "2000-01-01T00:00:00Z", "region": "us-east-1", "resources": []any{"arn:aws:events:us-east-1:000000000000:rule/sweep"},
			"detail": map[string]any{},
		}
		if diff := cmp.Diff(want, event); diff != "" {
			t.Error(diff)
		}
		var typed events.EventBridgeEvent
		if err := json.Unmarshal(raw, &typed); err != nil || !typed.Time.Equal(time.Now()) {
			t.Errorf("%+v, %v", typed, err)
		}
	})
}

func TestJumpOverSeveralFiringsIsOne(t *testing.T) {
	t.Parallel()
	c := movable.NewMovable()
	f := &functions{}
	var last schedule.Firing
	s := schedule.RunT(t, schedule.Config{Clock: c, Lambda: f})
	s.Observe(func(f schedule.Firing) { last = f })
	add(t, s, schedule.Rule{Name: "r", Expression: "rate(1 minute)", Function: "f"})
	due := s.Rules()[0].Next.Add(119 * time.Minute)
	c.Advance(2 * time.Hour)
	if err := s.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sent := f.take(); len(sent) != 1 || !last.At.Equal(due) {
		t.Errorf("%d firings, the last for %v, want %v", len(sent), last.At, due)
	}
	c.Advance(time.Minute)
	if err := s.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sent := f.take(); len(sent) != 1 {
		t.Errorf("%d firings a minute later", len(sent))
	}
}

func TestReplacedRemovedAndStoppedRulesDoNotFire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &functions{}
		s := schedule.RunT(t, schedule.Config{Lambda: f})
		add(t, s, schedule.Rule{Name: "a", Expression: "rate(1 minute)", Function: "old"})
		add(t, s, schedule.Rule{Name: "a", Expression: "rate(2 minutes)", Function: "new"})
		add(t, s, schedule.Rule{Name: "b", Expression: "rate(1 minute)", Function: "b", Input: json.RawMessage("{}")})
		add(t, s, schedule.Rule{Name: "c", Expression: "cron(0 0 1 1 ? 1999)", Function: "c"})
		s.Remove("b")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if sent := f.take(); len(sent) != 1 || sent[0][:3] != "new" {
			t.Errorf("sent %v", sent)
		}
		s.Close()
		time.Sleep(time.Hour)
		if sent := f.take(); len(sent) != 0 {
			t.Errorf("sent after Stop: %v", sent)
		}
		if err := s.Add(schedule.Rule{Name: "d", Expression: "rate(1 minute)", Function: "d"}); !errors.Is(err, schedule.ErrClosed) {
			t.Errorf("Add after Stop: %v", err)
		}
		if _, err := s.Fire("a"); !errors.Is(err, schedule.ErrClosed) {
			t.Errorf("Fire after Stop: %v", err)
		}
	})
}

func TestFaultsAndRefusingFunctions(t *testing.T) {
	t.Parallel()
	f := &functions{}
	next := []schedule.Fault{{Skip: true}, {Duplicates: 1}}
	var firings []schedule.Firing
	s := schedule.RunT(t, schedule.Config{
		Lambda: f,
		Fault: func(string, time.Time) schedule.Fault {
			if len(next) == 0 {
				return schedule.Fault{}
			}
			fault := next[0]
			next = next[1:]
			return fault
		},
	})
	s.Observe(func(f schedule.Firing) { firings = append(firings, f) })
	add(t, s, schedule.Rule{Name: "r", Expression: "rate(1 day)", Function: "f"})
	if _, err := s.Fire("r"); !errors.Is(err, schedule.ErrSkipped) || !firings[0].Skipped || len(f.take()) != 0 {
		t.Errorf("skipped: %v, %+v", err, firings)
	}
	if _, err := s.Fire("r"); err != nil {
		t.Error(err)
	}
	if sent := f.take(); len(sent) != 2 || sent[0] != sent[1] {
		t.Errorf("duplicated: %v", sent)
	}
	f.err = errors.New("no such function")
	if _, err := s.Fire("r"); !errors.Is(err, f.err) || !errors.Is(firings[3].Err, f.err) {
		t.Errorf("refused: %v, %+v", err, firings)
	}
	if _, err := s.Fire("other"); !errors.Is(err, schedule.ErrRuleNotFound) {
		t.Errorf("unknown rule: %v", err)
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	t.Parallel()
	s := schedule.RunT(t, schedule.Config{Lambda: &functions{}})
	for name, test := range map[string]struct {
		rule schedule.Rule
		want error
	}{
		"name":       {schedule.Rule{Name: "a b", Expression: "rate(1 day)", Function: "f"}, schedule.ErrInvalidRule},
		"function":   {schedule.Rule{Name: "a", Expression: "rate(1 day)"}, schedule.ErrInvalidRule},
		"input":      {schedule.Rule{Name: "a", Expression: "rate(1 day)", Function: "f", Input: json.RawMessage("{")}, schedule.ErrInvalidRule},
		"expression": {schedule.Rule{Name: "a", Expression: "rate(1 days)", Function: "f"}, schedule.ErrInvalidExpression},
	} {
		if err := s.Add(test.rule); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(s.Rules()) != 0 {
		t.Errorf("rules = %+v", s.Rules())
	}
	alone := schedule.RunT(t, schedule.Config{})
	if err := alone.Add(schedule.Rule{Name: "a", Expression: "rate(1 day)", Function: "f"}); !errors.Is(err, schedule.ErrUnsupported) {
		t.Errorf("without a Lambda: %v", err)
	}
}
