package client

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var mutants = flag.Bool("mutants", false, "run all tests against each deliberate bug")

// mutant is a deliberate bug: in a file of this package, text that occurs once
// there is replaced.
type mutant struct{ name, file, from, to string }

// allMutants are mistakes that somebody could make, each of which some test must
// see.
var allMutants = []mutant{
	{"what was handed over is kept for another time", "sequencer.go", "case s.known && e.Seq <= s.at.Seq:", "case false:"},
	{"a void is handed over", "sequencer.go", "if !e.Void {", "if true {"},
	{"the number goes on in a log that began anew", "sequencer.go", "s.at = to\n", "s.at.Epoch = to.Epoch\n"},
	{"what is lost is lost in silence", "sequencer.go", "s.out = append(s.out, item{reset: lost, at: to})", "_ = lost"},
	{"an answer about a place left since resets", "sequencer.go", "case !recovered && asked != s.at:", "case false:"},
	{"more is ignored", "sequencer.go", "s.need = s.need || p.More", "_ = p.More"},
	{"what finds no place on the shelf is forgotten", "sequencer.go", "\t\tdefault:\n\t\t\ts.need = true\n", ""},
	{"the buffer has no bound", "sequencer.go", "return len(s.out) >= s.limit", "return false"},
	{"entries of a new log are dropped", "sequencer.go", "s.other[e.Seq] = early{e, own}", "_ = e"},

	{"a gap is not filled", "follow.go", "case !r.lacksLocked():", "case true:"},
	{"a gap is asked for without a pause", "follow.go", "gapPause+r.client.options.backoff(r.gapTries)", "0*gapPause"},
	{"behind is ignored", "follow.go", "case protocol.PushBehind:\n", "case protocol.PushBehind:\n\t\treturn\n"},
	{"behind: caught up, but not joined again", "follow.go", "case halted || r.anew:", "case r.anew:"},
	{"a log that began anew is not asked about", "follow.go", "case halted || r.anew:", "case halted:"},
	{"a join that failed for now is not repeated", "follow.go", "if !c.mayRepeat(l, err) && c.ctx.Err() == nil {", "if c.ctx.Err() == nil {"},
	{"joined from the head, not from the position", "follow.go", "case r.seq.known:\n\t\treturn", "case r.seq.known && r.on == nil:\n\t\treturn"},
	{"what a replaced connection refuses counts", "follow.go", "\tif stale {\n", "\tif stale && err == nil {\n"},
	{"a sync that says not joined changes nothing", "follow.go", "l.halt(r.name, true) // the server does not see us there", "_ = l"},
	{"an own message takes no place", "follow.go", "r.take(published.Epoch, true, protocol.Entry{", "_ = (protocol.Entry{"},
	{"a duplicate in another log is not looked for", "follow.go", "r.take(published.Epoch, true)\n", ""},
	{"a duplicate in a log that has just begun is not looked for", "follow.go", "r.seq.begun(published.Epoch)\n", ""},
	{"a publish goes out before its place is known", "follow.go", "for r.placeless() {", "for false {"},

	{"acknowledged places are forgotten", "link.go", "l.published[log] = max(l.published[log], at.Seq)", "_ = log"},
	{"acknowledged before the join does not count", "outbox.go", "link.acknowledged(p.Room, published.Position)\n", "if o.client.joinedRoom(p.Room) != nil {\n\t\tlink.acknowledged(p.Room, published.Position)\n\t}\n"},
	{"publishes are not repeated on another connection", "outbox.go", "if !c.mayRepeat(link, err) {", "if link.over() || !c.mayRepeat(link, err) {"},
	{"publishes are not repeated after a passing error", "outbox.go", "if !c.mayRepeat(link, err) {", "if !link.over() || !c.mayRepeat(link, err) {"},
	{"each attempt has a key of its own", "outbox.go", "result, err := link.call(o.client.ctx, p)", "q := *p\n\tq.Key = o.client.keys.next()\n\tresult, err := link.call(o.client.ctx, &q)"},
	{"two publishes of a room at once", "outbox.go", "_, running := o.queues[room]", "running := false"},
	{"repeated after the server has forgotten the key", "outbox.go", "if tries == 0 {", "if tries < 0 {"},
	{"a publish given up keeps its place in the queue", "outbox.go", "if other == l && i > 0 {", "if other == l && i < 0 {"},

	{"afterMs and retryAfterMs are ignored when coming back", "connect.go", "least, more := pause(why),", "least, more := 0*pause(why),"},
	{"a wake skips what the server asked for", "connect.go", "clock.Sleep(ctx, c.clock, least)", "clock.Sleep(ctx, c.clock, 0*least)"},
	{"a wake from before skips the next pause", "connect.go", "\tcase <-c.hurry: // from before\n", ""},
	{"a sync that failed for now is not repeated", "connect.go", "if !c.mayRepeat(l, err) || l.over()", "if !c.mayRepeat(l, err) || err != nil"},
	{"no jitter", "timer.go", "o.Rand() * float64", "float64"},
	{"retryAfterMs is ignored", "client.go", "pause(err) + c.options.backoff(tries)", "c.options.backoff(tries)"},
	{"a pause goes on on the next connection", "client.go", "\tcase <-l.done:\n\tcase <-ctx.Done():", "\tcase <-ctx.Done():"},
	{"one user's publish is repeated as the next", "outbox.go", "return l.user == user", "return true"},
	{"what waits for a first user is the next one's", "outbox.go", "l.user = cmp.Or(l.user, user)\n\t\t}", "_ = l\n\t\t}"},
	{"behind of before a join counts after it", "follow.go", "case halted || r.anew:\n\t\tl.resume(r.name)\n", "case halted || r.anew:\n"},
	{"behind: joined again, but not caught up first", "follow.go", "l.halt(r.name, false)", "l.halt(r.name, true)"},
	{"an own message is shown as the user's that came after", "follow.go", "User: user, At:", "User: r.client.User(), At:"},
	{"comes back after a final code", "connect.go", "errors.As(why, &closed) && closed.final {", "errors.As(why, &closed) && !closed.final && closed.final {"},
	{"the back-off does not begin anew", "connect.go", "held {\n\t\t\tattempt = 0", "held {\n\t\t\tattempt += 0"},
	{"a refused token is presented again", "connect.go", "fresh := badToken(why)", "fresh := false"},
	{"hello does not say where the rooms are", "connect.go", "hello.Rooms[room.name], asked[room] = room.from()", "_, asked[room] = room.from()\n\t\t\thello.Rooms[room.name] = protocol.From{}"},
	{"break before make", "connect.go", "c.rotate(true)\n", "c.rotate(true)\n\t\tl.end(errReplaced, true)\n"},
	{"no rotation", "connect.go", "if l.rotateIn > 0 {", "if l.rotateIn < 0 {"},
	{"both connections stay", "connect.go", "if old != nil && !c.spawn", "if old != nil && c.ctx.Err() != nil && !c.spawn"},
	{"the old connection ends at once", "link.go", "timeout.set(overlap)", "timeout.set(0 * overlap)"},
	{"a failure of the gateway is nobody's", "link.go", "\tclear(l.calls)\n\treturn replies", "\treturn replies[:0]"},
	{"what has no number is taken from both connections", "connect.go", "c.rooms[f.Room], c.link == nil || c.link == l", "c.rooms[f.Room], true"},
	{"a publish is repeated after a sleep", "outbox.go", "if now.Sub(first) >= c.options.KeyWindow {", "if now.Sub(first) < 0 {"},
	{"a token that was refused is presented again for whoever asks", "watch.go", "renew = nil // requests wait for the next attempt too\n", ""},
	{"a sleep is no reason for doubt", "watch.go", "late > maxHeldBack || late", "late"},
	{"a clock set back silences the watch", "watch.go", "late > maxHeldBack || late < -maxSilence", "late > maxHeldBack"},
	{"timers that are held back count as a sleep", "limits.go", "maxHeldBack = 90 * time.Second", "maxHeldBack = 9 * time.Second"},
	{"a late timer excuses the line for ever", "watch.go", "(late <= maxLate || doubted)", "(late <= maxLate || doubted && late < 0)"},
	{"the token is not renewed", "watch.go", "plan(tokenExpires)\n", ""},
	{"an old token is presented as a fresh one", "connect.go", "c.token(l.ctx, true)", "c.token(l.ctx, false)"},
	{"no sync now and then", "watch.go", "c.sync(l)\n", ""},
	{"a line that does not answer counts as alive", "watch.go", "l.end(ErrNoAnswer, false)\n", ""},
	{"no sync after a doubt", "link.go", "\tif revived {", "\tif revived && err != nil {"},
	{"a leave is not told", "follow.go", "if joined {\n", "if joined && l == nil {\n"},
	{"a join does not wait for the leave before it", "follow.go", "if r.after != nil {", "if r.after != nil && c.ctx.Err() != nil {"},
}

// apply returns the file of a mutant, and its text with the bug in it. The text
// that the bug replaces must be there once.
func (m mutant) apply(t *testing.T) (file, code string) {
	t.Helper()
	file, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), m.from); n != 1 {
		t.Fatalf("%q is %d times in %s", m.from, n, m.file)
	}
	return file, strings.Replace(string(b), m.from, m.to, 1)
}

// TestMutantsCanBeMade finds the text that each deliberate bug replaces. It runs
// no test against any of them.
func TestMutantsCanBeMade(t *testing.T) {
	t.Parallel()
	for _, m := range allMutants {
		t.Run(m.name, func(t *testing.T) { m.apply(t) })
	}
}

// TestMutants demands, with -mutants, that some test fails with each deliberate
// bug.
func TestMutants(t *testing.T) {
	t.Parallel()
	if !*mutants {
		t.Skip("runs all tests once for each bug: make mutants-client")
	}
	for _, m := range allMutants {
		t.Run(m.name, func(t *testing.T) {
			file, code := m.apply(t)
			failed, output := withBug(t, file, code)
			if len(failed) == 0 {
				t.Fatalf("no test sees it:\n%s", output)
			}
			t.Logf("seen by %s", strings.Join(failed, ", "))
		})
	}
}

// withBug runs the tests of this package with another text of one of its files,
// and returns which have failed.
func withBug(t *testing.T, file, code string) (failed []string, output string) {
	t.Helper()
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	b, err := json.Marshal(map[string]any{"Replace": map[string]string{file: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{changed: code, overlay: string(b)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-timeout=1m", "-run=^(Test|Fuzz)", "-overlay", overlay, ".").CombinedOutput() //nolint:gosec // a test
	output = string(out)
	if strings.Contains(output, "[build failed]") {
		t.Fatalf("it does not compile:\n%s", output)
	}
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ *--- FAIL: (Test\w+(?:/[^/ ]+)?)`).FindAllStringSubmatch(output, -1) {
		names[strings.TrimRight(m[1], "0123456789/")] = true
	}
	if err != nil && len(names) == 0 { // it takes the others with it
		names[regexp.MustCompile(`(?m)^(panic|fatal error): .*`).FindString(output)] = true
	}
	return slices.Sorted(maps.Keys(names)), output
}
