package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/handler/handlertest"
	"github.com/gapless-rooms/gapless/pkg/hook"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// longestUser needs the most bytes in JSON: control characters are not allowed.
var longestUser = strings.Repeat(`"`, protocol.MaxUserBytes)

// crowd is a world for replies of the largest size: connection c belongs to the
// user with the longest name.
func crowd(t *testing.T, f func(w *handlertest.World)) {
	t.Helper()
	handlertest.Run(t, func(w *handlertest.World) {
		identity := auth.Identity{User: longestUser, Expires: time.Now().Add(100 * 24 * time.Hour)}
		w.Tokens["t"] = identity
		now := time.Now()
		err := w.Connections.Put(t.Context(), connection.Connection{ID: "c", Identity: identity, ConnectedAt: now, CheckAt: now})
		if err != nil {
			t.Fatal(err)
		}
		f(w)
	})
}

// write appends entries with data of the given sizes in bytes.
func write(w *handlertest.World, name string, sizes ...int) {
	w.T.Helper()
	for i, size := range sizes {
		_, err := w.Log.Append(w.T.Context(), msglog.AppendParams{
			Room: name, User: longestUser, Origin: "x", Key: fmt.Sprintf(`%s%02d`, strings.Repeat(`"`, protocol.MaxKeyBytes-2), i),
			Data: []byte(`"` + strings.Repeat("x", size-2) + `"`),
		})
		if err != nil {
			w.T.Fatal(err)
		}
	}
}

func roomName(i int) string { return fmt.Sprintf("%0*d", protocol.MaxRoomBytes, i) }

// The second room's entry makes the reply exactly 32,768 bytes long, and then one
// byte longer.
func TestPagesOfSeveralRoomsFillOneFrame(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{
		"hello": `{"id":"\u0061\u0062","action":"hello","rooms":{%q:{"since":0},%q:{"since":0}}}`,
		"sync":  `{"id":"\u0061\u0062","action":"sync","rooms":{%q:{"since":0},%q:{"since":0}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crowd(t, func(w *handlertest.World) {
				t := w.T
				write(w, roomName(0), 20_000)
				second := 0
				ask := func(size int) (answer handlertest.Answer, page handlertest.Page) {
					second++
					write(w, roomName(second), size)
					if name == "sync" {
						w.OK("c", fmt.Sprintf(`{"id":1,"action":"join","room":%q}`, roomName(0)))
						w.OK("c", fmt.Sprintf(`{"id":1,"action":"join","room":%q}`, roomName(second)))
					}
					answer = w.OK("c", fmt.Sprintf(command, roomName(0), roomName(second)))
					return answer, answer.OK.Rooms[roomName(second)].Page
				}
				answer, page := ask(1000)
				if len(page.Messages) != 1 {
					t.Fatalf("%s", answer.Frame)
				}
				fits := 1000 + protocol.FrameBytes - len(answer.Frame)
				if answer, page = ask(fits); len(answer.Frame) != protocol.FrameBytes || len(page.Messages) != 1 || page.More {
					t.Errorf("%d bytes, %d messages, more %v", len(answer.Frame), len(page.Messages), page.More)
				}
				if answer, page = ask(fits + 1); len(answer.Frame) > protocol.FrameBytes || len(page.Messages) != 0 || !page.More {
					t.Errorf("a byte more: %d bytes, %d messages, more %v", len(answer.Frame), len(page.Messages), page.More)
				}
			})
		})
	}
}

// The same for presence.
func TestUsersFillOneFrame(t *testing.T) {
	t.Parallel()
	crowd(t, func(w *handlertest.World) {
		t := w.T
		ask := func(name string, last int) (handlertest.Answer, int) {
			const many = 118
			for i := range many {
				user := fmt.Sprintf("%03d%s", i, strings.Repeat(`"`, protocol.MaxUserBytes-3))
				if i == many-1 {
					user = user[:last]
				}
				m := room.Member{Room: name, ConnectionID: fmt.Sprint(i), User: user, JoinedAt: time.Now()}
				if err := w.Members.Put(t.Context(), m, time.Now().Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
			}
			answer := w.OK("c", fmt.Sprintf(`{"id":1,"action":"presence","room":%q}`, name))
			if answer.OK.Count != many {
				t.Errorf("count %d, want %d", answer.OK.Count, many)
			}
			return answer, len(answer.OK.Users)
		}
		answer, n := ask("a", 3)
		if n != 118 {
			t.Fatalf("%d of 118 users in %d bytes: not the scenario", n, len(answer.Frame))
		}
		left := protocol.FrameBytes - len(answer.Frame)
		if left < 0 || left/2 > 120 {
			t.Fatalf("%d bytes left: not the scenario", left)
		}
		t.Logf("%d bytes left beside 118 users", left)
		if answer, n = ask("b", 3+left/2); n != 118 || len(answer.Frame) < protocol.FrameBytes-1 || len(answer.Frame) > protocol.FrameBytes {
			t.Errorf("%d users in %d bytes", n, len(answer.Frame))
		}
		if answer, n = ask("c", 3+left/2+1); n != 117 || len(answer.Frame) > protocol.FrameBytes {
			t.Errorf("a character more: %d users in %d bytes", n, len(answer.Frame))
		}
	})
}

// wordy refuses rooms by the number at the end of their names.
type wordy struct {
	hook.None
	refuse func(room string) error
}

func (h wordy) AuthorizeJoin(_ context.Context, r hook.Reading) error { return h.refuse(r.Room) }

func (h wordy) BeforePublish(_ context.Context, p hook.Publish) (json.RawMessage, error) {
	return p.Data, h.refuse(p.Room)
}

// The application refuses 31 rooms at length, and one room has a page.
func TestRefusalsAndAPageShareOneFrame(t *testing.T) {
	t.Parallel()
	for name, sentence := range map[string]string{
		"plain": strings.Repeat("n", 200), "quotes": strings.Repeat(`"`, 200), "controls": strings.Repeat("\x01", 200),
		"too long": strings.Repeat("€", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crowd(t, func(w *handlertest.World) {
				t := w.T
				no := protocol.Errorf(protocol.Code(strings.Repeat("\x01c", 100)), "%s", sentence)
				w.Message.Hooks = hook.NewRunner(wordy{refuse: func(name string) error {
					if name == roomName(31) {
						return nil
					}
					return no
				}}, time.Second, slog.New(slog.DiscardHandler))
				sizes := make([]int, 100)
				for i := range sizes {
					sizes[i] = 100
				}
				write(w, roomName(31), sizes...)
				var rooms []string
				for i := range protocol.MaxRoomsPerCommand {
					rooms = append(rooms, fmt.Sprintf(`%q:{"since":0}`, roomName(i)))
				}
				answer := w.OK("c", `{"id":1,"action":"hello","token":"t","rooms":{`+strings.Join(rooms, ",")+`}}`)
				if len(answer.Frame) > protocol.FrameBytes {
					t.Errorf("%d bytes", len(answer.Frame))
				}
				refused := 0
				for _, r := range answer.OK.Rooms {
					if r.Error != nil {
						refused++
					}
				}
				if page := answer.OK.Rooms[roomName(31)].Page; refused != 31 || len(page.Messages) == 0 || !page.More {
					t.Errorf("%d refused, %d messages, more %v", refused, len(page.Messages), page.More)
				}
			})
		})
	}
}

// TestNoAnswerIsLargerThanAFrame builds the largest replies of every action.
func TestNoAnswerIsLargerThanAFrame(t *testing.T) {
	t.Parallel()
	crowd(t, func(w *handlertest.World) {
		t := w.T
		const rooms = 48
		long := map[string]error{}
		for i := range rooms {
			name := roomName(i)
			switch i % 6 {
			case 0: // many small ones
				sizes := make([]int, 120)
				for k := range sizes {
					sizes[k] = 2
				}
				write(w, name, sizes...)
			case 1:
				write(w, name, protocol.MaxDataBytes, protocol.MaxDataBytes, 2)
			case 2:
				write(w, name, 2, 9000, 9000, 9000, 9000)
			case 3:
				write(w, name, protocol.MaxDataBytes-i)
			case 4:
				code := protocol.Code(strings.Repeat("\"\\\x01é"[i%4:], 500))
				long[name] = protocol.Retry(code, protocol.MaxInteger, strings.Repeat("\x01\"\\é\u2028"[i%5:], 500))
			}
			for k := range 20 * (i % 12) {
				m := room.Member{Room: name, ConnectionID: fmt.Sprint(k), User: fmt.Sprintf("%03d%s", k, longestUser[3:]), JoinedAt: time.Now()}
				if err := w.Members.Put(t.Context(), m, time.Now().Add(1000*time.Hour)); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.Message.Hooks = hook.NewRunner(wordy{refuse: func(name string) error { return long[name] }}, time.Second, slog.New(slog.DiscardHandler))
		rapid.Check(struct{ testing.TB }{t}, func(r *rapid.T) { // synctest's bubble has no deadline
			time.Sleep(10 * time.Second) // so that no rate limit applies
			action := rapid.SampledFrom(append(protocol.Actions(), "malformed")).Draw(r, "action")
			var frame string
			if action == "malformed" {
				frame = malformed(r)
			} else {
				frame = largest(r, action, rooms)
			}
			answer := w.Say("c", frame)
			if len(answer.Frame) > protocol.FrameBytes {
				r.Fatalf("%s is answered with %d bytes", frame, len(answer.Frame))
			}
			if !json.Valid(answer.Frame) {
				r.Fatalf("%s is answered %s", frame, answer.Frame)
			}
			if answer.OK == nil {
				return
			}
			whole(r, answer.OK.Page)
			for name, result := range answer.OK.Rooms {
				if result.Error == nil {
					whole(r, result.Page)
				} else if long[name] == nil && result.Error.Code == protocol.Internal {
					r.Fatalf("%s: %v", name, result.Error)
				}
			}
		})
	})
}

// whole checks that a page has no hole, and sets more if it is cut.
func whole(r *rapid.T, page handlertest.Page) {
	for i, e := range page.Messages {
		if i > 0 && e.Seq != page.Messages[i-1].Seq+1 {
			r.Fatalf("%d follows %d", e.Seq, page.Messages[i-1].Seq)
		}
	}
}

// text returns a text that needs the most bytes in JSON, or few.
func text(r *rapid.T, most int, label string) string {
	one := rapid.SampledFrom([]string{`a`, `\"`, `\\`, `\u0061`, `\u0022`}).Draw(r, label)
	return `"` + strings.Repeat(one, rapid.SampledFrom([]int{1, most}).Draw(r, label+" length")) + `"`
}

// largest returns a command whose reply is large.
func largest(r *rapid.T, action protocol.Action, rooms int) string {
	fields := []string{fmt.Sprintf(`"action":%q,"id":%s`, action, text(r, protocol.MaxIDBytes, "id"))}
	add := func(format string, args ...any) { fields = append(fields, fmt.Sprintf(format, args...)) }
	name := roomName(rapid.IntRange(0, rooms-1).Draw(r, "room"))
	from := func(last bool) string {
		kinds := []string{`"since":0`, `"since":1`, `"since":9007199254740991`}
		if last {
			kinds = append(kinds, `"last":100`, ``)
		}
		return rapid.SampledFrom(kinds).Draw(r, "from")
	}
	several := func(last bool) {
		first := rapid.IntRange(0, rooms-1).Draw(r, "first")
		step := rapid.SampledFrom([]int{1, 5, 6}).Draw(r, "step")
		n := rapid.IntRange(1, protocol.MaxRoomsPerCommand).Draw(r, "rooms")
		seen := map[int]bool{}
		var list []string
		for i := range n {
			if k := (first + i*step) % rooms; !seen[k] {
				seen[k] = true
				list = append(list, fmt.Sprintf(`%q:{%s}`, roomName(k), from(last)))
			}
		}
		add(`"rooms":{%s}`, strings.Join(list, ","))
	}
	switch action {
	case protocol.ActionHello:
		add(`"token":"t","session":%s`, text(r, protocol.MaxSessionBytes, "session"))
		several(true)
	case protocol.ActionSync:
		several(false)
	case protocol.ActionAuth:
		add(`"token":"t"`)
	case protocol.ActionPublish:
		add(`"room":%q,"data":1,"key":%s`, name, text(r, protocol.MaxKeyBytes, "key"))
	case protocol.ActionHistory:
		add(`"room":%q,%s`, name, rapid.SampledFrom([]string{`"since":0`, `"since":2`, `"before":3`, `"before":9007199254740991`}).Draw(r, "from"))
	case protocol.ActionJoin:
		add(`"room":%q`, name)
		if f := from(true); f != "" {
			add("%s", f)
		}
	default:
		add(`"room":%q`, name)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// malformed returns a frame of the largest size that is malformed.
func malformed(r *rapid.T) string {
	filler := rapid.SampledFrom([]string{"\x01", `\u0001`, `"`, `\"`, "é", "\xff", "{", "[", `{"a":`, `a`, `","`}).Draw(r, "filler")
	long := string(bytes.Repeat([]byte(filler), (protocol.FrameBytes-200)/len(filler)))
	return fmt.Sprintf(rapid.SampledFrom([]string{
		`{"action":"%s"}`, `{"action":"join","room":"%s"}`, `{"action":"hello","rooms":{"%s":{"since":-1}}}`,
		`{"action":"leave","id":"%s"}`, `{"action":"leave","%s":1,"x":}`, `{"action":"leave","%s":{"b":1,"b":1}}`, `%s`, `{"a":{"%s":{`,
		`{"id":1,"action":"publish","room":"r","data":%s}`, `{"id":1,"action":"history","room":"r","since":%s}`, `{"action":"auth","token":"%s"}`,
	}).Draw(r, "form"), long)
}
