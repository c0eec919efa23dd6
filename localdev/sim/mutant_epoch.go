package sim

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// epochMutants are mistakes around a room that starts over.
func epochMutants() []*Mutant {
	return []*Mutant{
		{Name: "a room that starts over has its old epoch (msglog.Log without fresh ones)", Class: "room forgotten", Seeds: 5, Do: sameEpoch},
		{Name: "a key of a log that is gone counts as appended, whatever stands there (msglog.Append)", Class: "room forgotten, and worse", Seeds: 100, Do: believesMark},
		{Name: "a key of a log that is gone is free (dynamo.Mark)", Class: "room forgotten, and worse", Seeds: 40, Do: recondition(
			func(c *call) bool { return c.is("UpdateItem", "mark") && c.claims() },
			func(condition string) string { return condition + " OR e <> :e" })},
		{Name: "heads expire before their entries (msglog.Config.HeadLifetime)", Class: "new epoch", Seeds: 10, Do: shortHead},
	}
}

// claims reports whether the call claims a key, rather than moves it.
func (c *call) claims() bool {
	condition, _ := c.json["ConditionExpression"].(string)
	return strings.Contains(condition, ":now")
}

func takesNumber(c *call) bool {
	return c.is("UpdateItem", "head") && strings.Contains(c.change, "ADD n :one")
}

// sameEpoch lets each new head of a room have the same epoch.
func sameEpoch(_ *world, c *call, perform performer) (*http.Response, error) {
	if takesNumber(c) {
		c.json["ExpressionAttributeValues"].(map[string]any)[":fresh"] = fields{"S": "again"}
		c.encode()
	}
	return perform()
}

// believesMark finds a message wherever one of a log that is gone is looked
// for.
func believesMark(w *world, c *call, perform performer) (*http.Response, error) {
	if !c.isVoid() || c.function != "message" {
		return perform()
	}
	at, _ := entryOf(c.item())
	if !w.check.over(at.log()) {
		return perform()
	}
	m := w.sending(c.room)
	if m == nil {
		return perform()
	}
	found := fields{
		"pk": c.item()["pk"], "sk": c.item()["sk"], "u": fields{"S": m.user}, "k": fields{"S": m.key},
		"a": fields{"N": "1"}, "j": fields{"S": "{}"},
	}
	r := c.ok(fields{
		"__type":  "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
		"message": "The conditional request failed", "Item": found,
	})
	r.StatusCode = http.StatusBadRequest
	return r, nil
}

// sending is a message with a key that some client sends to the room: another one
// each time, if there are several.
func (w *world) sending(room string) *message {
	var all []*message
	for _, c := range w.clients {
		c.mu.Lock()
		if len(c.outbox) > 0 && c.outbox[0].room == room && c.outbox[0].key != "" {
			all = append(all, c.outbox[0])
		}
		c.mu.Unlock()
	}
	if len(all) == 0 {
		return nil
	}
	return all[w.ids.count("mutant")%len(all)]
}

// shortHead lets heads live for a second.
func shortHead(w *world, c *call, perform performer) (*http.Response, error) {
	if takesNumber(c) {
		soon := w.clock.Now().Add(time.Second).Unix()
		c.json["ExpressionAttributeValues"].(map[string]any)[":x"] = fields{"N": strconv.FormatInt(soon, 10)}
		c.encode()
	}
	return perform()
}
