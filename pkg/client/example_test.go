package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/gapless-rooms/gapless/pkg/client"
)

// The examples run on a server in memory. A program leaves Transport out, and
// brings the URL of its deployment.

func ExampleDial() {
	ctx, server := context.Background(), client.NewServer()

	c, err := client.Dial(ctx, "wss://example.execute-api.us-east-1.amazonaws.com/prod", client.Options{
		GetToken: func(_ context.Context, fresh bool) (string, error) {
			return fetchToken(fresh)
		},
		OnState:   func(s client.StateChange) { log.Print(s.State, s.Err) },
		RetryDial: true, // until ctx is done
		Transport: server.As("ada"),
	})
	if err != nil {
		log.Print(err)
		return
	}
	defer c.Close() //nolint:errcheck // always nil

	state, _ := c.State()
	fmt.Println(state, "as", c.User())
	// Output: connected as ada
}

func ExampleClient_Join() {
	ctx, server := context.Background(), client.NewServer()
	bob := dial(ctx, server.As("bob"))
	defer bob.Close() //nolint:errcheck // always nil
	for _, text := range []string{"hello", "is anybody here?"} {
		if _, err := bob.Room("lobby").Publish(ctx, text); err != nil {
			log.Print(err)
			return
		}
	}

	ada := dial(ctx, server.As("ada"))
	defer ada.Close() //nolint:errcheck // always nil
	room := ada.Join("lobby", client.Last(20))
	for message, err := range room.Messages() {
		var reset *client.ResetError
		switch {
		case errors.As(err, &reset):
			continue // messages are lost: load the room's state again
		case err != nil:
			log.Print(err) // refused, or the connection ended for good
			return
		}
		var text string
		if err := message.Decode(&text); err != nil {
			log.Print(err)
			return
		}
		fmt.Printf("%d %s: %s\n", message.Seq, message.User, text)
		if message.Seq == 2 {
			break
		}
	}
	// Output:
	// 1 bob: hello
	// 2 bob: is anybody here?
}

// A program that may stop between publishing and noting that it has published
// gives a key of its own: the second attempt is the same message.
func ExampleKey() {
	ctx, server := context.Background(), client.NewServer()
	c := dial(ctx, server.As("shop"))
	defer c.Close() //nolint:errcheck // always nil

	order := map[string]any{"order": 4711, "state": "paid"}
	for range 2 {
		published, err := c.Room("orders").Publish(ctx, order, client.Key("order-4711-paid"))
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println(published.Seq, published.Duplicate)
	}
	// Output:
	// 1 false
	// 1 true
}

// A stored position may be of a log that is gone.
func ExampleResetError() {
	ctx, server := context.Background(), client.NewServer()
	c := dial(ctx, server.As("ada"))
	defer c.Close() //nolint:errcheck // always nil
	if _, err := c.Room("lobby").Publish(ctx, "hello"); err != nil {
		log.Print(err)
		return
	}

	room := c.Join("lobby", client.Since(client.Position{Epoch: "01JDA2V5C8Q4", Seq: 44}))
	_, err := room.Next(ctx)
	var reset *client.ResetError
	if !errors.As(err, &reset) {
		log.Print(err)
		return
	}
	fmt.Printf("lost after %v; can read from %d on\n", reset.From, reset.Oldest)
	page, err := room.History(ctx, client.HistoryQuery{
		Since: client.Position{Epoch: reset.To.Epoch, Seq: reset.Oldest - 1},
	})
	if err != nil {
		log.Print(err)
		return
	}
	for _, message := range page.Messages {
		fmt.Println(message.Seq, string(message.Data))
	}
	// Output:
	// lost after 01JDA2V5C8Q4/44; can read from 1 on
	// 1 "hello"
}

// Each error says whether the same call may succeed later.
func Example_errors() {
	ctx, server := context.Background(), client.NewServer()
	c := dial(ctx, server.As("ada"))
	temporary := func(err error) bool {
		var e interface{ Temporary() bool }
		return errors.As(err, &e) && e.Temporary()
	}

	_, err := c.Room("no room").Publish(ctx, "hello")
	var refused *client.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Code, temporary(err))
	}
	c.Close() //nolint:errcheck // always nil
	_, err = c.Room("lobby").Publish(ctx, "hello")
	fmt.Println(errors.Is(err, client.ErrClosed), temporary(err))
	// Output:
	// bad_request false
	// true false
}

// readme is printed in the repository's README.
func readme(ctx context.Context, getToken func(context.Context, bool) (string, error)) error {
	c, err := client.Dial(ctx, "wss://…", client.Options{GetToken: getToken})
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // always nil
	room := c.Join("lobby", client.Last(50))
	if _, err := room.Publish(ctx, map[string]string{"text": "hello"}); err != nil {
		return err
	}
	for message, err := range room.Messages() { // err: refused, or messages expired before they were read
		fmt.Println(message.Seq, message.User, string(message.Data), err)
	}
	return nil
}

var _ = readme // compiled only

func TestREADMEShowsWhatCompiles(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	compiled := strings.ReplaceAll(string(own), " //nolint:errcheck // always nil", "")
	_, rest, _ := strings.Cut(string(document), "```go\n")
	printed, _, _ := strings.Cut(rest, "\n```")
	if printed == "" || !strings.Contains(compiled, "\t"+strings.ReplaceAll(printed, "\n", "\n\t")+"\n") {
		t.Errorf("README.md prints what is not compiled here:\n%s", printed)
	}
}

// dial connects as in ExampleDial.
func dial(ctx context.Context, transport client.Transport) *client.Client {
	c, err := client.Dial(ctx, "wss://example.com", client.Options{Transport: transport})
	if err != nil {
		log.Fatal(err)
	}
	return c
}

func fetchToken(bool) (string, error) { return "eyJhbGciOi…", nil }
