package sim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is one call of AWS that a function makes, taken apart.
type call struct {
	function string
	service  string // dynamodb, sns, sqs, secretsmanager or execute-api
	op       string
	// on is what it is about: "head lobby", "entry lobby 5", "member lobby c".
	on string
	// change is DynamoDB's update expression, or the kind of a wake-up.
	change string
	// room and connection are those that it is about, if any.
	room, connection string
	sites            []Site
	run              string // the request id of the function's run
	sent             time.Duration
	point            *Point // once it has arrived
	// identity is the same in each run of the seed.
	identity string

	request *http.Request
	body    []byte
	json    map[string]any // of DynamoDB, SQS and Secrets Manager
	form    url.Values     // of SNS
}

// label names the call by what it does, without what differs from run to run:
// the crash points are listed by it.
func (c *call) label() string {
	kind, _, _ := strings.Cut(c.on, " ")
	s := c.op
	if kind != "" {
		s += " " + kind
	}
	if c.change != "" {
		s += ": " + c.change
	}
	if condition, _ := c.json["ConditionExpression"].(string); condition != "" {
		s += " if " + condition
	}
	if c.isVoid() {
		s += " (void)"
	}
	return s
}

// sort is the operation and the kind of what it is about, see Fault.Call.
func (c *call) sort() string {
	kind, _, _ := strings.Cut(c.on, " ")
	return c.op + " " + kind
}

func (c *call) String() string {
	s := c.op + " " + c.on
	if c.change != "" {
		s += ": " + c.change
	}
	if c.isVoid() {
		s += " (void)"
	}
	return s
}

// item is the DynamoDB item that is put.
func (c *call) item() map[string]any {
	item, _ := c.json["Item"].(map[string]any)
	return item
}

func (c *call) isVoid() bool { return c.op == "PutItem" && c.item()["v"] != nil }

// is reports whether the call is the operation on a kind of item.
func (c *call) is(op, kind string) bool {
	return c.op == op && strings.HasPrefix(c.on, kind+" ")
}

// text is a text attribute of a wire item, "" if it is none.
func text(item map[string]any, name string) string {
	a, _ := item[name].(map[string]any)
	for _, kind := range []string{"S", "N"} {
		if s, ok := a[kind].(string); ok {
			return s
		}
	}
	return ""
}

func readCall(function string, r *http.Request) (*call, error) {
	c := &call{function: function, request: r}
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		c.body = b
		_ = r.Body.Close()
	}
	target := r.Header.Get("X-Amz-Target")
	switch {
	case strings.HasPrefix(target, "DynamoDB_"):
		c.service = "dynamodb"
		_, c.op, _ = strings.Cut(target, ".")
		c.readDynamoDB()
	case strings.HasPrefix(target, "AmazonSQS."):
		c.service = "sqs"
		_, c.op, _ = strings.Cut(target, ".")
		_ = json.Unmarshal(c.body, &c.json)
	case strings.HasPrefix(target, "secretsmanager."):
		c.service, c.on = "secretsmanager", "secret "
		_, c.op, _ = strings.Cut(target, ".")
		_ = json.Unmarshal(c.body, &c.json)
	case strings.Contains(r.URL.Path, "/@connections/"):
		c.service = "execute-api"
		c.op = map[string]string{http.MethodPost: "PostToConnection", http.MethodGet: "GetConnection", http.MethodDelete: "DeleteConnection"}[r.Method]
		_, c.connection, _ = strings.Cut(r.URL.Path, "/@connections/")
		c.on = "connection " + c.connection
	default:
		c.service = "sns"
		c.form, _ = url.ParseQuery(string(c.body))
		c.op = c.form.Get("Action")
		c.on, c.change = "topic", c.wakeKind()
	}
	// Maps are written in any order; the encoders below sort them.
	canonical := c.body
	if c.json != nil {
		canonical, _ = json.Marshal(c.json)
	} else if c.form != nil {
		canonical = []byte(c.form.Encode())
	}
	if len(canonical) > 4096 {
		canonical = strconv.AppendUint(nil, digest(string(canonical)), 16)
	}
	c.identity = function + "\x00" + c.op + "\x00" + c.on + "\x00" + string(canonical)
	return c, nil
}

// readDynamoDB names the item by its key, whose forms dynamo.Schema lists.
func (c *call) readDynamoDB() {
	if json.Unmarshal(c.body, &c.json) != nil {
		return
	}
	c.change, _ = c.json["UpdateExpression"].(string)
	key, _ := c.json["Key"].(map[string]any)
	if key == nil {
		key = c.item()
	}
	pk, sk := text(key, "pk"), text(key, "sk")
	if key == nil {
		values, _ := c.json["ExpressionAttributeValues"].(map[string]any)
		pk, sk = text(values, ":pk"), ""
	}
	kind, rest, _ := strings.Cut(pk, "#")
	c.room, _, _ = strings.Cut(rest, "#")
	switch kind {
	case "h":
		c.on = "head " + c.room
	case "m":
		c.on, c.connection = strings.TrimSpace("member "+c.room+" "+sk), sk
	case "e":
		c.on = strings.TrimSpace("entry " + c.room + " " + sk)
	case "k":
		c.on = "mark " + c.room
	case "c":
		c.on, c.connection, c.room = "connection "+sk, sk, ""
	case "v":
		c.on, c.room = "revocations "+rest, ""
	case "l":
		name, _, _ := strings.Cut(rest, "/")
		c.on, c.room = "limit-of-"+name+" "+sk, ""
	case "t":
		c.on, c.room = "ticket ", ""
	}
}

// wakeKind is the kind of the first wake-up of a call.
func (c *call) wakeKind() string {
	message := c.form.Get("Message")
	if message == "" {
		message = c.form.Get("PublishBatchRequestEntries.member.1.Message")
	}
	var wake struct{ Kind string }
	_ = json.Unmarshal([]byte(message), &wake)
	return wake.Kind
}

// rewind gives the request its body, as it was or as a mutant changed it.
func (c *call) rewind() *http.Request {
	body := c.body
	r := c.request.Clone(c.request.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return r
}

// encode makes the body anew from the changed JSON.
func (c *call) encode() {
	if b, err := json.Marshal(c.json); err == nil {
		c.body = b
	}
}

// halve leaves the first half of a batch, one entry at least; any other call
// stays whole. It returns the ids of the entries that stay and of the others.
func (c *call) halve() (stay, others []string) {
	if c.op != "PublishBatch" {
		return nil, nil
	}
	const entries = "PublishBatchRequestEntries.member."
	n := 0
	for c.form.Has(entries + strconv.Itoa(n+1) + ".Id") {
		n++
	}
	for i := range n {
		prefix := entries + strconv.Itoa(i+1) + "."
		id := c.form.Get(prefix + "Id")
		if i < max(1, n/2) {
			stay = append(stay, id)
			continue
		}
		others = append(others, id)
		for name := range c.form {
			if strings.HasPrefix(name, prefix) {
				c.form.Del(name)
			}
		}
	}
	c.body = []byte(c.form.Encode())
	return stay, others
}
