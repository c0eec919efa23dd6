package dynamo

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/revocation"
)

var now = time.Date(2100, time.January, 1, 12, 0, 0, 0, time.UTC)

// seeds are items as we write them, as a newer version might, and as a broken one
// would.
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
		TokenAt: now, Regrants: 2, Carried: 1,
		Strikes: 1, Sentence: 3503, Closing: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	head := item{
		"e": text("epoch"), "n": number(9), "d": number(8), "q": millis(now), "lo": text("drainer"),
		"lu": millis(now), "lg": number(3), "qr": number(1000), "sh": number(1), "x": seconds(now),
	}
	member := item{
		"sk": text("a="), "u": text("ada"), "a": millis(now), "ss": text("session"), "b": number(1), "np": yes(), "pn": number(2), "x": seconds(now),
	}
	mark := item{"sk": number(0), "e": text("epoch"), "n": number(7), "x": seconds(now)}
	revoked := item{"v#ada\x00": millis(now), "v#bob\x00session": millis(now)}
	all := []item{void, {}, {"sk": number(1)}, {"j": text(`{"n":[1,`), "u": text("ada")}}
	for _, sound := range []item{entry, c, head, member, mark, revoked} {
		all = append(all, sound)
		all = append(all, broken(sound)...)
	}
	return all
}

// broken returns an item with each attribute in turn missing, cut short or of
// another type, and with an unknown one.
func broken(sound item) []item {
	var all []item
	with := func(name string, value types.AttributeValue) {
		i := maps.Clone(sound)
		if i[name] = value; value == nil {
			delete(i, name)
		}
		all = append(all, i)
	}
	for name, value := range sound {
		with(name, nil)
		for _, other := range []types.AttributeValue{
			text("later"), number(-1), yes(), &types.AttributeValueMemberNULL{Value: true},
			&types.AttributeValueMemberB{Value: []byte{0xff}}, &types.AttributeValueMemberSS{Value: []string{"a"}},
			&types.AttributeValueMemberL{Value: []types.AttributeValue{value}}, &types.AttributeValueMemberM{Value: item{"is": value}},
		} {
			with(name, other)
		}
		if s, ok := value.(*types.AttributeValueMemberS); ok {
			with(name, text(s.Value[:len(s.Value)/2]))
		}
	}
	with("of tomorrow", &types.AttributeValueMemberM{Value: item{"codec": text("zstd")}})
	return all
}

// FuzzStored decodes arbitrary items as each kind of item.
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
		if _, err := positionOf(i, nil); err != nil {
			t.Fatal(err)
		}
		neighbours(t, i)
	})
}

// page is a table that answers each query with the same items.
type page struct {
	API
	items []item
}

func (p page) Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return &dynamodb.QueryOutput{Items: p.items}, nil
}

func (p page) GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return &dynamodb.GetItemOutput{Item: p.items[0]}, nil
}

// neighbours checks that an arbitrary item between two valid ones hides neither:
// of entries, members, connections and revocations.
func neighbours(t *testing.T, i item) {
	ctx := context.Background()
	around := func(one, other item) page { return page{items: []item{one, i, other}} }

	entry := func(seq uint64) item {
		return entryItem(msglog.FillParams{Room: "lobby", Epoch: "epoch", Expires: now.Add(time.Hour), Entry: msglog.Entry{Seq: seq, User: "ada", At: now, Data: []byte(`1`)}})
	}
	log := NewLog(around(entry(1), entry(3)), "rooms", "log", slog.New(slog.DiscardHandler))
	entries, err := log.Entries(ctx, msglog.RangeParams{Room: "lobby", Epoch: "epoch", Upto: 3, Limit: 10, Now: now})
	if n := len(entries); err != nil || n < 2 || entries[0].Seq != 1 || entries[n-1].Seq != 3 || entries[0].Void || entries[n-1].Void {
		t.Fatalf("entries %+v, %v", entries, err)
	}

	member := func(id string) item { return item{"sk": text(id), "u": text("ada"), "a": millis(now)} }
	roll, err := NewRooms(around(member("first"), member("last")), "rooms").Members(ctx, "lobby", 0, now)
	if n := len(roll.Members); err != nil || n < 2 || roll.Members[0].ConnectionID != "first" || roll.Members[n-1].ConnectionID != "last" {
		t.Fatalf("members %+v, %v", roll, err)
	}

	due, _, err := NewConnections(around(member("first"), member("last")), "connections", 1).Due(ctx, connection.DueParams{Now: now})
	if err != nil || len(due) != 3 || due[0].ID != "first" || due[2].ID != "last" {
		t.Fatalf("due %+v, %v", due, err)
	}

	revoked := maps.Clone(i)
	revoked["v#ada\x00"] = millis(now)
	list, err := NewRevocations(page{items: []item{revoked}}, "connections", clock.System(), time.Hour).Revocations(ctx, 0, now)
	if err != nil || !slices.Contains(list, revocation.Revocation{User: "ada", At: now}) {
		t.Fatalf("revocations %+v, %v", list, err)
	}
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
