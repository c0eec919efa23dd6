package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// traces counts what the tables know of connections and memberships.
func traces(t *testing.T, s *stack.Running) (connections, members int) {
	t.Helper()
	client := awsdynamodb.NewFromConfig(s.AWS())
	count := func(table, prefix string) (n int) {
		pages := awsdynamodb.NewScanPaginator(client, &awsdynamodb.ScanInput{TableName: aws.String(table)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range page.Items {
				if pk, ok := item["pk"].(*types.AttributeValueMemberS); ok && strings.HasPrefix(pk.Value, prefix) {
					n++
				}
			}
		}
		return n
	}
	return count("gapless-local-connections", "c#"), count("gapless-local-rooms", "m#")
}

func sweep(t *testing.T, s *stack.Running) {
	t.Helper()
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func wantTraces(t *testing.T, s *stack.Running, when string, connections, members int) {
	t.Helper()
	if c, m := traces(t, s); c != connections || m != members {
		t.Fatalf("%s: %d connections and %d memberships, want %d and %d", when, c, m, connections, members)
	}
}

func TestDisconnectLeavesNoTrace(t *testing.T) {
	t.Parallel()
	needsGo(t, movesClock)
	s := start(t, stack.Config{NoSchedule: true})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	join(ada, "lobby", nil, "")
	join(bob, "lobby", nil, "")
	wantTraces(t, s, "joined", 2, 2)
	ada.close()
	bob.left("ada")
	// A join may still be under way, as far as anybody knows: the last step is
	// the sweeper's.
	wantTraces(t, s, "after $disconnect", 2, 1)
	s.Advance(2 * time.Minute)
	sweep(t, s)
	wantTraces(t, s, "after a sweep", 1, 1)
}

func TestLostDisconnectIsSweptAfterTwoStrikes(t *testing.T) {
	t.Parallel()
	needsGo(t, movesClock)
	s := start(t, stack.Config{NoSchedule: true})
	ada := connect(t, s, "ada")
	id := call[helloResult](ada, m{"action": "hello"}).ConnectionID
	join(ada, "lobby", nil, "")
	s.Gateway.Faults().LoseDisconnect(id)
	if err := s.Gateway.Faults().Cut(id); err != nil {
		t.Fatal(err)
	}
	<-ada.done
	s.Advance(11 * time.Minute)
	sweep(t, s)
	wantTraces(t, s, "first strike", 1, 1)
	s.Advance(time.Minute)
	sweep(t, s)
	wantTraces(t, s, "second strike", 0, 0)
}

func TestWrong410ReapsNobody(t *testing.T) {
	t.Parallel()
	needsGo(t, movesClock)
	s := start(t, stack.Config{NoSchedule: true})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	id := call[helloResult](bob, m{"action": "hello"}).ConnectionID
	join(bob, "lobby", nil, "")
	s.Gateway.Faults().WrongGone(id, 1)
	publish(ada, "lobby", "through", "")
	if got := bob.receive(0, 1); len(got) != 1 {
		t.Fatalf("bob got %v", got)
	}
	// One wrong answer to the sweeper as well.
	ada.close()
	bob.raw(`{"action":"ping"}`)
	bob.next(protocol.PushPong)
	s.Advance(9 * time.Minute)
	bob.raw(`{"action":"ping"}`)
	bob.next(protocol.PushPong)
	s.Advance(2 * time.Minute)
	s.Gateway.Faults().WrongGone(id, 1)
	sweep(t, s)
	s.Advance(time.Minute)
	sweep(t, s)
	wantTraces(t, s, "after a wrong 410", 1, 1)
	publish(bob, "lobby", "still here", "")
}

func TestSweeperClosesWhoMustNotStay(t *testing.T) {
	t.Parallel()
	needsGo(t, movesClock)
	s := start(t, stack.Config{NoSchedule: true})
	silent := dial(t, s, nil)
	ada := connect(t, s, "ada")
	invalid := dial(t, s, nil)
	if e := invalid.refused(m{"action": "hello", "token": "no.such.token"}); e.Code != protocol.Unauthenticated {
		t.Fatalf("invalid token: %+v", e)
	}
	short, err := s.Tokens.Sign("bob", 30*time.Second, nil)
	if err != nil {
		t.Fatal(err)
	}
	bob := dial(t, s, nil)
	call[helloResult](bob, m{"action": "hello", "token": short, "rooms": m{"lobby": m{}}})

	s.Advance(time.Minute)
	if e := bob.refused(m{"action": "publish", "room": "lobby", "data": 1}); e.Code != protocol.TokenExpired {
		t.Errorf("an expired token: %+v", e)
	}
	sweep(t, s)
	for _, want := range []struct {
		client    *client
		code      int
		reconnect bool
	}{{silent, 3003, true}, {bob, 3005, true}, {invalid, 3501, false}} {
		if p := want.client.next(protocol.PushBye); p.Code != want.code || p.Bye != want.reconnect {
			t.Errorf("bye %+v, want %d", p, want.code)
		}
		<-want.client.done
	}
	publish(ada, "lobby", "ada stays", "")
	s.Advance(2 * time.Minute)
	sweep(t, s)
	wantTraces(t, s, "after the sweep", 1, 0)
}

func TestFastForwardMeetsThePlatformsLimits(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{NoSchedule: true})
	ada := connect(t, s, "ada")
	publish(ada, "lobby", 1, "")
	s.Advance(2*time.Hour + time.Second)
	<-ada.done
}
