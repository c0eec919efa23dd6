package browser

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// axe is where `make axe` puts axe-core, the accessibility checker.
const axe = "node_modules/axe-core/axe.min.js"

// TestAccessibility has axe-core look at the page in both themes, wide and on a
// phone (https://github.com/dequelabs/axe-core, WCAG 2.2 A and AA).
func TestAccessibility(t *testing.T) {
	s := setup(t)
	script, err := os.ReadFile(axe)
	if err != nil {
		t.Skip("NO AXE-CORE: the page's accessibility is not checked. Run `make axe` (Node) first.")
	}
	p := open(t, s, "/")
	p.ready()
	publish(t, s, 3)
	p.wait(`panes.every((p) => p.log.querySelectorAll("[data-seq]").length === 3) && document.querySelector("#trace li")`)
	p.do(`panes[0].note("a good thing", "good"), panes[0].note("a bad one", "bad"), panes[0].note("a warning", "warn")`)
	p.do(`document.querySelector("#invocations details").open = true`)
	// It is inserted by the debugger, which the page's policy does not concern.
	p.run(chromedp.Evaluate[chromedp.Void](string(script)))
	for _, width := range []int64{1440, 360} {
		p.run(chromedp.EmulateViewport(width, 900))
		for _, theme := range []string{"light", "dark"} {
			p.theme(theme)
			for _, v := range eval[[]string](p, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(
				(r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + v.help + ": " + n.target + " " + n.failureSummary)))`) {
				t.Errorf("%s at %d: %s", theme, width, v)
			}
		}
	}
}

// TestKeyboard reaches everything by the Tab key alone, in sight, and sends a
// message without a mouse.
func TestKeyboard(t *testing.T) {
	s := setup(t)
	p := open(t, s, "/")
	p.ready()
	p.key(kb.Tab)
	if id := eval[string](p, `document.activeElement.className`); id != "skip" {
		t.Errorf("the first stop is %q, not the link to the chat", id)
	}
	p.key(kb.Enter)
	var stops []string
	for range 60 {
		p.key(kb.Tab)
		stop := eval[string](p, `(() => {
			const e = document.activeElement, style = getComputedStyle(e);
			if (e === document.body) return "";
			return (e.getAttribute("aria-label") ?? e.innerText.trim()) + (style.outlineStyle === "none" ? " WITHOUT OUTLINE" : "");
		})()`)
		if stop == "Message from ada" && !slices.Contains(stops, stop) {
			p.run(chromedp.Func(typeText("By hand")))
			p.key(kb.Enter)
			p.wait(`panes[1].log.querySelectorAll("[data-seq]").length === 1`)
		}
		stops = append(stops, stop)
	}
	all := strings.Join(stops, "\n")
	for _, want := range []string{"Add client", "Message from ada", "Send", "Cut", "Flood", "Message from bob", "Faults of connection"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q cannot be reached: %s", want, all)
		}
	}
	if strings.Contains(all, "WITHOUT OUTLINE") {
		t.Errorf("a stop cannot be seen: %s", all)
	}
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
