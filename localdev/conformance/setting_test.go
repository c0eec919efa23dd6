package conformance

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/storetest"
)

// deployments is a log that functions with different settings write, on an engine
// whose time can be moved.
type deployments struct {
	*testing.T
	backend
	engine *dynamodb.Server
	clock  *storetest.Clock
	epochs int
}

func newDeployments(t *testing.T) *deployments {
	t.Helper()
	d := &deployments{T: t, clock: storetest.NewClock()}
	d.backend, d.engine = onEngine(t, dynamodb.Config{Clock: d.clock})
	d.clock.Hurry()
	return d
}

func (d *deployments) open(store msglog.Store, c msglog.Config) *msglog.Log {
	d.Helper()
	log, err := msglog.New(store, d.clock, func() string { d.epochs++; return fmt.Sprint("epoch", d.epochs) }, c)
	ok(d.T, err)
	return log
}

func (d *deployments) append(log *msglog.Log, key string) msglog.AppendResult {
	d.Helper()
	r, err := log.Append(d.Context(), msglog.AppendParams{Room: "r", User: "ada", Key: key, Data: []byte(`"` + key + `"`)})
	ok(d.T, err)
	return r
}

// pass moves the time, and DynamoDB deletes what has expired.
func (d *deployments) pass(by time.Duration) {
	d.clock.Advance(by)
	d.engine.SweepExpired()
}

func (d *deployments) read(log *msglog.Log, epoch string, since uint64) msglog.Page {
	d.Helper()
	page, err := log.Read(d.Context(), "r", msglog.Start{Epoch: epoch, Since: &since},
		msglog.Budget{Entries: 100, Bytes: 1 << 20, Size: func(msglog.Entry) int { return 1 }})
	ok(d.T, err)
	return page
}

// drain serves the room, and returns the entries.
func (d *deployments) drain(log *msglog.Log) []msglog.Entry {
	d.Helper()
	owner := fmt.Sprint("drainer", d.clock.Now())
	head, err := log.Acquire(d.Context(), "r", owner, msglog.Head{}, d.clock.Now().Add(time.Minute))
	ok(d.T, err)
	var all []msglog.Entry
	for at := head.Delivered; at < head.Seq; {
		entries, err := log.Unread(d.Context(), "r", head, at, d.clock.Now())
		ok(d.T, err)
		all = append(all, entries...)
		at = all[len(all)-1].Seq
	}
	_, released, err := log.Release(d.Context(), "r", owner, head.Position())
	ok(d.T, err)
	equal(d.T, released, true)
	return all
}

// settings are what a deployment may change, each stored as a time by whoever
// writes under it.
var settings = []msglog.Config{
	{Retention: time.Hour, Window: time.Minute},
	{Retention: time.Hour, Window: time.Hour},
	{Retention: time.Hour, HeadLifetime: 200 * time.Hour},
	{Retention: 72 * time.Hour},
	{Retention: 72 * time.Hour, Window: 12 * time.Hour, HeadLifetime: 72*time.Hour + time.Minute},
}

// TestSettingsSideBySide has functions of two deployments write in turns: each
// message is kept as long as its own writer was set to keep it.
func TestSettingsSideBySide(t *testing.T) {
	t.Parallel()
	for i, one := range settings {
		for j, other := range settings {
			if i == j {
				continue
			}
			t.Run(fmt.Sprint(i, " and ", j), func(t *testing.T) {
				t.Parallel()
				for turns := range 8 { // each of three messages by the one or the other
					d := newDeployments(t)
					logs := []*msglog.Log{d.open(d.log(), one), d.open(d.log(), other)}
					type written struct {
						seq  uint64
						ends time.Time
					}
					var all []written
					var epoch string
					for n := range 3 {
						which := turns >> n & 1
						r := d.append(logs[which], fmt.Sprint("key", n))
						epoch = r.Epoch
						all = append(all, written{r.Seq, d.clock.Now().Add([]msglog.Config{one, other}[which].Retention)})
						d.drain(logs[1-which])
						d.pass(time.Second)
					}
					slices.SortFunc(all, func(a, b written) int { return a.ends.Compare(b.ends) })
					for _, w := range all {
						d.pass(w.ends.Add(-2 * time.Second).Sub(d.clock.Now()))
						page := d.read(logs[1], epoch, w.seq-1)
						if !page.Recovered || len(page.Entries) == 0 || page.Entries[0].Seq != w.seq || page.Entries[0].Void {
							t.Errorf("turns %03b: number %d cannot be read 2 s before its end: %+v", turns, w.seq, page)
						}
					}
				}
			})
		}
	}
}

// TestWindowsSideBySide moves a key that one deployment has claimed to a number
// of another: it is remembered for the longer of the two windows.
func TestWindowsSideBySide(t *testing.T) {
	t.Parallel()
	for _, windows := range [][2]time.Duration{{time.Hour, time.Minute}, {time.Minute, time.Hour}} {
		d := newDeployments(t)
		claim := msglog.MarkParams{
			Room: "r", User: "ada", Key: "key", Position: msglog.Position{Epoch: "e", Seq: 1},
			Now: d.clock.Now(), Expires: d.clock.Now().Add(windows[0]),
		}
		_, err := d.log().Mark(t.Context(), claim)
		ok(t, err)
		moved := msglog.Position{Epoch: "e", Seq: 2}
		at, err := d.log().MoveMark(t.Context(), msglog.MoveParams{
			Room: "r", User: "ada", Key: "key", From: claim.Position, To: moved, Expires: d.clock.Now().Add(windows[1]),
		})
		ok(t, err)
		equal(t, at, moved)
		claim.Position.Seq, claim.Now = 3, d.clock.Now().Add(59*time.Minute)
		at, err = d.log().Mark(t.Context(), claim)
		ok(t, err)
		equal(t, at, moved)
	}
}

// TestLostUnderTheShorterRetention expires a message before anybody drained it,
// by the retention of its writer. Whoever drains it with a longer one must not
// take its number for that of a writer that died.
func TestLostUnderTheShorterRetention(t *testing.T) {
	t.Parallel()
	for _, last := range []int{0, 1} { // who took the last number
		d := newDeployments(t)
		short, long := d.open(d.log(), msglog.Config{Retention: time.Hour}), d.open(d.log(), msglog.Config{Retention: 72 * time.Hour})
		d.append(long, "key0")
		d.append(short, "key1")
		d.append([]*msglog.Log{short, long}[last], "key2")
		d.pass(time.Hour + time.Minute)
		all := d.drain(long)
		if len(all) != 3 || !all[1].Lost {
			t.Errorf("number 2 has expired unread: %+v", all)
		}
		d.append(long, "key3")
		d.clock.Advance(2 * time.Second)
		equal(t, len(d.drain(long)), 1)
		head, err := d.log().Head(t.Context(), "r")
		ok(t, err)
		equal(t, head.Retention, 0) // nothing is pending
	}
}

// repeats keeps the first request for a number.
type repeats struct {
	*dynamo.Log
	first *msglog.TakeParams
}

func (r *repeats) TakeNumber(ctx context.Context, p msglog.TakeParams) (msglog.Head, error) {
	if r.first == nil {
		r.first = &p
	}
	return r.Log.TakeNumber(ctx, p)
}

// TestEpochDoesNotComeBack deletes a head soon after the log began. The request
// that began it comes once more, late, and begins it again under its old epoch.
func TestEpochDoesNotComeBack(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "key"} {
		d := newDeployments(t)
		store := &repeats{Log: d.log()}
		log := d.open(store, msglog.Config{})
		old := d.append(log, "")
		d.append(log, "")
		_, err := d.client.DeleteItem(t.Context(), &sdk.DeleteItemInput{
			TableName: aws.String(d.tables["rooms"]), Key: item{"pk": text("h#r"), "sk": text("h")},
		})
		ok(t, err)
		_, err = store.Log.TakeNumber(t.Context(), *store.first)
		ok(t, err)
		r, err := log.Append(t.Context(), msglog.AppendParams{Room: "r", User: "grace", Key: key, Data: []byte(`"hers"`)})
		ok(t, err)
		if r.Epoch == old.Epoch || r.Duplicate || r.Seq != 1 || !r.NeedsWake(d.clock.Now()) {
			t.Errorf("the old epoch is %s; acknowledged %+v", old.Epoch, r)
		}
		page := d.read(log, r.Epoch, 0)
		if len(page.Entries) != 1 || string(page.Entries[0].Data) != `"hers"` {
			t.Errorf("acknowledged, and the log holds %+v", page.Entries)
		}
		if page := d.read(log, old.Epoch, 2); page.Recovered || page.Epoch != r.Epoch {
			t.Errorf("a member of the old log is told %+v", page)
		}
	}
}

// overtaken refuses the first request for a number for the moment, and keeps the
// requests: the first one is still under way when the second is answered.
type overtaken struct {
	dynamo.API
	requests []*sdk.UpdateItemInput
}

func (o *overtaken) UpdateItem(ctx context.Context, in *sdk.UpdateItemInput, options ...func(*sdk.Options)) (*sdk.UpdateItemOutput, error) {
	if o.requests = append(o.requests, in); len(o.requests) == 1 {
		asked := sdk.Options{Retryer: retry.NewStandard()}
		for _, set := range options {
			set(&asked)
		}
		return nil, &types.ProvisionedThroughputExceededException{}
	}
	return o.API.UpdateItem(ctx, in, options...)
}

// TestAttemptsHaveEpochsOfTheirOwn begins a log by the second attempt of a
// request. The head is deleted, and the first attempt takes effect.
func TestAttemptsHaveEpochsOfTheirOwn(t *testing.T) {
	t.Parallel()
	d := newDeployments(t)
	client := &overtaken{API: d.client}
	log := d.open(dynamo.NewLog(client, d.tables["rooms"], d.tables["log"], slog.New(slog.DiscardHandler)), msglog.Config{})
	old := d.append(log, "")
	_, err := d.client.DeleteItem(t.Context(), &sdk.DeleteItemInput{
		TableName: aws.String(d.tables["rooms"]), Key: item{"pk": text("h#r"), "sk": text("h")},
	})
	ok(t, err)
	_, err = d.client.UpdateItem(t.Context(), client.requests[0])
	ok(t, err)
	head, err := d.log().Head(t.Context(), "r")
	ok(t, err)
	if head.Seq != 1 || head.Epoch == "" || head.Epoch == old.Epoch {
		t.Errorf("the log %+v has ended, and %+v begins", old.Position, head)
	}
}
