package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/gapless-rooms/gapless/localdev/console"
	"github.com/gapless-rooms/gapless/localdev/stack"
)

// patience bounds every wait. It is long, since nothing here is about speed.
const patience = 90 * time.Second

// chromium is where the browser is, and how it is called by distributions.
var chromium = sync.OnceValue(func() string {
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
})

// browsers starts the one Chromium of all tests, at the first call.
var browsers struct {
	once sync.Once
	ctx  context.Context
	stop []func()
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, stop := range browsers.stop {
		stop()
	}
	os.Exit(code)
}

// start starts Chromium.
func start() {
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		browsers.err = err
		return
	}
	profile, err := os.MkdirTemp("", "gapless-chromium-")
	if err != nil {
		browsers.err = err
		return
	}
	// Not chromedp's own list: it turns off what a background tab must bear.
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium()), chromedp.UserDataDir(profile),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.WindowSize(1440, 1000), chromedp.WSURLReadTimeout(patience),
	}
	for _, flag := range []string{
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage",
		"disable-default-apps", "disable-breakpad",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator)
	browsers.ctx = ctx
	browsers.stop = []func(){stop, cancel, func() { _ = os.RemoveAll(profile) }}
	browsers.err = chromedp.Do(ctx)
}

// screenshots is where they are kept.
const screenshots = "../../build/screenshots"

// setup starts a stack with its console, or skips where no browser is.
func setup(t *testing.T) *console.Running {
	t.Helper()
	return setupWith(t, stack.Config{})
}

// setupWith is setup with a stack that is set otherwise.
func setupWith(t *testing.T, config stack.Config) *console.Running {
	t.Helper()
	t.Parallel()
	if chromium() == "" {
		t.Skip("NO BROWSER: the tests of the console and of the SDK in a browser are skipped. Install chromium, or name it in CHROMIUM.")
	}
	if browsers.once.Do(start); browsers.err != nil {
		t.Fatalf("start %s: %v", chromium(), browsers.err)
	}
	return console.RunT(t, config)
}

// tab is a page in the browser.
type tab struct {
	t   *testing.T
	s   *console.Running
	ctx context.Context
}

// open opens a page of the console in a tab of its own. What the page throws
// fails the test.
func open(t *testing.T, s *console.Running, path string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browsers.ctx)
	t.Cleanup(cancel)
	p := &tab{t, s, ctx}
	if err := chromedp.Do(ctx); err != nil { // with a deadline it would end the tab
		t.Fatalf("open a tab: %v", err)
	}
	var mu sync.Mutex
	var thrown []string
	err := chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*runtime.EventExceptionThrown); ok {
			mu.Lock()
			defer mu.Unlock()
			thrown = append(thrown, (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
		}
	})
	if err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			p.shot("failed-" + strings.ReplaceAll(t.Name(), "/", "-"))
		}
		mu.Lock()
		defer mu.Unlock()
		if len(thrown) > 0 {
			t.Errorf("the page threw:\n%s", strings.Join(thrown, "\n"))
		}
	})
	// Visible whatever other tab is in front: its timers run in full.
	command(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	p.run(chromedp.Navigate(s.Page + path))
	return p
}

// run runs actions, each within our patience.
func (p *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	for _, action := range actions {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		err := chromedp.Do(ctx, action)
		cancel()
		if err != nil {
			p.t.Fatalf("%T: %v", action, err)
		}
	}
}

// eval returns the value of an expression, a promise's included.
func eval[T any](p *tab, expression string, args ...any) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script(expression, args), chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return value
}

// do evaluates an expression for what it does.
func (p *tab) do(expression string, args ...any) {
	p.t.Helper()
	p.run(chromedp.Evaluate[chromedp.Void]("void (" + script(expression, args) + ")"))
}

// wait waits until an expression is true.
func (p *tab) wait(expression string, args ...any) {
	p.t.Helper()
	condition := script(expression, args)
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	ticker := time.NewTicker(25 * time.Millisecond)
	defer ticker.Stop()
	for {
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		if err == nil && holds {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			p.t.Fatalf("waited %v in vain for %s (%v)\n%s", patience, condition, err, p.text())
		}
	}
}

// text is what the panes and the activities say, for a failed wait.
func (p *tab) text() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	const script = `[...document.querySelectorAll(".pane, #connections tbody, #room-stats, #activity")].map((e) => e.innerText).join("\n---\n").slice(0, 6000)`
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](script)) // the test fails with what there is
	return text
}

// script puts arguments, as JSON, in the place of $1, $2, ….
func script(expression string, args []any) string {
	for i, arg := range args {
		encoded, err := json.Marshal(arg)
		if err != nil {
			panic(err) // a test's own values
		}
		expression = strings.ReplaceAll(expression, fmt.Sprintf("$%d", i+1), string(encoded))
	}
	return expression
}

// shot keeps a screenshot of what can be seen.
func (p *tab) shot(name string) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Logf("screenshot %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(screenshots, name+".png"), png, 0o644); err != nil { //nolint:gosec // to be looked at
		p.t.Logf("screenshot %s: %v", name, err)
	}
}
