package browser

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestLook keeps screenshots of the page in its two themes and on a phone.
func TestLook(t *testing.T) {
	s := setup(t)
	p := open(t, s, "/")
	p.wait(`panes.length === 2 && panes.every((p) => p.client.state === "connected" && p.room.joined)`)
	p.do(`panes[0].publish({text: "Morning. Is the deploy out?"})`)
	p.wait(`panes.every((p) => p.seq >= 1)`)
	p.do(`panes[1].publish({text: "Since ten. Not one message lost."})`)
	p.wait(`panes.every((p) => p.seq >= 2)`)
	p.do(`panes[0].burst(12)`)
	p.wait(`panes.every((p) => p.seq >= 14)`)
	p.do(`document.querySelector("#invocations details").open = true`)
	p.wait(`document.querySelector("[data-stat=lease]").textContent === "free"`)
	p.do(`panes[1].publish({text: "And the logs?"})`)
	p.wait(`panes.every((p) => p.seq >= 15)`)
	p.wait(`document.querySelector("#trace li")`)
	for _, theme := range []string{"light", "dark"} {
		p.theme(theme)
		p.shot("desktop-" + theme)
	}
	p.run(chromedp.EmulateViewport(1440, 1500))
	p.shot("desktop-whole")
	p.run(chromedp.EmulateViewport(360, 2600, chromedp.EmulateScale(2)))
	if width := eval[int](p, `document.documentElement.scrollWidth`); width > 360 {
		t.Errorf("the page is %d wide on a phone of 360", width)
	}
	p.shot("phone-dark")
	p.theme("light")
	p.shot("phone-light")
}

// theme has the system ask for light or dark.
func (p *tab) theme(scheme string) {
	p.t.Helper()
	p.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme},
				{Name: "prefers-reduced-motion", Value: "reduce"}, // no colours on their way to others
			},
		})
		return err
	}))
}
