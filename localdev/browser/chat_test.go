package browser

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/localdev/console"
	"github.com/gapless-rooms/gapless/pkg/client"
)

// pane opens a tab with one client, which is in the room and keeps all numbers
// that it is handed.
func pane(t *testing.T, s *console.Running, user string) *tab {
	t.Helper()
	p := open(t, s.Page+"/?users="+user)
	p.ready()
	p.do(`window.seen = [], panes[0].room.on("message", (m) => seen.push(m.seq))`)
	return p
}

// ready waits until every pane is in its room and has its connection shown.
func (p *tab) ready() {
	p.t.Helper()
	p.wait(`window.panes?.length && panes.every((p) => p.client.state === "connected" && p.room.joined && !p.buttons.cut.disabled)`)
}

// saw waits until the client was handed the number, and checks that it was
// handed each before it once and in order.
func (p *tab) saw(last int) {
	p.t.Helper()
	p.wait(`seen.at(-1) >= $1`, last)
	if wrong := eval[[]int](p, `seen.filter((seq, i) => i && seq !== seen[i - 1] + 1)`); len(wrong) > 0 {
		p.t.Errorf("handed %v out of order, twice, or after a gap", wrong)
	}
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

// shows waits until the first pane shows a message under a number.
func (p *tab) shows(seq int, words string) {
	p.t.Helper()
	p.wait(`panes[0].log.querySelector("[data-seq='" + $1 + "'] .text")?.textContent === $2`, seq, words)
}

func TestChatInTwoTabs(t *testing.T) {
	s := setup(t)
	ada, bob := pane(t, s, "ada"), pane(t, s, "bob")
	ada.typed("Hello from the first tab")
	bob.shows(1, "Hello from the first tab")
	bob.typed("Hello from the second, with <b>no</b> markup")
	ada.shows(2, "Hello from the second, with <b>no</b> markup")
	ada.shows(1, "Hello from the first tab")
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
	bob.wait(`panes[0].log.textContent.includes("1000 missed, replayed")`)
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
func TestSlowTabFallsBehind(t *testing.T) {
	s := setup(t)
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
