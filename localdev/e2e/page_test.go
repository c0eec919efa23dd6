package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/sqs"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// narrow has the services answer in pages of two items, and one letter at a time,
// and counts the pages that were not the last.
type narrow struct {
	next http.RoundTripper
	mu   *sync.Mutex
	cut  map[string]int // by table
}

func (n narrow) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	limits := map[string]string{"Query": "Limit", "ReceiveMessage": "MaxNumberOfMessages"}
	name, cut := limits[operation]
	if !cut {
		return n.next.RoundTrip(r)
	}
	most := 2
	if operation == "ReceiveMessage" {
		most = 1
	}
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	if asked, ok := body[name].(float64); !ok || asked > float64(most) {
		body[name] = most
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	response, err := n.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(answer))
	if bytes.Contains(answer, []byte(`"LastEvaluatedKey"`)) {
		n.mu.Lock()
		n.cut[fmt.Sprint(body["TableName"])]++
		n.mu.Unlock()
	}
	return response, nil
}

// TestEverythingInPagesOfTwo: whatever takes one page in most tests takes several
// here: members, due connections, entries forward and back, dead letters.
func TestEverythingInPagesOfTwo(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	cut := map[string]int{}
	var log output
	s := stack.RunT(t, stack.Config{
		NoSchedule: true, FunctionLog: &log,
		Environ: map[string]string{"GAPLESS_CONNECTION_PARTITIONS": "1", "GAPLESS_MAX_CONNECTIONS": "1"},
		// Messages gather while a wake-up is on its way, so that one drain meets many.
		WakeLatency: func(*rand.Rand) time.Duration { return 300 * time.Millisecond },
		Transport:   func(_ string, next http.RoundTripper) http.RoundTripper { return narrow{next, &mu, cut} },
	})
	const members, messages = 7, 9
	var all []*client
	for i := range members {
		c := connect(t, s, fmt.Sprint("user-", i))
		join(c, "lobby", nil, "")
		all = append(all, c)
	}
	var epoch string
	for i := range messages {
		epoch = publish(all[0], "lobby", i, "").Epoch
	}
	for _, c := range all[1:] {
		c.receive(0, messages)
	}
	if users := call[protocol.PresenceResult](all[0], m{"action": "presence", "room": "lobby"}); users.Count != members || len(users.Users) != members {
		t.Errorf("%d users are present, want %d", users.Count, members)
	}
	zero := uint64(0)
	late := connect(t, s, "late")
	if p := join(late, "lobby", &zero, epoch); len(p.Messages) != messages || p.More || !p.Recovered {
		t.Errorf("the late one was replayed %d of %d: %+v", len(p.Messages), messages, p)
	}
	if p := call[page](late, m{"action": "history", "room": "lobby", "before": messages + 1}); len(p.Messages) != messages || p.More {
		t.Errorf("history has %d of %d: %+v", len(p.Messages), messages, p)
	}
	// One sweep ends all that are too many, and puts all letters back.
	var crowd []*client
	for range 5 {
		crowd = append(crowd, connect(t, s, "crowd"))
		s.Advance(time.Second) // whoever came first stays
	}
	for range 5 {
		letter := `{"Records":[{"Sns":{"Message":"{\"kind\":\"drain\",\"room\":\"lobby\"}"}}]}`
		if _, err := s.SQS.SendARN("arn:aws:sqs:us-east-1:000000000000:gapless-local-dead-letters", sqs.Message{Body: letter}); err != nil {
			t.Fatal(err)
		}
	}
	sweep(t, s)
	for i, c := range crowd[1:] {
		if bye := c.next(protocol.PushBye); bye.Code != protocol.CloseTooMany.Code {
			t.Errorf("connection %d: %+v", i+1, bye)
		}
	}
	if !strings.Contains(log.String(), `"redriven":5`) || !strings.Contains(log.String(), `"ended":4`) {
		t.Errorf("the sweep says %s", log.String())
	}
	mu.Lock()
	defer mu.Unlock()
	for _, table := range []string{"gapless-local-connections", "gapless-local-rooms", "gapless-local-log"} {
		if cut[table] < 3 {
			t.Errorf("%d pages of table %s were cut", cut[table], table)
		}
	}
}

// output is a log.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
