package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// press clicks what a selector finds.
func (p *tab) press(selector string) {
	p.t.Helper()
	p.run(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// active waits for a line of the activities.
func (p *tab) active(words string) {
	p.t.Helper()
	p.wait(`document.getElementById("activity").innerText.includes($1)`, words)
}

// TestButtons presses each button and sees what it does. Freeze, thaw, flood and
// the two hours have tests of their own.
func TestButtons(t *testing.T) {
	s := setup(t)
	p := open(t, s, "/")
	p.ready()

	// A broadcaster that dies, and its retry a minute later.
	p.press("#kill")
	p.wait(`document.getElementById("kill").getAttribute("aria-pressed") === "true"`)
	p.typed("Who will carry this?")
	p.active("broadcast is tried again in 1m0s")
	p.wait(`document.querySelector("[data-stat=delivered]").textContent.includes("1 to go")`)
	p.shot("broadcaster-killed")
	p.press(`[data-forward="60"]`)
	p.wait(`panes.every((p) => p.log.querySelectorAll("[data-seq]").length === 1)`)
	p.wait(`!document.querySelector("[data-stat=delivered]").textContent.includes("to go")`)
	p.wait(`[...document.querySelectorAll("#trace .label")].some((l) => l.textContent.includes("attempt 2"))`)
	p.active("broadcast succeeded at attempt 2")
	p.shot("broadcaster-healed")

	// Faults of a connection that heal by themselves.
	for _, c := range []struct{ fault, says string }{
		{"cut", "bob closed with 1006"},
		{"expire-token", "bob its token has expired"},
		{"lose-disconnect", "$disconnect lost"},
	} {
		was := eval[string](p, `panes[1].connectionId`)
		p.press(fmt.Sprintf(`[data-user=bob] [data-fault=%q]`, c.fault))
		p.active(c.says)
		p.wait(`panes[1].room.joined && panes[1].connectionId && panes[1].connectionId !== $1 && !panes[1].buttons.cut.disabled`, was)
	}
	p.wait(`document.getElementById("connections").innerText.includes("gone, still in the table")`)
	p.press("#sweep")
	p.wait(`[...document.querySelectorAll("#functions tr")].some((r) => /^sweep\s+[1-9]/.test(r.innerText))`)
	p.press(`[data-forward="900"]`)
	p.wait(`!document.querySelector("[data-forward]").disabled`)

	// A wrong 410 costs bob nothing but a detour.
	was := eval[string](p, `panes[1].connectionId`)
	p.press(`[data-user=bob] [data-fault="wrong-410"]`)
	p.typed("Gone?")
	p.active("POST answered 410")
	p.typed("Not gone.")
	p.wait(`panes[1].log.querySelectorAll("[data-seq]").length === 3`)
	if now := eval[string](p, `panes[1].connectionId`); now != was {
		t.Error("a wrong 410 has ended the connection")
	}

	// A pane's own network.
	p.do(`panes[1].off.click()`)
	p.typed("Still with us?")
	p.wait(`panes[0].log.querySelectorAll("[data-seq]").length === 4`)
	if n := eval[int](p, `panes[1].log.querySelectorAll("[data-seq]").length`); n != 3 {
		t.Errorf("bob has %d messages without a network", n)
	}
	p.do(`panes[1].off.click()`)
	p.wait(`panes[1].log.querySelectorAll("[data-seq]").length === 4`)

	// Clients come and go; entries can be picked.
	p.press("#add")
	p.wait(`panes.length === 3 && panes[2].log.querySelectorAll("[data-seq]").length === 4 && document.querySelectorAll("#connections tbody tr").length === 3`)
	p.press(`[data-user=carol] .close`)
	p.wait(`panes.length === 2 && ["closing", undefined].includes([...document.querySelectorAll("#connections tbody tr")].find((r) => r.innerText.startsWith("carol"))?.querySelector(".pill").innerText)`)
	p.press(`#tail button:nth-child(2)`)
	p.wait(`!document.getElementById("follow").checked && /^#\d+ /.test(document.getElementById("trace-name").textContent)`)
	p.do(`globalThis.said = [], new MutationObserver(() => said.push(document.getElementById("status").textContent)).observe(document.getElementById("status"), { childList: true })`)
	p.press(`#connections tbody tr:first-child .menu summary`)
	p.press(`#connections tbody tr:first-child [data-fault=cut]`)
	p.wait(`said.some((sentence) => sentence.includes("Cut: done to ada"))`) // whatever else is said meanwhile

	// The theme, kept across loads.
	p.press("#theme")
	p.press("#theme")
	p.wait(`document.documentElement.dataset.theme === "dark"`)
	p.run(chromedp.Reload())
	p.wait(`document.documentElement.dataset.theme === "dark"`)
}
