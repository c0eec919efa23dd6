package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestTokenExpiry lets a token run out on the live connection.
func TestTokenExpiry(t *testing.T) {
	s := setup(t)
	bob := pane(t, s, "bob")
	was := bob.connectionID()
	bob.click("expire-token")
	bob.wait(`panes[0].log.textContent.includes("the server says bye: token expired")`)
	bob.wait(`panes[0].client.state === "connected" && panes[0].room.joined && panes[0].connectionId !== $1`, was)
	publish(t, s, 3)
	bob.saw(3)
	bob.shot("token-expiry")
}

// TestRotation moves time by two hours, in which the platform ends every
// connection: the SDK's timers move with it, and nobody notices.
func TestRotation(t *testing.T) {
	s := setup(t)
	p := open(t, s, "/")
	p.ready()
	p.do(`window.states = [], window.seen = [], window.presence = 0,
		panes[0].client.on("state", (s) => states.push(s.state)),
		panes[0].room.on("message", (m) => seen.push(m.seq)),
		panes[0].room.on("presence", (c) => (presence += c.left.length))`)
	was := p.connectionID()
	p.do(`window.sent = 0, window.chatter = (async () => {
		for (window.stop = false; !stop; await new Promise((r) => setTimeout(r, 250))) {
			await panes[1].publish({text: "tick " + ++sent});
		}
	})()`)
	p.run(chromedp.Click(chromedp.CSS(`[data-forward="7200"]`)))
	p.wait(`!document.querySelector("[data-forward]").disabled && document.getElementById("ahead").textContent.startsWith("+2 h")`)
	p.saw(eval[int](p, `stop = true, chatter.then(() => sent)`))
	if now := p.connectionID(); now == was {
		t.Error("the connection is more than two hours old")
	}
	if states := eval[[]string](p, `states`); len(states) > 0 {
		t.Errorf("the client was %v on the way", states)
	}
	if left := eval[int](p, `presence`); left > 0 {
		t.Errorf("%d were said to have left", left)
	}
	p.shot("rotation")
}
