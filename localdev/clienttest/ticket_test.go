package clienttest

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/client"
)

// TestTicketForEachConnection runs the example of pkg/client's README: whoever is
// let in by single-use tickets comes back with another, and has missed nothing.
func TestTicketForEachConnection(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{})
	var issued atomic.Int32
	newTicket := func(ctx context.Context) (string, error) {
		issued.Add(1)
		return s.Ticket(ctx, "ada", nil)
	}
	ctx, url := t.Context(), s.URL

	c, err := client.Dial(ctx, "", client.Options{
		GetURL: func(ctx context.Context) (string, error) {
			ticket, err := newTicket(ctx)
			return url + "?ticket=" + ticket, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = c.Close()
		<-c.Done()
	}()
	if c.User() != "ada" {
		t.Errorf("taken for %q", c.User())
	}
	room := c.Join("lobby")
	if _, err := room.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Gateway.Faults().Cut(s.Gateway.Connections()[0].ID); err != nil {
		t.Fatal(err)
	}
	bob := dial(t, s, "bob", client.Options{}).Room("lobby")
	if _, err := bob.Publish(ctx, "while she was away"); err != nil {
		t.Fatal(err)
	}
	if m, err := room.Next(ctx); err != nil || m.User != "bob" {
		t.Errorf("%+v, %v", m, err)
	}
	if n := issued.Load(); n != 2 {
		t.Errorf("%d tickets for two connections", n)
	}

	document, err := os.ReadFile("../../pkg/client/README.md")
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile("ticket_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(document), "```go ticket\n")
	printed, _, _ := strings.Cut(rest, "```")
	if printed == "" || !strings.Contains(string(own), "\t"+strings.TrimSuffix(strings.ReplaceAll(printed, "\n", "\n\t"), "\t")) {
		t.Errorf("what is printed is not what runs:\n%s", printed)
	}
}
