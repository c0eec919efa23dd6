package protocol

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// encodeCommand writes a command as a client may: absent fields as null or empty,
// which mean the same.
func encodeCommand(t *rapid.T, cmd Command) []byte {
	params, err := Marshal(cmd.Params)
	if err != nil {
		t.Fatal(err)
	}
	action, err := Marshal(cmd.Action)
	if err != nil {
		t.Fatal(err)
	}
	fields := [][]byte{append([]byte(`"action":`), action...), params[1 : len(params)-1]}
	if cmd.ID != nil {
		fields = append(fields, append([]byte(`"id":`), cmd.ID...))
	}
	fields = rapid.Permutation(fields).Draw(t, "order")
	frame := append([]byte{'{'}, bytes.Join(fields, []byte{','})...)
	return append(frame, '}')
}

func TestCommandsSurviveTheWire(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := anyCommand().Draw(t, "command")
		frame := encodeCommand(t, want)
		if indent := rapid.Bool().Draw(t, "indent"); indent {
			if err := (*jsontext.Value)(&frame).Indent(); err != nil {
				t.Fatal(err)
			}
		}
		got, err := Decode(frame)
		if err != nil {
			t.Fatalf("%s: %v", frame, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s:\n got %+v %+v\nwant %+v %+v", frame, got, got.Params, want, want.Params)
		}
	})
}

// If any single byte is lost, doubled or changed, the reply is a result or an
// error in the agreed form.
func TestDamagedCommandsAreAnswered(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		frame := encodeCommand(t, anyCommand().Draw(t, "command"))
		at := rapid.IntRange(0, len(frame)-1).Draw(t, "at")
		switch rapid.IntRange(0, 3).Draw(t, "damage") {
		case 0:
			frame = append(frame[:at:at], frame[at+1:]...)
		case 1:
			frame = frame[:at]
		case 2:
			frame = append(frame[:at+1:at+1], frame[at:]...)
		case 3:
			frame[at] = rapid.Byte().Draw(t, "byte")
		}
		checkDecode(t, frame)
	})
}

func TestEntriesSurviveTheWire(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := Entry{
			Seq:  rapid.Uint64Range(1, MaxInteger).Draw(t, "seq"),
			User: anyText(1, MaxUserBytes).Draw(t, "user"),
			At:   rapid.Int64Range(1, MaxInteger).Draw(t, "at"),
			Key:  anyText(0, MaxKeyBytes).Draw(t, "key"),
			Data: anyData().Draw(t, "data"),
		}
		b, err := Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		frame, err := Marshal(NewMessages("lobby", "e", []jsontext.Value{b}))
		if err != nil {
			t.Fatal(err)
		}
		var push Messages
		var got Entry
		if err := json.Unmarshal(frame, &push, strict); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(push.Messages[0], &got, strict); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func anyCommand() *rapid.Generator[Command] {
	return rapid.Custom(func(t *rapid.T) Command {
		action := rapid.SampledFrom(Actions()).Draw(t, "action")
		cmd := Command{Action: action, ID: anyID().Draw(t, "id")}
		room := func() string { return anyRoom().Draw(t, "room") }
		switch action {
		case ActionHello:
			cmd.Params = &Hello{
				Token: anyText(0, 200).Draw(t, "token"), Session: anyText(0, MaxSessionBytes).Draw(t, "session"),
				Rooms: rapid.MapOfN(anyRoom(), anyFrom(false), 0, MaxRoomsPerCommand).Draw(t, "rooms"),
			}
		case ActionAuth:
			cmd.Params = &Auth{Token: anyText(1, 200).Draw(t, "token")}
		case ActionJoin:
			cmd.Params = &Join{Room: room(), From: anyFrom(false).Draw(t, "from")}
		case ActionLeave:
			cmd.Params = &Leave{Room: room()}
		case ActionPublish:
			cmd.Params = &Publish{
				Room: room(), Data: anyData().Draw(t, "data"),
				Key: anyText(0, MaxKeyBytes).Draw(t, "key"), Ephemeral: rapid.Bool().Draw(t, "ephemeral"),
			}
		case ActionHistory:
			h := &History{Room: room(), Epoch: anyText(0, MaxEpochBytes).Draw(t, "epoch")}
			place := rapid.Uint64Range(0, MaxInteger).Draw(t, "place")
			if rapid.Bool().Draw(t, "forwards") {
				h.Since = &place
			} else {
				h.Before = &place
			}
			h.Limit = rapid.Ptr(rapid.Uint64Range(1, MaxHistory), true).Draw(t, "limit")
			cmd.Params = h
		case ActionSync:
			cmd.Params = &Sync{Rooms: rapid.MapOfN(anyRoom(), anyFrom(true), 1, MaxRoomsPerCommand).Draw(t, "rooms")}
		case ActionPresence:
			cmd.Params = &Presence{Room: room()}
		default:
			t.Fatalf("no generator for %q", action)
		}
		return cmd
	})
}

func anyFrom(needSince bool) *rapid.Generator[From] {
	return rapid.Custom(func(t *rapid.T) From {
		from := From{Epoch: anyText(0, MaxEpochBytes).Draw(t, "epoch")}
		if needSince || rapid.Bool().Draw(t, "resume") {
			since := rapid.Uint64Range(0, MaxInteger).Draw(t, "since")
			from.Since = &since
		} else {
			from.Last = rapid.Ptr(rapid.Uint64Range(0, MaxHistory), true).Draw(t, "last")
		}
		return from
	})
}

func anyRoom() *rapid.Generator[string] {
	return rapid.StringMatching(`[A-Za-z0-9._:/-]{1,128}`)
}

// anyText generates valid text of least to most bytes.
func anyText(least, most int) *rapid.Generator[string] {
	return rapid.StringN(least, most, most).Filter(func(s string) bool { return validText(s, most) })
}

// anyID generates ids in the form that we write, so that they can be compared.
func anyID() *rapid.Generator[ID] {
	return rapid.Custom(func(t *rapid.T) ID {
		var id any
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			id = rapid.Int64Range(-MaxInteger, MaxInteger).Draw(t, "number")
		case 2:
			id = anyText(0, MaxIDBytes).Draw(t, "text")
		}
		b, err := Marshal(id)
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}

func anyData() *rapid.Generator[jsontext.Value] {
	return rapid.Map(anyValue(4), func(v any) jsontext.Value {
		b, err := Marshal(v)
		if err != nil {
			panic(err)
		}
		return b
	})
}

func anyValue(depth int) *rapid.Generator[any] {
	kinds := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.String().AsAny(),
		rapid.Int64().AsAny(), rapid.Float64Range(-1e300, 1e300).AsAny(),
	}
	if depth > 0 {
		inner := rapid.Deferred(func() *rapid.Generator[any] { return anyValue(depth - 1) })
		kinds = append(kinds, rapid.SliceOfN(inner, 0, 4).AsAny(), rapid.MapOfN(rapid.String(), inner, 0, 4).AsAny())
	}
	return rapid.OneOf(kinds...)
}
