package e2e

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

type stored = map[string]types.AttributeValue

// broken is an item with each attribute but its key in turn missing, cut short
// or of another type, with one that is not known, and with none at all.
func broken(sound stored) []stored {
	var all []stored
	with := func(name string, value types.AttributeValue) {
		i := maps.Clone(sound)
		if i[name] = value; value == nil {
			delete(i, name)
		}
		all = append(all, i)
	}
	for _, name := range slices.Sorted(maps.Keys(sound)) {
		if name == "pk" || name == "sk" {
			continue
		}
		value := sound[name]
		with(name, nil)
		for _, other := range []types.AttributeValue{
			&types.AttributeValueMemberS{Value: "later"}, &types.AttributeValueMemberN{Value: "-1"}, &types.AttributeValueMemberN{Value: "1E+100"},
			&types.AttributeValueMemberBOOL{Value: false}, &types.AttributeValueMemberNULL{Value: true},
			&types.AttributeValueMemberB{Value: []byte{0xff}}, &types.AttributeValueMemberSS{Value: []string{"a"}},
			&types.AttributeValueMemberL{Value: []types.AttributeValue{value}}, &types.AttributeValueMemberM{Value: stored{"is": value}},
		} {
			with(name, other)
		}
		if s, ok := value.(*types.AttributeValueMemberS); ok {
			with(name, &types.AttributeValueMemberS{Value: s.Value[:len(s.Value)/2]})
		}
	}
	with("of tomorrow", &types.AttributeValueMemberM{Value: stored{"codec": &types.AttributeValueMemberS{Value: "zstd"}}})
	return append(all, stored{"pk": sound["pk"], "sk": sound["sk"]})
}

// tables reads and writes items past the functions.
type tables struct {
	t      *testing.T
	client *awsdynamodb.Client
}

func (d tables) items(table, prefix string) []stored {
	d.t.Helper()
	out, err := d.client.Scan(d.t.Context(), &awsdynamodb.ScanInput{TableName: aws.String("gapless-local-" + table)})
	if err != nil {
		d.t.Fatal(err)
	}
	return slices.DeleteFunc(out.Items, func(i stored) bool {
		pk, ok := i["pk"].(*types.AttributeValueMemberS)
		return !ok || !strings.HasPrefix(pk.Value, prefix)
	})
}

func (d tables) put(table string, i stored) {
	d.t.Helper()
	if _, err := d.client.PutItem(d.t.Context(), &awsdynamodb.PutItemInput{TableName: aws.String("gapless-local-" + table), Item: i}); err != nil {
		d.t.Fatal(err)
	}
}

// TestBrokenItemsCostNoNeighbour puts broken members, connections, entries,
// marks, heads and revocations beside sound ones. Drains, joins, publishes,
// presence and sweeps go on for everybody else.
func TestBrokenItemsCostNoNeighbour(t *testing.T) {
	t.Parallel()
	needsGo(t, movesClock)
	s := start(t, stack.Config{NoSchedule: true, Environ: map[string]string{"GAPLESS_PUBLISH_RATE": "10000"}})
	d := tables{t, awsdynamodb.NewFromConfig(s.AWS())}
	ada, bob, lost := connect(t, s, "ada"), connect(t, s, "bob"), connect(t, s, "lost")
	for _, c := range []*client{ada, bob, lost} {
		join(c, "lobby", nil, "")
	}
	first := publish(ada, "lobby", "first", "key")
	bob.receive(0, 1)
	idle(t, s)

	n := 0
	beside := func(table string, sound stored) {
		for _, i := range broken(sound) {
			n++
			id := fmt.Sprintf("broken%09d=", n)
			i["sk"] = &types.AttributeValueMemberS{Value: id}
			if table == "connections" {
				h := fnv.New32a()
				_, _ = h.Write([]byte(id))
				i["pk"] = &types.AttributeValueMemberS{Value: fmt.Sprintf("c#%d", h.Sum32()%16)}
			}
			d.put(table, i)
		}
	}
	beside("rooms", d.items("rooms", "m#lobby#")[0])
	for _, sound := range d.items("connections", "c#") {
		beside("connections", sound)
	}
	for _, sound := range d.items("rooms", "h#lobby") { // each the head of a room of its own
		for _, i := range broken(sound) {
			n++
			i["pk"] = &types.AttributeValueMemberS{Value: fmt.Sprintf("h#broken.%d", n)}
			d.put("rooms", i)
		}
	}
	for _, sound := range d.items("log", "k#lobby#") { // nobody's marks
		for _, i := range broken(sound) {
			n++
			i["pk"] = &types.AttributeValueMemberS{Value: fmt.Sprintf("k#lobby#%d", n)}
			d.put("log", i)
		}
	}
	d.put("connections", stored{
		"pk": &types.AttributeValueMemberS{Value: "v#"}, "sk": &types.AttributeValueMemberS{Value: "v"},
		"v#": &types.AttributeValueMemberN{Value: "1"}, "v#nobody": &types.AttributeValueMemberNULL{Value: true},
		"v#else\x00x": &types.AttributeValueMemberS{Value: "yesterday"}, "of tomorrow": &types.AttributeValueMemberBOOL{Value: true},
	})
	t.Logf("%d broken items", n)

	// Entries: every other number of the log that follows is broken.
	sound := d.items("log", "e#lobby#")[0]
	variants := slices.DeleteFunc(broken(sound), func(i stored) bool {
		x, ok := i["x"].(*types.AttributeValueMemberN)
		return ok && x.Value == "-1" // it says that it has expired, and so it has
	})
	for range variants {
		publish(ada, "lobby", "sound", "")
		publish(ada, "lobby", "to be broken", "")
	}
	head := first.Seq + 2*uint64(len(variants))
	bob.receive(1, head)
	idle(t, s)
	for k, i := range variants {
		i["sk"] = &types.AttributeValueMemberN{Value: fmt.Sprint(3 + 2*k)}
		d.put("log", i)
	}
	s.Advance(10 * time.Second)

	carol := connect(t, s, "carol")
	since := uint64(0)
	got := map[uint64]string{}
	for p := join(carol, "lobby", &since, first.Epoch); ; p = call[page](carol, m{"action": "history", "room": "lobby", "since": since, "epoch": first.Epoch}) {
		for _, e := range p.Messages {
			if e.Seq != since+1 {
				t.Fatalf("number %d after %d", e.Seq, since)
			}
			since, got[e.Seq] = e.Seq, string(e.Data)
		}
		if !p.More {
			break
		}
	}
	for seq := uint64(2); seq <= head; seq += 2 {
		if got[seq] != `"sound"` {
			t.Errorf("entry %d, beside a broken one, is %q", seq, got[seq])
		}
	}

	next := publish(ada, "lobby", "live", "")
	if again := publish(ada, "lobby", "first", "key"); again.Seq != 1 || !again.Duplicate {
		t.Errorf("a key beside broken marks: %+v", again)
	}
	for name, c := range map[string]*client{"bob": bob, "carol": carol} {
		// The number that the repetition took may have come with it.
		if live := c.receive(head, next.Seq); string(live[0].Data) != `"live"` {
			t.Errorf("%s got %+v live", name, live)
		}
	}
	if p := call[protocol.PresenceResult](carol, m{"action": "presence", "room": "lobby"}); p.Count < 4 {
		t.Errorf("presence %+v", p)
	}

	// Two sweeps take away what is gone, and nobody who is there.
	id := call[helloResult](lost, m{"action": "hello"}).ConnectionID
	s.Gateway.Faults().LoseDisconnect(id)
	if err := s.Gateway.Faults().Cut(id); err != nil {
		t.Fatal(err)
	}
	<-lost.done
	s.Advance(8 * time.Minute)
	for _, c := range []*client{ada, bob, carol} {
		c.raw(`{"action":"ping"}`)
		c.next(protocol.PushPong)
	}
	for range 3 {
		s.Advance(2 * time.Minute)
		sweep(t, s)
	}
	for _, i := range d.items("connections", "c#") {
		switch sk := i["sk"].(*types.AttributeValueMemberS).Value; {
		case sk == id:
			t.Error("a connection that is gone is still there")
		case strings.HasPrefix(sk, "broken"):
			t.Errorf("a broken connection is still there: %v", i)
		}
	}
	last := publish(ada, "lobby", "last", "")
	for name, c := range map[string]*client{"bob": bob, "carol": carol} {
		live := c.receive(next.Seq, last.Seq)
		if string(live[len(live)-1].Data) != `"last"` {
			t.Errorf("%s got %+v after the sweeps", name, live)
		}
	}
}
