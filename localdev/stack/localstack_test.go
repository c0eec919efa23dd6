package stack_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
	"github.com/gapless-rooms/gapless/localdev/localstack"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/client"
)

// standIn speaks as much of LocalStack's API as the stack uses: our DynamoDB,
// and an SNS that delivers over HTTP.
type standIn struct {
	t  *testing.T
	db *dynamodb.Service

	mu        sync.Mutex
	endpoints map[string]string // by subscription, here its endpoint too
	confirmed map[string]bool
	calls     []string
}

const wakeTopic = "arn:aws:sns:us-east-1:000000000000:gapless-local-wake"

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Amz-Target") != "" {
		s.db.ServeHTTP(w, r)
		return
	}
	action, topic := r.FormValue("Action"), wakeTopic
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, action)
	result := ""
	switch action {
	case "CreateTopic":
		result = "<TopicArn>" + topic + "</TopicArn>"
	case "Subscribe":
		endpoint := r.FormValue("Endpoint")
		arn := topic + ":" + endpoint[strings.LastIndex(endpoint, "/")+1:]
		s.endpoints[arn] = endpoint
		result = "<SubscriptionArn>" + arn + "</SubscriptionArn>"
	case "GetSubscriptionAttributes":
		// Here, and not before, so that a test can end its patience by it.
		arn := r.FormValue("SubscriptionArn")
		pending := !s.confirmed[arn]
		if pending {
			go s.post(s.endpoints[arn], fmt.Sprintf(`{"Type":"SubscriptionConfirmation","TopicArn":%q,"Token":%q,"SubscribeURL":"http://nowhere.invalid/"}`, topic, arn))
		}
		result = fmt.Sprintf("<Attributes><entry><key>PendingConfirmation</key><value>%v</value></entry></Attributes>", pending)
	case "ConfirmSubscription":
		s.confirmed[r.FormValue("Token")] = true
		result = "<SubscriptionArn>" + r.FormValue("Token") + "</SubscriptionArn>"
	case "Unsubscribe":
		delete(s.endpoints, r.FormValue("SubscriptionArn"))
	case "Publish":
		for arn, endpoint := range s.endpoints {
			if s.confirmed[arn] {
				go s.post(endpoint, fmt.Sprintf(`{"Type":"Notification","MessageId":"m","TopicArn":%q,"Message":%q,"Timestamp":"2026-01-19T21:13:26.345Z"}`,
					topic, r.FormValue("Message")))
			}
		}
		result = "<MessageId>m</MessageId>"
	default:
		s.t.Errorf("SNS is asked for %q", action)
	}
	_, _ = fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", action, result)
}

func (s *standIn) post(endpoint, body string) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return // as when a stack has gone
	}
	_ = response.Body.Close()
}

// localStack is the URL of LocalStack: GAPLESS_LOCALSTACK, or a stand-in.
func localStack(t *testing.T) string {
	t.Helper()
	if url := os.Getenv("GAPLESS_LOCALSTACK"); url != "" {
		return url
	}
	server := httptest.NewServer(&standIn{
		t: t, db: dynamodb.New(dynamodb.Config{}), endpoints: map[string]string{}, confirmed: map[string]bool{},
	})
	t.Cleanup(server.Close)
	return server.URL
}

// onLocalStack runs a stack on LocalStack, and two clients on it. It returns
// what the second reads in the room.
func onLocalStack(t *testing.T, url, room string) client.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := stack.RunT(t, stack.Config{LocalStack: url, NoSchedule: true})
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	if err := s.Subscribe(ctx, server.URL); err != nil {
		t.Fatal(err)
	}
	rooms := map[string]*client.Room{}
	for _, user := range []string{"ada", "bob"} {
		c, err := client.Dial(ctx, s.URL, client.Options{GetToken: func(context.Context, bool) (string, error) { return s.Token(user, nil) }})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // it has none
		rooms[user] = c.Join(room)
		if _, err := rooms[user].Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := rooms["ada"].Publish(ctx, "hi"); err != nil {
		t.Fatal(err)
	}
	m, err := rooms["bob"].Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// Stop here, so that the next stack finds what this one has left.
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	return m
}

// TestLocalStack runs against LocalStack itself if GAPLESS_LOCALSTACK says where
// it is; it must reach this machine's loopback.
func TestLocalStack(t *testing.T) {
	t.Parallel()
	url := localStack(t)
	room := fmt.Sprintf("room-%d", time.Now().UnixNano())
	for _, want := range []uint64{1, 2} { // the second finds tables and room
		m := onLocalStack(t, url, room)
		if m.Seq != want || m.User != "ada" || string(m.Data) != `"hi"` {
			t.Errorf("bob reads %+v, want number %d", m, want)
		}
	}
}

func TestLocalStackThatCannotReachUs(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{LocalStack: localStack(t), NoSchedule: true})
	ctx, cancel := context.WithCancel(t.Context())
	nowhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }))
	defer nowhere.Close()
	if err := s.Subscribe(ctx, nowhere.URL); !errors.Is(err, localstack.ErrUnconfirmed) {
		t.Errorf("got %v, want %v", err, localstack.ErrUnconfirmed)
	}
}

func TestLocalStackNeedsAURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"localhost:4566", "http://", "ftp://localhost", "http://localhost:4566/path"} {
		if _, err := stack.New(stack.Config{LocalStack: url}); !errors.Is(err, localstack.ErrURL) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestStackWithAnSNSOfItsOwnSubscribesNowhere(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	if err := s.Subscribe(t.Context(), "http://localhost"); !errors.Is(err, stack.ErrNoLocalStack) {
		t.Errorf("got %v", err)
	}
}
