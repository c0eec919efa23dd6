package browser

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// command sends a command of the DevTools protocol.
func command[P, R any](p *tab, c cdp.Command[P, R], params P) {
	p.t.Helper()
	p.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	}))
}

// offline takes the browser's network away, and says so to the page.
func (p *tab) offline(offline bool) {
	p.t.Helper()
	conditions := &network.Conditions{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1}
	command(p, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{conditions},
	})
	command(p, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1})
}

// TestOfflineAndOnline takes the browser's network away as DevTools does.
func TestOfflineAndOnline(t *testing.T) {
	s := setup(t)
	bob := pane(t, s, "bob")
	bob.offline(true)
	bob.wait(`!navigator.onLine`)
	if err := s.Gateway.Faults().DeadPeer(bob.connectionID()); err != nil { // what is open goes silent too
		t.Fatal(err)
	}
	publish(t, s, 30)
	bob.do(`panes[0].publish({text: "written offline"})`)
	bob.offline(false)
	bob.saw(31)
	bob.shows("written offline")
}

// TestBackgroundTab freezes a tab as browsers do with those that nobody looks
// at, so that none of its timers run, while its connection is lost unnoticed.
func TestBackgroundTab(t *testing.T) {
	s := setup(t)
	bob := pane(t, s, "bob")
	was := bob.connectionID()
	command(bob, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{})
	bob.do(`window.visibility = [], document.addEventListener("visibilitychange", () => visibility.push(document.visibilityState))`)
	command(bob, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: page.SetWebLifecycleStateStateFrozen})
	if err := s.Gateway.Faults().DeadPeer(was); err != nil {
		t.Fatal(err)
	}
	publish(t, s, 50)
	command(bob, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: page.SetWebLifecycleStateStateActive})
	bob.saw(50)
	if got := eval[[]string](bob, `visibility`); len(got) == 0 || got[0] != "hidden" {
		t.Errorf("the page was %v", got)
	}
	if now := bob.connectionID(); now == was {
		t.Error("the dead connection is still in use")
	}
}
