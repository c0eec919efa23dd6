package browser

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"
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
