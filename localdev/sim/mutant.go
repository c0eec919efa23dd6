package sim

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Mutant is a deliberate bug: it does a call that has arrived otherwise than
// it was asked to, as code with the bug would have asked. perform does it as
// asked.
type Mutant struct {
	Name string
	// Class holds the seeds that find it; "" for all.
	Class string
	// Seeds is within how many seeds it must be found.
	Seeds int
	// Environ sets what the bug needs.
	Environ map[string]string
	// Do is called for every call that takes effect. It may be called at once
	// for several.
	Do func(w *world, c *call, perform func() (*http.Response, error)) (*http.Response, error)
}

type performer = func() (*http.Response, error)

// Mutants returns all mutants. Each is a mistake that somebody could make in
// the code that it names.
func Mutants() []*Mutant {
	return append([]*Mutant{
		{Name: "release although the head has moved (dynamo.ReleaseLease without n = :d)", Class: "calm", Seeds: 150, Do: recondition(
			isRelease, func(condition string) string { return strings.Replace(condition, " AND n = :d", "", 1) })},
		{Name: "void without condition (dynamo.Fill), and at once", Seeds: 100, Environ: map[string]string{"GAPLESS_HOLE_WAIT": "1ms"}, Do: recondition(
			func(c *call) bool { return c.isVoid() }, func(string) string { return "" })},
		{Name: "fill without condition", Class: "pause", Seeds: 150, Do: recondition(
			func(c *call) bool { return c.is("PutItem", "entry") }, func(string) string { return "" })},
		{Name: "key claimed without condition (dynamo.Mark)", Seeds: 20, Do: recondition(
			func(c *call) bool { return c.is("UpdateItem", "mark") }, func(string) string { return "" })},
		{Name: "no idempotency mark at all", Seeds: 20, Do: skipMark},
		{Name: "membership written after the log is read (handler.enter)", Class: "disconnect", Seeds: 100, Do: deferred(
			func(c *call) bool { return c.is("PutItem", "member") }, 150*time.Millisecond)},
		{Name: "members read before the entries (broadcast.round)", Class: "disconnect", Seeds: 100, Do: oldMembers},
		{Name: "acknowledged before it is written (msglog.Append)", Seeds: 10, Do: deferred(
			func(c *call) bool { return c.is("PutItem", "entry") && !c.isVoid() }, 40*time.Millisecond)},
		{Name: "never woken (handler.publish)", Seeds: 10, Do: dropWake(func(*world, int) bool { return true })},
		{Name: "not woken while a lease may be live: every lease looks live (msglog.NeedsWake)", Class: "push alone, publishers die", Seeds: 20, Do: leaseLooksLive},
		{Name: "a wake-up in ten is lost (sns.Waker swallows its error)", Class: "push alone, publishers die", Seeds: 40, Do: dropWake(func(_ *world, n int) bool { return n%10 == 0 })},
		{Name: "acknowledged first, woken later or never (a crash in between)", Class: "push alone, publishers die", Seeds: 20, Do: wakeAfterAck},
		{Name: "delivered before it is posted: the pointer moves when the lease is taken", Class: "kill", Seeds: 60, Do: eagerPointer},
		{Name: "connection deleted on the first 410 (sweep.look)", Seeds: 5, Do: oneStrike},
		{Name: "membership survives leave", Seeds: 30, Do: swallow(func(c *call) bool { return c.function == "message" && isLeave(c) })},
		{Name: "a join that a leave has overtaken is written all the same (dynamo.Put without condition)", Seeds: 100, Do: recondition(
			func(c *call) bool { return c.is("PutItem", "member") }, func(string) string { return "" })},
		{Name: "an old leave ends a newer membership (dynamo.Leave without condition)", Class: "throttle", Seeds: 100, Do: recondition(isLeave, func(string) string { return "" })},
		{Name: "a leave drops a room that a newer join counts on (dynamo.DropRoom without condition)", Seeds: 150, Do: recondition(
			func(c *call) bool { return c.is("UpdateItem", "connection") && c.change == "REMOVE r.#r" }, func(string) string { return "attribute_exists(pk)" })},
		{Name: "membership survives disconnect and sweep", Seeds: 10, Do: swallow(func(c *call) bool { return c.function != "message" && c.is("DeleteItem", "member") })},
		{Name: "presence follows the token of the join (sweep.settle)", Class: "calm", Seeds: 20, Do: swallow(
			func(c *call) bool { return c.is("UpdateItem", "member") && strings.HasPrefix(c.change, "SET pn") })},
		{Name: "the pointer passes a member that is not on record as behind (connection.MarkBehind)", Class: "unreachable", Seeds: 80, Do: swallow(
			func(c *call) bool { return c.is("UpdateItem", "connection") && c.change == "SET #b = :b" })},
		{Name: "a record of who is behind is cleared and nobody told (sweep.tellBehind)", Class: "unreachable", Seeds: 80, Do: swallow(
			func(c *call) bool {
				return c.function == "sweep" && c.op == "PostToConnection" && strings.Contains(string(c.body), `"push":"behind"`)
			})},
		{Name: "sweeper forgets what is due", Seeds: 10, Do: sweepsNothing},
		{Name: "two numbers are one: the sequencer does not count", Seeds: 10, Do: stuckSequencer},
		{Name: "stale read of the head (GetItem without ConsistentRead)", Class: "disconnect", Seeds: 100, Do: staleHead},
		{Name: "every void counts as lost: what is pending was so for ever (msglog.Head.PendingSince)", Class: "kill", Seeds: 60, Do: oldPending},
		{Name: "posts to one member wait for the others (serial loop)", Class: "stuck member", Seeds: 40, Do: serialPosts},
	}, append(epochMutants(), lateMutants()...)...)
}

// Control is no bug but a fault that no run may notice: the gateway says once
// of every connection that it is gone.
func Control() *Mutant {
	return &Mutant{Name: "one wrong 410 for each connection", Seeds: 5, Do: wrongGone}
}

func isRelease(c *call) bool {
	return c.is("UpdateItem", "head") && strings.Contains(c.change, "REMOVE lo, lu, q")
}

func isLeave(c *call) bool {
	return c.is("UpdateItem", "member") && strings.HasPrefix(c.change, "SET a = :a, l")
}

// recondition changes the condition of some calls.
func recondition(which func(*call) bool, to func(string) string) func(*world, *call, performer) (*http.Response, error) {
	return func(_ *world, c *call, perform performer) (*http.Response, error) {
		if which(c) {
			condition, _ := c.json["ConditionExpression"].(string)
			if condition = to(condition); condition == "" {
				delete(c.json, "ConditionExpression")
				delete(c.json, "ReturnValuesOnConditionCheckFailure")
			} else {
				c.json["ConditionExpression"] = condition
			}
			c.trimValues()
			c.encode()
		}
		return perform()
	}
}

// trimValues drops the expression values that nothing uses any more, which
// DynamoDB would refuse.
func (c *call) trimValues() {
	values, _ := c.json["ExpressionAttributeValues"].(map[string]any)
	condition, _ := c.json["ConditionExpression"].(string)
	for name := range values {
		used := false
		for _, word := range strings.FieldsFunc(c.change+" "+condition, func(r rune) bool { return !strings.ContainsRune(":abcdefghijklmnopqrstuvwxyz", r) }) {
			used = used || word == name
		}
		if !used {
			delete(values, name)
		}
	}
	if len(values) == 0 {
		delete(c.json, "ExpressionAttributeValues")
	}
}

// ok is an answer that something was done.
func (c *call) ok(body any) *http.Response {
	b, err := json.Marshal(body)
	if err != nil {
		b = []byte("{}")
	}
	return c.answer(http.StatusOK, http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, string(b))
}

// swallow says that some calls were done and does not do them.
func swallow(which func(*call) bool) func(*world, *call, performer) (*http.Response, error) {
	return func(_ *world, c *call, perform performer) (*http.Response, error) {
		if which(c) {
			return c.ok(struct{}{}), nil
		}
		return perform()
	}
}

// deferred says at once that some calls were done and does them later.
func deferred(which func(*call) bool, d time.Duration) func(*world, *call, performer) (*http.Response, error) {
	return func(w *world, c *call, perform performer) (*http.Response, error) {
		if !which(c) {
			return perform()
		}
		w.late.Go(func() {
			time.Sleep(d + latency(w.Seed, 0, time.Millisecond, c.identity))
			if response, err := perform(); err == nil {
				w.check.after(c, response)
			}
		})
		return c.failedSilently(), nil
	}
}

// failedSilently is an answer of success for something that has not been done;
// the checker does not take it for done.
func (c *call) failedSilently() *http.Response {
	r := c.ok(struct{}{})
	r.Header.Set(notDone, "yes")
	return r
}

const notDone = "X-Sim-Not-Done"

// skipMark answers each claim as if the key had been free.
func skipMark(_ *world, c *call, perform performer) (*http.Response, error) {
	if !c.is("UpdateItem", "mark") {
		return perform()
	}
	values, _ := c.json["ExpressionAttributeValues"].(map[string]any)
	return c.ok(fields{"Attributes": fields{"e": values[":e"], "n": values[":n"]}}), nil
}

// dropWake says that a wake-up for a drain was published when it was not.
func dropWake(which func(w *world, n int) bool) func(*world, *call, performer) (*http.Response, error) {
	return func(w *world, c *call, perform performer) (*http.Response, error) {
		if c.op != "Publish" || !strings.Contains(c.form.Get("Message"), `"drain"`) || !which(w, w.ids.count("mutant")) {
			return perform()
		}
		return c.published(), nil
	}
}

func (c *call) published() *http.Response {
	return c.answer(http.StatusOK, http.Header{"Content-Type": {"text/xml"}},
		`<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>none</MessageId></PublishResult></PublishResponse>`)
}

// wakeAfterAck publishes drains a while after it has said so, unless the
// function is gone by then.
func wakeAfterAck(w *world, c *call, perform performer) (*http.Response, error) {
	if c.op != "Publish" || c.function != "message" {
		return perform()
	}
	if w.ids.count("mutant")%6 == 0 { // the crash in between
		return c.published(), nil
	}
	return perform()
}

// attributes changes the item in an answer.
func attributes(c *call, response *http.Response, change func(item map[string]any)) (*http.Response, error) {
	var body map[string]any
	if response.StatusCode != http.StatusOK {
		return response, nil
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return nil, err
	}
	for _, name := range []string{"Attributes", "Item"} {
		if item, ok := body[name].(map[string]any); ok {
			change(item)
		}
	}
	return c.ok(body), nil
}

// leaseLooksLive lets every lease look live to publishers once there was one.
func leaseLooksLive(w *world, c *call, perform performer) (*http.Response, error) {
	response, err := perform()
	if err != nil || !c.is("UpdateItem", "head") || c.function != "message" || w.now() < 5*time.Second {
		return response, err
	}
	return attributes(c, response, func(item map[string]any) {
		if w.ids.count("mutant")%5 == 0 {
			item["lo"], item["lu"] = fields{"S": "somebody"}, fields{"N": "99999999999999"}
		}
	})
}

// eagerPointer records a round as delivered when the lease is taken.
func eagerPointer(_ *world, c *call, perform performer) (*http.Response, error) {
	if c.is("UpdateItem", "head") && strings.HasSuffix(c.change, "SET lo = :owner, lu = :until") {
		c.json["UpdateExpression"] = c.change + ", d = n"
		c.encode()
		response, err := perform()
		if err != nil {
			return response, err
		}
		return attributes(c, response, func(item map[string]any) {
			// The drainer itself goes on from where the pointer was.
			item["d"] = fields{"N": "0"}
		})
	}
	return perform()
}

// wrongGone answers the sweeper's first look at each connection with 410.
func wrongGone(w *world, c *call, perform performer) (*http.Response, error) {
	if c.function == "sweep" && c.op == "GetConnection" && w.ids.count("gone "+c.connection) == 1 {
		return c.answer(http.StatusGone, http.Header{"X-Amzn-Errortype": {"GoneException"}}, "{}"), nil
	}
	return perform()
}

// oneStrike has the sweeper delete a connection where it should note a strike.
func oneStrike(w *world, c *call, perform performer) (*http.Response, error) {
	values, _ := c.json["ExpressionAttributeValues"].(map[string]any)
	if c.function == "sweep" && c.is("UpdateItem", "connection") && strings.HasPrefix(c.change, "SET st") && text(values, ":st") == "1" {
		c.request.Header.Set("X-Amz-Target", "DynamoDB_20120810.DeleteItem")
		c.json = fields{"TableName": c.json["TableName"], "Key": c.json["Key"]}
		c.encode()
	}
	return wrongGone(w, c, perform)
}

// sweepsNothing hides what is due.
func sweepsNothing(_ *world, c *call, perform performer) (*http.Response, error) {
	if c.function == "sweep" && c.op == "Query" {
		return c.ok(fields{"Items": []any{}, "Count": 0}), nil
	}
	return perform()
}

// stuckSequencer hands out each third number twice.
func stuckSequencer(w *world, c *call, perform performer) (*http.Response, error) {
	if takesNumber(c) && w.ids.count("mutant")%3 == 0 {
		values, _ := c.json["ExpressionAttributeValues"].(map[string]any)
		values[":zero"] = fields{"N": "0"}
		c.json["UpdateExpression"] = strings.Replace(c.change, "ADD n :one", "ADD n :zero", 1)
		c.encode()
	}
	return perform()
}

// oldMembers answers with the members as they were when they were read last,
// if that is not long ago.
func oldMembers(w *world, c *call, perform performer) (*http.Response, error) {
	if c.function != "broadcast" || !c.is("Query", "member") {
		return perform()
	}
	return previous(w, c, perform)
}

// staleHead answers reads of the head as of the read before.
func staleHead(w *world, c *call, perform performer) (*http.Response, error) {
	if !c.is("GetItem", "head") {
		return perform()
	}
	return previous(w, c, perform)
}

// previous answers with what the read before was answered, the first time with
// the truth.
func previous(w *world, c *call, perform performer) (*http.Response, error) {
	response, err := perform()
	if err != nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.before == nil {
		w.before = map[string]map[string]any{}
	}
	old := w.before[c.on]
	w.before[c.on] = body
	if old == nil {
		old = body
	}
	return c.ok(old), nil
}

// oldPending shows every head as if something had been pending for ever.
func oldPending(_ *world, c *call, perform performer) (*http.Response, error) {
	response, err := perform()
	if err != nil || !strings.HasPrefix(c.on, "head ") {
		return response, err
	}
	return attributes(c, response, func(item map[string]any) { item["q"] = fields{"N": "1"} })
}

// serialPosts posts to one connection after the other.
func serialPosts(w *world, c *call, perform performer) (*http.Response, error) {
	if c.op != "PostToConnection" {
		return perform()
	}
	w.serial <- struct{}{}
	defer func() { <-w.serial }()
	return perform()
}
