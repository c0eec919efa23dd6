package console

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// The calls that the timeline of a message knows by name.
const (
	labelAcquire = "take the lease"
	labelRelease = "give the lease back"
	labelAbandon = "give the lease up"
	labelEntries = "read entries"
	labelMembers = "read members"
	labelPost    = "post"
)

// call is a call of AWS in our own words.
type call struct {
	service, label string
	connection     string // of a call of @connections
	bytes          int    // of the request's body
	posted         *posted
	entry          *position
}

// posted are the messages in a frame.
type posted struct {
	room, epoch string
	seqs        []uint64
}

// position is where an entry is written.
type position struct {
	room, epoch string
	seq         uint64
}

// describe says what a request is about. pkg/aws/dynamo says what the tables
// and the attributes are.
func describe(r *http.Request, body []byte) call {
	c := call{bytes: len(body)}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		service, operation, _ := strings.Cut(target, ".")
		if strings.HasPrefix(service, "DynamoDB") {
			c.service = "dynamodb"
			c.table(operation, body)
			return c
		}
		c.service = strings.ToLower(strings.TrimPrefix(service, "Amazon"))
		if c.label = others[operation]; c.label == "" {
			c.label = operation
		}
		return c
	}
	if _, rest, ok := strings.Cut(r.URL.Path, "/@connections/"); ok {
		c.service, c.connection = "gateway", path.Base(rest)
		c.management(r.Method, body)
		return c
	}
	form, err := url.ParseQuery(string(body))
	if err == nil && form.Get("Action") != "" {
		c.service, c.label = "sns", "publish wake-up"
		if form.Get("Action") != "Publish" {
			c.label = "publish wake-ups"
		}
		return c
	}
	c.service, c.label = r.URL.Host, r.Method+" "+r.URL.Path
	return c
}

// others names the operations of SQS, on the queue of dead letters, and of
// Secrets Manager.
var others = map[string]string{
	"GetSecretValue": "read the secret",
	"ReceiveMessage": "read dead letters", "DeleteMessage": "delete the dead letter", "DeleteMessageBatch": "delete dead letters",
}

func (c *call) management(method string, body []byte) {
	switch method {
	case http.MethodGet:
		c.label = "ask for the connection"
		return
	case http.MethodDelete:
		c.label = "close the connection"
		return
	}
	c.label = labelPost
	var push struct {
		Push, Room, Epoch string
		Messages          []struct{ Seq uint64 }
	}
	if json.Unmarshal(body, &push) != nil || push.Push == "" {
		return
	}
	c.label += " " + push.Push
	if push.Push != "messages" || len(push.Messages) == 0 {
		return
	}
	c.posted = &posted{room: push.Room, epoch: push.Epoch}
	for _, m := range push.Messages {
		c.posted.seqs = append(c.posted.seqs, m.Seq)
	}
	c.label = labelPost + " #" + number(c.posted.seqs[0])
	if last := c.posted.seqs[len(c.posted.seqs)-1]; len(c.posted.seqs) > 1 {
		c.label += "–" + number(last)
	}
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

// naming names an operation on a table by what stands in its expression or its
// key. The first that fits is taken; one without a mark always fits.
type naming struct{ operation, table, mark, label string }

var namings = []naming{
	{"UpdateItem", "rooms", "ADD n ", "take the next number"},
	{"UpdateItem", "rooms", "SET e = :fresh", "start the room over"},
	{"UpdateItem", "rooms", "SET lo ", labelAcquire},
	{"UpdateItem", "rooms", "REMOVE lo, lu, q", labelRelease},
	{"UpdateItem", "rooms", "REMOVE lo", labelAbandon},
	{"UpdateItem", "rooms", "SET lu ", "renew the lease"},
	{"UpdateItem", "rooms", "SET b ", "mark the member as behind"},
	{"UpdateItem", "rooms", "l = :yes", "end the membership"},
	{"GetItem", "rooms", "", "read the head"},
	{"PutItem", "rooms", "", "write the membership"},
	{"DeleteItem", "rooms", "x <= :now", "delete the mark of a leave"},
	{"DeleteItem", "rooms", "", "delete the membership"},
	{"Query", "rooms", "", labelMembers},
	{"UpdateItem", "log", ":from", "move the key"},
	{"UpdateItem", "log", "", "claim the key"},
	{"Query", "log", "", labelEntries},
	{"PutItem", "connections", `"t#`, "write the ticket"},
	{"PutItem", "connections", "", "register the connection"},
	{"UpdateItem", "connections", "SET tc ", "take the ticket"},
	{"UpdateItem", "connections", "ADD n :n", "count against a limit"},
	{"UpdateItem", "connections", "SET cl ", "mark the connection as closing"},
	{"UpdateItem", "connections", "u = :u", "authenticate the connection"},
	{"UpdateItem", "connections", "bc = :bc", "condemn the connection"},
	{"UpdateItem", "connections", "r.#r = :at", "add the room"},
	{"UpdateItem", "connections", "REMOVE r.#r", "drop the room"},
	{"UpdateItem", "connections", "SET ja ", "begin a join"},
	{"UpdateItem", "connections", "ck = :ck", "set the next check"},
	{"DeleteItem", "connections", "", "delete the connection"},
	{"GetItem", "connections", `"v#`, "read revocations"},
	{"GetItem", "connections", "", "read the connection"},
	{"Query", "connections", `"v#`, "read revocations"},
	{"Query", "connections", "", "read due connections"},
}

// table describes an operation of DynamoDB.
func (c *call) table(operation string, body []byte) {
	var request struct {
		TableName, UpdateExpression string
		Item, Key                   map[string]map[string]any
	}
	c.label = operation
	if json.Unmarshal(body, &request) != nil {
		return
	}
	table := request.TableName[strings.LastIndexByte(request.TableName, '-')+1:]
	c.label += " " + table
	if operation == "PutItem" && table == "log" {
		c.fill(request.Item)
		return
	}
	text := request.UpdateExpression
	if text == "" {
		text = string(body)
	}
	for _, n := range namings {
		if n.operation == operation && n.table == table && strings.Contains(text, n.mark) {
			c.label = n.label
			return
		}
	}
}

// fill describes the writing of an entry: pk e#<room>#<epoch>, sk <number>.
func (c *call) fill(item map[string]map[string]any) {
	pk, _ := item["pk"]["S"].(string)
	sk, _ := item["sk"]["N"].(string)
	parts := strings.Split(pk, "#")
	seq, err := strconv.ParseUint(sk, 10, 64)
	if len(parts) != 3 || parts[0] != "e" || err != nil {
		return
	}
	if item["v"] != nil {
		c.label = "fill #" + sk + " with a void"
		return
	}
	c.label, c.entry = "write entry #"+sk, &position{parts[1], parts[2], seq}
}
