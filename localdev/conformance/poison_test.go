package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/storetest"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }

// TestPoison checks what becomes of items as no version of ours writes them.
func TestPoison(t *testing.T) {
	t.Parallel()
	t.Run("OnEngine", func(t *testing.T) {
		t.Parallel()
		b, _ := onEngine(t)
		runPoison(t, b)
	})
	t.Run("OnDynamoDBLocal", func(t *testing.T) {
		t.Parallel()
		runPoison(t, onDynamoDBLocal(t))
	})
}

func runPoison(t *testing.T, b backend) {
	t.Run("Entry", func(t *testing.T) { poisonEntry(t, b) })
	t.Run("EntryBetweenNumbers", func(t *testing.T) { poisonNumber(t, b) })
	t.Run("Mark", func(t *testing.T) { poisonMark(t, b) })
	t.Run("Connection", func(t *testing.T) { poisonConnection(t, b) })
	t.Run("Ticket", func(t *testing.T) { poisonTicket(t, b) })
	t.Run("ConnectionNotDue", func(t *testing.T) { poisonDate(t, b) })
	t.Run("ConnectionNotDeleted", func(t *testing.T) { poisonJoin(t, b) })
	t.Run("Lease", func(t *testing.T) { poisonLease(t, b) })
}

// write puts an item past the adapter: changes over a sound one; nil removes an
// attribute.
func (b backend) write(t *testing.T, table string, sound, changes item) {
	t.Helper()
	i := maps.Clone(sound)
	for name, value := range changes {
		if i[name] = value; value == nil {
			delete(i, name)
		}
	}
	name := b.tables[table]
	_, err := b.client.PutItem(t.Context(), &sdk.PutItemInput{TableName: &name, Item: i})
	ok(t, err)
}

// read gets an item past the adapter.
func (b backend) read(t *testing.T, table, pk string, sk types.AttributeValue) item {
	t.Helper()
	name := b.tables[table]
	out, err := b.client.GetItem(t.Context(), &sdk.GetItemInput{TableName: &name, Key: item{"pk": text(pk), "sk": sk}})
	ok(t, err)
	return out.Item
}

// poisonEntry checks that an entry that cannot be read is void, is reported
// without its data, and costs no neighbour.
func poisonEntry(t *testing.T, b backend) {
	const secret = "s3cr3t"
	message := func(seq uint64) msglog.FillParams {
		return msglog.FillParams{
			Room: "poisoned", Epoch: "epoch", Expires: storetest.Start.Add(time.Hour),
			Entry: msglog.Entry{Seq: seq, User: "ada", At: storetest.Start, Key: "key", Origin: "a=", Data: []byte(`"` + secret + `"`)},
		}
	}
	for name, changes := range map[string]item{
		"truncated data":        {"j": text(`"` + secret)},
		"data of another type":  {"j": &types.AttributeValueMemberB{Value: []byte(secret)}},
		"no data":               {"j": nil},
		"no user":               {"u": nil},
		"user of another type":  {"u": &types.AttributeValueMemberSS{Value: []string{"ada"}}},
		"no time":               {"a": nil},
		"time of another type":  {"a": text("yesterday")},
		"time out of range":     {"a": number("1E+100")},
		"key of another type":   {"k": number("1")},
		"origin of another one": {"c": &types.AttributeValueMemberNULL{Value: true}},
		"nothing at all":        {"j": nil, "u": nil, "a": nil, "k": nil, "c": nil, "x": nil},
		"a list of everything":  {"j": &types.AttributeValueMemberL{Value: []types.AttributeValue{text(secret)}}, "x": text("never")},
	} {
		var out bytes.Buffer
		log := dynamo.NewLog(b.client, b.tables["rooms"], b.tables["log"], slog.New(slog.NewTextHandler(&out, nil)))
		room := "poisoned." + strings.ReplaceAll(name, " ", "_")
		for seq := uint64(1); seq <= 3; seq++ {
			p := message(seq)
			p.Room = room
			_, _, err := log.Fill(t.Context(), p)
			ok(t, err)
		}
		b.write(t, "log", b.read(t, "log", "e#"+room+"#epoch", number("2")), changes)

		got, err := log.Entries(t.Context(), msglog.RangeParams{Room: room, Epoch: "epoch", Upto: 3, Limit: 10, Now: storetest.Start})
		ok(t, err)
		if len(got) != 3 || got[0].Void || !got[1].Void || got[2].Void || got[1].Seq != 2 || len(got[1].Data) > 0 {
			t.Errorf("%s: got %+v", name, got)
		}
		p := message(2)
		p.Room = room
		stands, filled, err := log.Fill(t.Context(), p)
		ok(t, err)
		if filled || !stands.Void || stands.Seq != 2 {
			t.Errorf("%s: stands %+v, filled %v", name, stands, filled)
		}
		if logged := out.String(); !strings.Contains(logged, "level=WARN") || strings.Contains(logged, secret) {
			t.Errorf("%s: logged %q", name, logged)
		}
	}
}

// poisonNumber checks that an item whose key is no sequence number is no entry.
func poisonNumber(t *testing.T, b backend) {
	for _, sk := range []string{"1.5", "1E+30"} {
		b.write(t, "log", item{"pk": text("e#between#epoch"), "sk": number(sk), "x": number("9999999999")}, nil)
	}
	got, err := b.log().Entries(t.Context(), msglog.RangeParams{Room: "between", Epoch: "epoch", Upto: 2, Limit: 10, Now: storetest.Start})
	ok(t, err)
	equal(t, len(got), 0)
}

// poisonMark checks that a mark that says nothing counts as absent.
func poisonMark(t *testing.T, b backend) {
	p := msglog.MarkParams{
		Room: "marked", User: "ada", Key: "key", Position: msglog.Position{Epoch: "epoch", Seq: 1},
		Now: storetest.Start, Expires: storetest.Start.Add(time.Hour),
	}
	_, err := b.log().Mark(t.Context(), p)
	ok(t, err)
	const pk = "k#marked#b4zxB0XcF1T4oalWg3OoE86Fw-yXJp3GDzMEqtitTJ8" // of "\x03adakey"
	sound := b.read(t, "log", pk, number("0"))
	if len(sound) == 0 {
		t.Fatalf("the mark of ada and key is not at %s: all marks of a deployment would be forgotten", pk)
	}
	for _, changes := range []item{
		{"e": nil}, {"n": nil}, {"e": number("1")}, {"n": text("1")}, {"e": nil, "n": nil, "x": nil},
	} {
		b.write(t, "log", sound, changes)
		p.Position.Seq++
		got, err := b.log().Mark(t.Context(), p)
		ok(t, err)
		equal(t, got, p.Position)
	}
}

// poisonConnection checks that what cannot be read of a connection permits
// nothing.
func poisonConnection(t *testing.T, b backend) {
	c := connection.Connection{ID: "poisoned=", ConnectedAt: storetest.Start, CheckAt: storetest.Start}
	c.Identity.User = "ada"
	ok(t, b.connections().Put(t.Context(), c))
	sound := b.soundConnection(t, c.ID)
	for name, tt := range map[string]struct {
		changes item
		sound   func(connection.Connection) bool
	}{
		"user":        {item{"u": number("1")}, func(c connection.Connection) bool { return !c.Authenticated() }},
		"expiry":      {item{"tx": text("never")}, func(c connection.Connection) bool { return c.Expired(storetest.Start) }},
		"permissions": {item{"p": text(`{"*":["join"]`)}, grantsNothing},
		"null":        {item{"p": text(`null`)}, grantsNothing},
		"type":        {item{"p": &types.AttributeValueMemberM{Value: item{"*": text("join")}}}, grantsNothing},
		"closing":     {item{"cl": text("maybe")}, func(c connection.Connection) bool { return c.Closing }},
		"rooms":       {item{"r": text("lobby")}, func(c connection.Connection) bool { return len(c.Rooms) == 0 }},
	} {
		b.write(t, "connections", sound, tt.changes)
		got, err := b.connections().Get(t.Context(), c.ID)
		ok(t, err)
		if !tt.sound(got) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// poisonTicket checks that a ticket that cannot be read lets nobody in.
func poisonTicket(t *testing.T, b backend) {
	made := ticket.Ticket{Digest: "poisoned", Identity: auth.Identity{User: "ada"}, Expires: storetest.Start.Add(time.Minute)}
	ok(t, b.tickets().Put(t.Context(), made))
	sound := b.read(t, "connections", "t#poisoned", text("t"))
	for name, changes := range map[string]item{
		"no expiry":              {"te": nil},
		"expiry of another type": {"te": text("9999999999999")},
		"no user":                {"u": nil},
		"user of another type":   {"u": number("1")},
	} {
		b.write(t, "connections", sound, changes)
		_, err := b.tickets().Take(t.Context(), ticket.TakeParams{Digest: made.Digest, ConnectionID: "a=", Now: storetest.Start})
		if !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func grantsNothing(c connection.Connection) bool {
	return c.Identity.Permissions != nil && len(c.Identity.Permissions) == 0
}

// soundConnection reads a connection's item, whatever partition it is in.
func (b backend) soundConnection(t *testing.T, id string) item {
	t.Helper()
	for _, pk := range []string{"c#0", "c#1", "c#2"} {
		if i := b.read(t, "connections", pk, text(id)); len(i) > 0 {
			return i
		}
	}
	t.Fatalf("no item for %s", id)
	return nil
}

// poisonDate checks that a connection without a readable date is due.
func poisonDate(t *testing.T, b backend) {
	c := connection.Connection{ID: "dateless=", ConnectedAt: storetest.Start, CheckAt: storetest.Start.Add(time.Hour)}
	ok(t, b.connections().Put(t.Context(), c))
	sound := b.soundConnection(t, c.ID)
	for _, changes := range []item{{"ck": nil}, {"ck": text("soon")}, {"ck": number("1E+100")}} {
		b.write(t, "connections", sound, changes)
		found := 0
		for partition := range partitions {
			due, _, err := b.connections().Due(t.Context(), connection.DueParams{Partition: partition, Now: storetest.Start.Add(-time.Hour)})
			ok(t, err)
			for _, d := range due {
				if d.ID == c.ID {
					found++
				}
			}
		}
		equal(t, found, 1)
	}
}

// poisonJoin checks that a connection whose latest join or whose room cannot be
// read can be deleted, and holds up nobody who authenticates on it.
func poisonJoin(t *testing.T, b backend) {
	for n, join := range []types.AttributeValue{text("now"), number("1E+100"), &types.AttributeValueMemberNULL{Value: true}} {
		c := connection.Connection{ID: fmt.Sprintf("joinless%d=", n), ConnectedAt: storetest.Start, CheckAt: storetest.Start}
		ok(t, b.connections().Put(t.Context(), c))
		b.write(t, "connections", b.soundConnection(t, c.ID), item{"ja": join})
		got, err := b.connections().Get(t.Context(), c.ID)
		ok(t, err)
		deleted, err := b.connections().Delete(t.Context(), c.ID, got.JoinedAt)
		ok(t, err)
		equal(t, deleted, true)
	}
	c := connection.Connection{ID: "roomless=", ConnectedAt: storetest.Start, CheckAt: storetest.Start}
	ok(t, b.connections().Put(t.Context(), c))
	b.write(t, "connections", b.soundConnection(t, c.ID), item{"r": &types.AttributeValueMemberM{Value: item{"lobby": number("1E+100")}}})
	_, err := b.connections().Authenticate(t.Context(), connection.AuthenticateParams{
		Max: 9, ID: c.ID, Rooms: []string{"lobby"}, At: storetest.Start, Now: storetest.Start, CheckAt: storetest.Start,
	})
	if !errors.Is(err, connection.ErrNotFound) {
		t.Errorf("authenticate: %v", err)
	}
}

// poisonLease checks that a lease without an end is not held forever, and that
// whoever asks for one that cannot be understood gets an answer.
func poisonLease(t *testing.T, b backend) {
	log, err := msglog.New(b.log(), storetest.NewClock(), func() string { return "epoch" }, msglog.Config{})
	ok(t, err)
	end := storetest.Start.Add(time.Minute)
	for room, poison := range map[string]item{
		"endless":    {"lo": text("ghost")},
		"owner":      {"lo": number("1"), "lu": number(strconv.FormatInt(end.UnixMilli(), 10))},
		"pointer":    {"d": text("1")},
		"generation": {"lg": text("1")},
	} {
		_, err := log.Append(t.Context(), msglog.AppendParams{Room: room, User: "ada", Data: []byte(`1`)})
		ok(t, err)
		b.write(t, "rooms", b.read(t, "rooms", "h#"+room, text("h")), poison)
		_, err = log.Acquire(t.Context(), room, "drainer", msglog.Head{}, end)
		if want := room != "endless"; errors.Is(err, msglog.ErrLeaseHeld) != want || (err != nil) != want {
			t.Errorf("%s: %v", room, err)
		}
	}
}
