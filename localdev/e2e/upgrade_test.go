package e2e

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/infra/assembly"
	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/localdev/template"
)

var previous = flag.String("previous", "", "checkout of an earlier commit, with its functions built; see make test-upgrade")

// phase says which version of the functions serves.
type phase int32

const (
	oldOnly phase = iota
	half
	newOnly
)

func (p phase) String() string { return [...]string{"old", "half and half", "new"}[p] }

// sideBySide starts two processes for each environment, one of each version,
// and has them take turns.
type sideBySide struct {
	lambda.Executor
	folder string
	before *template.Template // what the old version was deployed from
	phase  atomic.Int32

	mu   sync.Mutex
	runs map[string]*[2]int // by function: of the old, of the new
}

func (x *sideBySide) Start(ctx context.Context, f lambda.Function) (lambda.Environment, error) {
	today, err := x.Executor.Start(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("new version: %w", err)
	}
	if old, ok := x.before.Function(f.Name); ok {
		env := maps.Clone(old.Env)
		maps.Copy(env, f.Env) // names that both have mean what they mean here
		f.Env = env
	}
	f.Binary = filepath.Join(x.folder, "build", f.Name, "bootstrap")
	before, err := x.Executor.Start(ctx, f)
	if err != nil {
		today.Close()
		return nil, fmt.Errorf("old version: %w", err)
	}
	return &versions{all: [2]lambda.Environment{before, today}, x: x}, nil
}

// versions is an environment of both.
type versions struct {
	all [2]lambda.Environment
	x   *sideBySide
}

func (v *versions) Invoke(ctx context.Context, inv lambda.Invocation) lambda.Outcome {
	return v.all[v.x.turn(inv.Function)].Invoke(ctx, inv)
}

func (v *versions) Gone() bool { return v.all[0].Gone() || v.all[1].Gone() }

func (v *versions) Close() {
	v.all[0].Close()
	v.all[1].Close()
}

// turn says which version serves the function's next invocation, and counts.
func (x *sideBySide) turn(function string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	runs := x.runs[function]
	if runs == nil {
		runs = new([2]int)
		x.runs[function] = runs
	}
	version := 0
	switch phase(x.phase.Load()) {
	case oldOnly:
	case half:
		version = (runs[0] + runs[1]) % 2
	case newOnly:
		version = 1
	}
	runs[version]++
	return version
}

// TestOldAndNewSideBySide chats through a deployment and its rollback: old
// functions, half of the invocations to each version, new ones, and back.
// Clients talk, are cut, come back and retry what they have sent.
func TestOldAndNewSideBySide(t *testing.T) {
	t.Parallel()
	if *previous == "" {
		t.Skip("needs an earlier commit: make test-upgrade")
	}
	x := &sideBySide{folder: *previous, runs: map[string]*[2]int{}, before: deployedBefore(t)}
	s := start(t, stack.Config{
		NoSchedule: true, Environ: map[string]string{
			"GAPLESS_PUBLISH_RATE": "1000",
			"GAPLESS_CHECK_EVERY":  "1ms", // the sweeper looks at every connection each time
		},
		Executor: func(processes lambda.Executor) lambda.Executor { x.Executor = processes; return x },
	})
	members := make([]*talker, 4)
	for i := range members {
		members[i] = newTalker(t, s, fmt.Sprintf("user-%d", i))
	}
	for n, p := range []phase{oldOnly, half, newOnly, half, oldOnly, half} {
		x.phase.Store(int32(p))
		var wg sync.WaitGroup
		for i, talker := range members {
			wg.Go(func() { talker.talk(n, i == n%len(members)) })
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		sweep(t, s)
		sweep(t, s)
	}
	for _, talker := range members {
		talker.check()
	}
	for _, f := range s.Lambda.Functions() {
		runs := x.runs[f.Name]
		if runs == nil || runs[0] == 0 || runs[1] == 0 {
			t.Errorf("%s: not both versions have served: %v", f.Name, runs)
			continue
		}
		t.Logf("%s: %d invocations of the old version, %d of the new", f.Name, runs[0], runs[1])
	}
}

// deployedBefore is what the earlier commit was deployed from. Its tables must
// be today's: nothing replaces them while they hold messages.
func deployedBefore(t *testing.T) *template.Template {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(*previous, "infra", "assembly", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	parse := func(templates ...[]byte) *template.Template {
		parsed, err := template.Parse(template.Options{Secrets: map[string]string{"gapless/" + stack.Stage + "/tokens": stack.DevSecret}}, templates...)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	before, today := parse(read("data.json"), read("app.json")), parse(assembly.Data, assembly.App)
	keys := func(t *template.Template) map[string]string {
		all := map[string]string{}
		for _, table := range t.Tables {
			for _, k := range table.Create.KeySchema {
				all[*table.Create.TableName+" "+string(k.KeyType)] = *k.AttributeName
			}
		}
		return all
	}
	if diff := cmp.Diff(keys(before), keys(today)); diff != "" {
		t.Errorf("tables have other names or keys:\n%s", diff)
	}
	return before
}
