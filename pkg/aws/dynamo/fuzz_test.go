package dynamo

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
)

var now = time.Date(2100, time.January, 1, 12, 0, 0, 0, time.UTC)

// seeds are items as we write them, as a newer version might, and as a broken
// one would.
func seeds(t testing.TB) []item {
	t.Helper()
	entry := entryItem(msglog.FillParams{
		Room: "lobby", Epoch: "epoch", Expires: now.Add(time.Hour),
		Entry: msglog.Entry{Seq: 7, User: "ada", At: now, Key: "key", Data: []byte(`{"n":[1,"🦉"]}`), Origin: "a="},
	})
	void := entryItem(msglog.FillParams{Room: "lobby", Epoch: "epoch", Entry: msglog.Void(8), Expires: now})
	c, err := connectionItem(connection.Connection{
		ID: "a=", Identity: auth.Identity{User: "ada", Expires: now, Permissions: auth.Permissions{"*": {auth.Join}}},
		Session: "session", ConnectedAt: now, Rooms: map[string]time.Time{"lobby": now}, JoinedAt: now, CheckAt: now,
		Strikes: 1, Sentence: 3503, Closing: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	head := item{
		"e": text("epoch"), "n": number(9), "d": number(8), "q": millis(now), "lo": text("drainer"),
		"lu": millis(now), "sh": number(1), "x": seconds(now),
	}
	newer := maps.Clone(entry)
	newer["z"] = &types.AttributeValueMemberM{Value: item{"codec": text("zstd")}}
	newer["sk"] = number(9)
	return []item{entry, void, c, head, newer, {}, {"sk": number(1)}, {"j": text(`{"n":[1,`), "u": text("ada")}}
}

// FuzzStored decodes arbitrary items as everything that they might be taken for.
func FuzzStored(f *testing.F) {
	for _, i := range seeds(f) {
		f.Add(wire(f, i))
	}
	f.Add([]byte(`{"sk":{"N":"1E+126"},"j":{"S":"\ud800"},"a":{"N":"-9223372036854775809"},"x":{"N":"NaN"},"tx":{"N":"0"},"r":{"SS":[]}}`))
	l := &Log{logger: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, stored []byte) {
		i, ok := unwire(stored)
		if !ok {
			return
		}
		e := l.entryOf(context.Background(), i)
		if e.Void && (len(e.Data) > 0 || e.User != "" || e.Key != "" || e.Origin != "" || !e.At.IsZero()) {
			t.Fatalf("a void that carries something: %+v", e)
		}
		if !e.Void && (e.User == "" || !json.Valid(e.Data) || e.At.IsZero()) {
			t.Fatalf("an entry that cannot be sent: %+v", e)
		}
		c := connectionOf(i)
		if _, limited := i["p"]; limited && c.Identity.Permissions == nil {
			t.Fatal("permissions that cannot be read became the deployment's default")
		}
		if _, expires := i["tx"]; expires && c.Identity.Expires.IsZero() {
			t.Fatal("an expiry that cannot be read became never")
		}
		if _, closing := i["cl"]; closing != c.Closing {
			t.Fatal("what the conditions take for closing is not closing")
		}
		_ = headOf(i)
		_ = memberOf("lobby", 0, i)
		_ = expired(i, now)
		if _, err := positionOf(i, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// wire is an item in the form of the wire protocol, for the kinds of attributes
// that we read; unwire is the other way.
func wire(t testing.TB, i item) []byte {
	t.Helper()
	out := map[string]map[string]any{}
	for name, value := range i {
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			out[name] = map[string]any{"S": v.Value}
		case *types.AttributeValueMemberN:
			out[name] = map[string]any{"N": v.Value}
		case *types.AttributeValueMemberBOOL:
			out[name] = map[string]any{"BOOL": v.Value}
		case *types.AttributeValueMemberSS:
			out[name] = map[string]any{"SS": v.Value}
		default:
			out[name] = map[string]any{"NULL": true}
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unwire(b []byte) (item, bool) {
	var in map[string]struct {
		S, N *string
		BOOL *bool
		B    []byte
		SS   []string
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, false
	}
	i := item{}
	for name, v := range in {
		switch {
		case v.S != nil:
			i[name] = text(*v.S)
		case v.N != nil:
			i[name] = &types.AttributeValueMemberN{Value: *v.N}
		case v.BOOL != nil:
			i[name] = &types.AttributeValueMemberBOOL{Value: *v.BOOL}
		case v.B != nil:
			i[name] = &types.AttributeValueMemberB{Value: v.B}
		case v.SS != nil:
			i[name] = &types.AttributeValueMemberSS{Value: v.SS}
		default:
			i[name] = &types.AttributeValueMemberNULL{Value: true}
		}
	}
	return i, true
}

// FuzzMarkKey looks for two keys that share a mark.
func FuzzMarkKey(f *testing.F) {
	f.Add("lobby", "ada", "key", "lobby", "adak", "ey")
	f.Add("lobby", "", "adakey", "lobby", "adakey", "")
	f.Add("a", "b", "c", "a", "b", "c")
	f.Fuzz(func(t *testing.T, room1, user1, key1, room2, user2, key2 string) {
		alike := markKey(room1, user1, key1) == markKey(room2, user2, key2)
		if alike != (room1 == room2 && user1 == user2 && key1 == key2) {
			t.Fatalf("%q %q %q and %q %q %q", room1, user1, key1, room2, user2, key2)
		}
	})
}
