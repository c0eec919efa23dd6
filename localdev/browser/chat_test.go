package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/localdev/console"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/client"
)

// pane opens a tab with one client, which is in the room and keeps all numbers
// that it is handed.
func pane(t *testing.T, s *console.Running, user string) *tab {
	t.Helper()
	p := open(t, s, "/?users="+user)
	p.ready()
	p.do(`window.seen = [], panes[0].room.on("message", (m) => seen.push(m.seq))`)
	return p
}

// ready waits until every pane is in its room and has its connection shown.
func (p *tab) ready() {
	p.t.Helper()
	p.wait(`window.panes?.length && panes.every((p) => p.client.state === "connected" && p.room.joined && !p.buttons.cut.disabled)`)
}

// saw waits until the client was handed so many messages, and checks that each
// came once and in order, with no number missing that is not void: under load
// a slow writer's may be.
func (p *tab) saw(count int) {
	p.t.Helper()
	p.wait(`seen.length >= $1`, count)
	next := uint64(1)
	for _, seq := range eval[[]uint64](p, `seen`) {
		for ; next < seq && p.void(next); next++ {
		}
		if seq != next {
			p.t.Errorf("handed %d where %d was to come", seq, next)
		}
		next = seq + 1
	}
}

// void reports whether a number of the lobby's log was given up by its writer.
func (p *tab) void(seq uint64) bool {
	p.t.Helper()
	for _, table := range p.s.DynamoDB.Tables() {
		items, err := p.s.DynamoDB.Items(table)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, raw := range items {
			var item struct {
				PK struct{ S string }
				SK struct{ N string }
				V  struct{ BOOL bool }
			}
			if err := json.Unmarshal(raw, &item); err != nil {
				continue // no entry: its attributes are of other types
			}
			if strings.HasPrefix(item.PK.S, "e#lobby#") && item.SK.N == strconv.FormatUint(seq, 10) {
				return item.V.BOOL
			}
		}
	}
	return false
}

// publish appends messages to the lobby from Go, by as many clients as the
// publish rate needs.
func publish(t *testing.T, s *console.Running, count int) {
	t.Helper()
	const each = 100 // the burst that one connection may publish
	group, ctx := errgroup.WithContext(t.Context())
	for n := range (count + each - 1) / each {
		group.Go(func() error {
			c, err := client.Dial(ctx, s.URL, client.Options{
				GetToken: func(context.Context, bool) (string, error) { return s.Token(fmt.Sprint("robot", n), nil) },
			})
			if err != nil {
				return err
			}
			defer c.Close() //nolint:errcheck // what it published is acknowledged
			room := c.Join("lobby")
			for i := range min(each, count-n*each) {
				if _, err := room.Publish(ctx, map[string]string{"text": fmt.Sprintf("robot %d says %d", n, i)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("publish: %v", err)
	}
}

// typed types a message into the first pane and sends it.
func (p *tab) typed(words string) {
	p.t.Helper()
	p.run(chromedp.SendKeys(chromedp.CSS(".pane input"), words), chromedp.Click(chromedp.CSS(".pane .primary")))
}

// shows waits until the first pane shows a message.
func (p *tab) shows(words string) {
	p.t.Helper()
	p.wait(`[...panes[0].log.querySelectorAll("[data-seq] .text")].some((e) => e.textContent === $1)`, words)
}

func TestChatInTwoTabs(t *testing.T) {
	s := setup(t)
	ada, bob := pane(t, s, "ada"), pane(t, s, "bob")
	ada.typed("Hello from the first tab")
	bob.shows("Hello from the first tab")
	bob.typed("Hello from the second, with <b>no</b> markup")
	ada.shows("Hello from the second, with <b>no</b> markup")
	ada.shows("Hello from the first tab")
	ada.saw(2)
	bob.saw(2)
	ada.shot("chat-two-tabs")
}

// TestCutAndResume cuts a client and keeps it out while a thousand messages
// are published.
func TestCutAndResume(t *testing.T) {
	s := setup(t)
	bob := pane(t, s, "bob")
	before := bob.connectionID()
	bob.do(`panes[0].line.set(true)`) // until all are published
	bob.click("cut")
	bob.wait(`panes[0].client.state === "reconnecting"`)
	publish(t, s, 1000)
	bob.do(`panes[0].line.set(false), panes[0].client.check()`)
	bob.saw(1000)
	if now := bob.connectionID(); now == "" || now == before {
		t.Errorf("connection %q after %q", now, before)
	}
	bob.wait(`/\d{4} missed, replayed/.test(panes[0].log.textContent)`)
	bob.shot("cut-and-resume")
}

// click strikes a fault of the first pane's connection by its button.
func (p *tab) click(fault string) {
	p.t.Helper()
	p.run(chromedp.Click(chromedp.CSS(fmt.Sprintf(".pane [data-fault=%q]", fault)), chromedp.NodeVisible))
}

// connectionID is the first pane's.
func (p *tab) connectionID() string {
	p.t.Helper()
	return eval[string](p, `panes[0].connectionId ?? ""`)
}

// TestSlowTabFallsBehind lets a client read nothing while another floods the
// room, until the gateway's buffer for it is full.
//
// The clients ping after half an hour: on a slow machine the flood takes longer
// than the usual interval, and whoever reads nothing hears no answer either.
func TestSlowTabFallsBehind(t *testing.T) {
	s := setupWith(t, stack.Config{Environ: map[string]string{"GAPLESS_HEARTBEAT": "30m"}})
	ada, bob := pane(t, s, "ada"), pane(t, s, "bob")
	was := bob.connectionID()
	bob.click("freeze")
	bob.wait(`panes[0].element.dataset.frozen !== undefined`)
	ada.run(chromedp.Click(chromedp.JSPath(`[...document.querySelectorAll(".pane .tools button")].find((b) => b.textContent === "Flood")`)))
	ada.saw(45)
	bob.wait(`[...document.querySelectorAll("#members li")].some((li) => li.textContent.includes("bob") && li.textContent.includes("behind"))`)
	bob.shot("slow-behind")
	ada.typed("Still with us?")
	bob.click("freeze") // which thaws now
	bob.saw(45)
	ada.typed("And now?")
	bob.saw(47)
	if now := bob.connectionID(); now != was {
		t.Errorf("bob caught up on another connection, %q after %q", now, was)
	}
	if text := eval[string](bob, `panes[0].log.textContent`); !strings.Contains(text, "too slow: behind") {
		t.Errorf("bob was not told that it is behind: %s", text)
	}
}
