package browser

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestKeyboard does without a mouse what the page is for: it sends a message,
// breaks things, moves time and looks at the way of a message, going from one
// to the other by the Tab key alone and seeing where it is.
func TestKeyboard(t *testing.T) {
	s := setup(t)
	p := open(t, s, "/")
	p.ready()

	p.key(kb.Tab)
	if id := eval[string](p, `document.activeElement.className`); id != "skip" {
		t.Errorf("the first stop is %q, not the link to the chat", id)
	}
	p.key(kb.Enter)
	p.tabTo("Add client") // the first in the chat
	p.tabTo("ada: Message from ada")
	p.run(chromedp.Func(typeText("By hand")))
	p.key(kb.Enter)
	p.wait(`panes.every((p) => p.log.querySelectorAll("[data-seq]").length === 1)`)

	// A fault of a pane's connection.
	was := eval[string](p, `panes[1].connectionId`)
	p.tabTo("bob: Cut")
	p.key(kb.Enter)
	p.active("bob closed with 1006")
	p.wait(`panes[1].room.joined && panes[1].connectionId && panes[1].connectionId !== $1 && !panes[1].buttons.cut.disabled`, was)

	// The menu of a connection: opened, left by Escape, opened again and used.
	menu := eval[string](p, `[...document.querySelectorAll("#connections tbody tr")].find((r) => r.innerText.startsWith("ada")).querySelector("summary").getAttribute("aria-label")`)
	p.tabTo(menu)
	p.key(kb.Enter)
	p.wait(`document.activeElement.closest(".menu[open]") && document.activeElement.dataset.fault === "cut"`)
	p.key(kb.Escape)
	p.wait(`!document.querySelector(".menu[open]") && document.activeElement.getAttribute("aria-label") === $1`, menu)
	p.key(kb.Enter)
	p.wait(`document.activeElement.dataset.fault === "cut"`)
	p.tabTo("Expire token")
	p.key(" ")
	p.active("ada its token has expired")
	p.wait(`!document.querySelector(".menu[open]") && panes[0].room.joined && !panes[0].buttons.cut.disabled`)

	// The way of a message, chosen from the log, and back to the latest.
	p.tabToFirst(`#tail button`)
	p.key(kb.Enter)
	p.wait(`!document.getElementById("follow").checked && document.getElementById("trace-name").textContent.startsWith("#1 in lobby by ada")`)
	p.tabTo("Follow the latest")
	p.key(" ")
	p.wait(`document.getElementById("follow").checked`)

	// A broadcaster that dies, and the minute until its retry.
	p.tabTo("Kill broadcaster")
	p.key(" ")
	p.wait(`document.getElementById("kill").getAttribute("aria-pressed") === "true"`)
	p.tabTo("bob: Message from bob")
	p.run(chromedp.Func(typeText("Who will carry this?")))
	p.key(kb.Enter)
	p.active("broadcast is tried again in 1m0s")
	p.tabTo("+1 min")
	p.key(kb.Enter)
	p.wait(`panes.every((p) => p.log.querySelectorAll("[data-seq]").length === 2)`)
	p.active("broadcast succeeded at attempt 2")
	p.wait(`document.activeElement.dataset.forward === "60" && !document.activeElement.disabled`)
}

// where is what has the focus, as its user would call it.
const where = `(() => {
	const e = document.activeElement;
	if (e === document.body) return "";
	const pane = e.closest(".pane")?.dataset.user;
	const name = e.getAttribute("aria-label") ?? (e.labels?.[0] ?? e).innerText;
	return (pane ? pane + ": " : "") + name.trim().replaceAll("\u00a0", " ");
})()`

// tabTo presses the Tab key until something of this name has the focus.
func (p *tab) tabTo(name string) {
	p.t.Helper()
	p.tabUntil(name, where+` === $1`, name)
}

// tabToFirst presses the Tab key until the first element of a selector has the
// focus.
func (p *tab) tabToFirst(selector string) {
	p.t.Helper()
	p.tabUntil(selector, `document.activeElement === document.querySelector($1)`, selector)
}

// tabUntil presses the Tab key until a condition holds, at most twice around the
// page. Each stop must be visible.
func (p *tab) tabUntil(what, condition string, args ...any) {
	p.t.Helper()
	var stops []string
	for ends := 0; ends < 2 && len(stops) < 400; {
		p.key(kb.Tab)
		stop := eval[string](p, where)
		stops = append(stops, stop)
		if stop == "" {
			ends++
			continue
		}
		if eval[bool](p, `getComputedStyle(document.activeElement).outlineStyle === "none"`) {
			p.t.Errorf("%q has the focus and does not show it", stop)
		}
		if eval[bool](p, condition, args...) {
			return
		}
	}
	p.t.Fatalf("%q cannot be reached: %s", what, strings.Join(stops, "\n"))
}

// key presses a key.
func (p *tab) key(k string) {
	p.t.Helper()
	p.run(chromedp.KeyEvent(k))
}

// typeText types into what has the focus.
func typeText(words string) func(ctx context.Context, t *chromedp.Target) error {
	return func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: words})
		return err
	}
}
