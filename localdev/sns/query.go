package sns

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/gapless-rooms/gapless/localdev/sqs"
)

// query is the parameters of a request in the Query protocol. It remembers
// which were read, so that one which the emulator does not know is refused
// instead of ignored.
type query struct {
	values url.Values
	read   map[string]bool
}

func newQuery(values url.Values) *query {
	return &query{values: values, read: map[string]bool{"Action": true, "Version": true}}
}

func (q *query) get(key string) string {
	q.read[key] = true
	return q.values.Get(key)
}

func (q *query) has(key string) bool {
	q.read[key] = true
	return q.values.Has(key)
}

// list notes that the parameters below name are read. The SDK sends the name
// alone for an empty list or map.
func (q *query) list(name string) {
	if q.values.Get(name) == "" {
		q.read[name] = true
	}
}

// under tells whether any parameter starts with prefix.
func (q *query) under(prefix string) bool {
	for key := range q.values {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// unread refuses the parameters that nobody read.
func (q *query) unread() error {
	for _, key := range slices.Sorted(maps.Keys(q.values)) {
		if !q.read[key] {
			return unsupported("the parameter %s of %s", key, q.values.Get("Action"))
		}
	}
	return nil
}

// stringMap reads name.entry.N.key and .value.
func (q *query) stringMap(name string) map[string]string {
	q.list(name)
	m := map[string]string{}
	for i := 1; ; i++ {
		entry := fmt.Sprintf("%s.entry.%d.", name, i)
		if !q.has(entry + "key") {
			return m
		}
		m[q.get(entry+"key")] = q.get(entry + "value")
	}
}

// message reads the parameters of a message below a prefix.
func (q *query) message(prefix string) (Message, error) {
	m := Message{Body: q.get(prefix + "Message"), Subject: q.get(prefix + "Subject")}
	switch structure := q.get(prefix + "MessageStructure"); structure {
	case "":
	case "json":
		if err := json.Unmarshal([]byte(m.Body), &m.Bodies); err != nil {
			return m, invalidParameter("Message Structure - JSON message body failed to parse")
		}
		text, ok := m.Bodies["default"]
		if !ok {
			return m, invalidParameter("Message Structure - No default entry in JSON message body")
		}
		delete(m.Bodies, "default")
		m.Body = text
	default:
		return m, invalidParameter("MessageStructure")
	}
	q.list(prefix + "MessageAttributes")
	for i := 1; ; i++ {
		entry := fmt.Sprintf("%sMessageAttributes.entry.%d.", prefix, i)
		if !q.under(entry) {
			return m, nil
		}
		if m.Attributes == nil {
			m.Attributes = map[string]sqs.Attribute{}
		}
		name := q.get(entry + "Name")
		a := sqs.Attribute{Type: q.get(entry + "Value.DataType"), String: q.get(entry + "Value.StringValue")}
		if q.has(entry + "Value.BinaryValue") {
			binary, err := base64.StdEncoding.DecodeString(q.get(entry + "Value.BinaryValue"))
			if err != nil {
				return m, invalidParameter("MessageAttributes Reason: %s is not base64", name)
			}
			a.Binary = binary
		}
		m.Attributes[name] = a
	}
}

// batch reads the entries of PublishBatch.
func (q *query) batch() []BatchEntry {
	q.list("PublishBatchRequestEntries")
	var entries []BatchEntry
	for i := 1; ; i++ {
		prefix := fmt.Sprintf("PublishBatchRequestEntries.member.%d.", i)
		if !q.under(prefix) {
			return entries
		}
		e := BatchEntry{ID: q.get(prefix + "Id")}
		e.Message, e.err = q.message(prefix)
		entries = append(entries, e)
	}
}
