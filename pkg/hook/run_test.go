package hook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/hook"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// scripted are hooks whose methods a test provides.
type scripted struct {
	hook.None
	authenticate func() (auth.Identity, error)
	authorize    func(ctx context.Context) error
	before       func(p hook.Publish) (json.RawMessage, error)
	after        func() error
}

func (s scripted) Authenticate(context.Context, string, hook.Verify) (auth.Identity, error) {
	return s.authenticate()
}
func (s scripted) AuthorizeJoin(ctx context.Context, _ hook.Reading) error { return s.authorize(ctx) }
func (s scripted) BeforePublish(_ context.Context, p hook.Publish) (json.RawMessage, error) {
	return s.before(p)
}
func (s scripted) AfterPublish(context.Context, hook.Published) error { return s.after() }

func runner(s scripted) *hook.Runner {
	return hook.NewRunner(s, time.Second, slog.New(slog.DiscardHandler))
}

func TestWithoutHooksNothingIsAsked(t *testing.T) {
	t.Parallel()
	verify := func(_ context.Context, token string) (auth.Identity, error) { return auth.Identity{User: token}, nil }
	for name, r := range map[string]*hook.Runner{"nil": hook.NewRunner(nil, time.Second, nil), "None": hook.NewRunner(hook.None{}, time.Second, nil)} {
		id, err := r.Authenticate(t.Context(), "ada", verify)
		data, err2 := r.BeforePublish(t.Context(), hook.Publish{Data: json.RawMessage(`{"a":1}`)})
		if err := errors.Join(err, err2, r.AuthorizeJoin(t.Context(), hook.Reading{})); err != nil || id.User != "ada" || string(data) != `{"a":1}` {
			t.Errorf("%s: %v, %s, %v", name, id, data, err)
		}
		r.AfterPublish(t.Context(), hook.Published{})
	}
}

// Not parallel, because it counts allocations.
func TestWithoutHooksNothingIsAllocated(t *testing.T) {
	var none *hook.Runner
	data, ctx := json.RawMessage(`1`), t.Context()
	n := testing.AllocsPerRun(100, func() {
		_, err := none.BeforePublish(ctx, hook.Publish{Data: data})
		if err = errors.Join(err, none.AuthorizeJoin(ctx, hook.Reading{})); err != nil {
			t.Error(err)
		}
		none.AfterPublish(ctx, hook.Published{})
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestRefusalsReachTheClientAndFailuresDoNot(t *testing.T) {
	t.Parallel()
	var missing *protocol.Error
	for name, test := range map[string]struct {
		err       error
		code      protocol.Code // empty: a failure
		temporary bool
	}{
		"refused":               {hook.Refuse("no"), protocol.Forbidden, false},
		"refused, wrapped":      {fmt.Errorf("rule 7: %w", hook.Refuse("no")), protocol.Forbidden, false},
		"not now":               {hook.TryAgain(time.Second, "no"), protocol.RateLimited, true},
		"a code of its own":     {protocol.Errorf("teapot", "no"), "teapot", false},
		"an error":              {errors.New("db-7 says no"), "", true},
		"an expired deadline":   {context.DeadlineExceeded, "", true},
		"a refusal that is nil": {missing, "", true},
	} {
		err := runner(scripted{authorize: func(context.Context) error { return test.err }}).AuthorizeJoin(t.Context(), hook.Reading{})
		var no *protocol.Error
		var failed *hook.Failure
		if got, want := hook.Refused(err), test.code != "" && !test.temporary; got != want {
			t.Errorf("%s: a no for good: %v", name, got)
		}
		switch {
		case test.code != "" && (!errors.As(err, &no) || no.Code != test.code || no.Message != "no" || no.Temporary != test.temporary):
			t.Errorf("%s: %#v", name, err)
		case test.code == "" && (!errors.As(err, &failed) || failed.Temporary() != test.temporary):
			t.Errorf("%s: %#v", name, err)
		}
	}
}

func TestLongSentencesAreCut(t *testing.T) {
	t.Parallel()
	err := runner(scripted{authorize: func(context.Context) error { return hook.Refuse(strings.Repeat("ü", 500) + "\xff") }}).AuthorizeJoin(t.Context(), hook.Reading{})
	var no *protocol.Error
	if !errors.As(err, &no) || no.Message != strings.Repeat("ü", 100) {
		t.Errorf("%v", err)
	}
	bulky := protocol.Errorf(protocol.Code(strings.Repeat("c", 500)), "a\nb\x01%s", strings.Repeat("x", 500))
	err = runner(scripted{authorize: func(context.Context) error { return bulky }}).AuthorizeJoin(t.Context(), hook.Reading{})
	if !errors.As(err, &no) || no.Message != "a b "+strings.Repeat("x", 196) || no.Code != protocol.Code(strings.Repeat("c", 64)) {
		t.Errorf("%v", err)
	}
}

func TestPanicIsCaught(t *testing.T) {
	t.Parallel()
	err := runner(scripted{authorize: func(context.Context) error { panic("oops") }}).AuthorizeJoin(t.Context(), hook.Reading{})
	var failed *hook.Failure
	if !errors.As(err, &failed) || failed.Temporary() || !strings.Contains(err.Error(), "run_test.go") {
		t.Errorf("%v", err)
	}
}

func TestHookThatHangsIsToldToStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := runner(scripted{authorize: func(ctx context.Context) error {
			<-ctx.Done()
			return errors.New("gave up")
		}}).AuthorizeJoin(t.Context(), hook.Reading{})
		var failed *hook.Failure
		if !errors.As(err, &failed) || !failed.Temporary() || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestWhatAHookReturnsIsChecked(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"": `{"a":1}`, `{ "b": 2 }`: `{"b":2}`, `null`: `null`,
		`{"b":`: "", `{"b":1,"b":2}`: "", `"` + strings.Repeat("x", protocol.MaxDataBytes) + `"`: "",
		strings.Repeat("[", 64) + strings.Repeat("]", 64): "",
	} {
		r := runner(scripted{before: func(hook.Publish) (json.RawMessage, error) {
			if data == "" {
				return nil, nil
			}
			return json.RawMessage(data), nil
		}})
		got, err := r.BeforePublish(t.Context(), hook.Publish{Data: json.RawMessage(`{"a":1}`)})
		var failed *hook.Failure
		if string(got) != want || (want == "") != (errors.As(err, &failed) && failed.Broken) {
			t.Errorf("%.30q: %q, %v", data, got, err)
		}
	}
	for _, id := range []auth.Identity{
		{}, {User: "a\nb"}, {User: strings.Repeat("u", 129)},
		{User: "u", Permissions: auth.Permissions{strings.Repeat("*", 257): nil}},
	} {
		_, err := runner(scripted{authenticate: func() (auth.Identity, error) { return id, nil }}).Authenticate(t.Context(), "x", nil)
		var failed *hook.Failure
		if !errors.As(err, &failed) || !failed.Broken {
			t.Errorf("%.30q: %v", id.User, err)
		}
	}
	for _, known := range []error{auth.ErrInvalid, auth.ErrExpired, auth.ErrUnavailable} {
		_, err := runner(scripted{authenticate: func() (auth.Identity, error) { return auth.Identity{}, fmt.Errorf("key: %w", known) }}).Authenticate(t.Context(), "x", nil)
		var failed *hook.Failure
		if !errors.Is(err, known) || errors.As(err, &failed) {
			t.Errorf("%v became %#v", known, err)
		}
	}
}

func TestHookMayWriteIntoItsData(t *testing.T) {
	t.Parallel()
	came := jsontext.Value(`"abc"`)
	r := runner(scripted{before: func(p hook.Publish) (json.RawMessage, error) {
		p.Data[1] = 'X'
		return nil, hook.Refuse("no")
	}})
	_, err := r.BeforePublish(t.Context(), hook.Publish{Data: json.RawMessage(came)})
	if err == nil || string(came) != `"abc"` {
		t.Errorf("%s, %v", came, err)
	}
}

func TestAfterPublishThatFailsIsLogged(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]func() error{
		"error": func() error { return errors.New("queue is full") },
		"panic": func() error { panic("queue is full") },
	} {
		var log bytes.Buffer
		r := hook.NewRunner(scripted{after: after}, time.Second, slog.New(slog.NewTextHandler(&log, nil)))
		r.AfterPublish(t.Context(), hook.Published{Publish: hook.Publish{Room: "lobby", Data: json.RawMessage(`"private"`)}, Seq: 7})
		if s := log.String(); !strings.Contains(s, "queue is full") || !strings.Contains(s, "seq=7") || strings.Contains(s, "private") {
			t.Errorf("%s: %s", name, s)
		}
	}
}
