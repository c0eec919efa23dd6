package e2e

import (
	"context"
	"encoding/json"
	"errors"
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
	before deployment
	were   map[string]string // settings of the old version, where they differ
	phase  atomic.Int32

	mu   sync.Mutex
	runs map[string]*[2]int // by function: of the old, of the new
}

func (x *sideBySide) Start(ctx context.Context, f lambda.Function) (lambda.Environment, error) {
	today, err := x.Executor.Start(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("new version: %w", err)
	}
	env := maps.Clone(x.before.variables[f.Name])
	maps.Copy(env, f.Env) // names that both have mean what they mean here
	maps.Copy(env, x.were)
	f.Env = env
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
// Clients talk, are cut, come back and retry what they have sent. The deployment
// may change every setting that is stored as a time.
func TestOldAndNewSideBySide(t *testing.T) {
	t.Parallel()
	if *previous == "" {
		t.Skip("needs an earlier commit: make test-upgrade")
	}
	for name, were := range map[string]map[string]string{
		"same settings":   nil,
		"settings raised": {"GAPLESS_RETENTION": "1h", "GAPLESS_IDEMPOTENCY_WINDOW": "2m", "GAPLESS_HEAD_LIFETIME": "2h"},
		"settings lowered": {
			"GAPLESS_RETENTION": "72h", "GAPLESS_IDEMPOTENCY_WINDOW": "12h", "GAPLESS_HEAD_LIFETIME": "400h",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chatThrough(t, were)
		})
	}
}

func chatThrough(t *testing.T, were map[string]string) {
	x := &sideBySide{folder: *previous, runs: map[string]*[2]int{}, before: deployedBefore(t), were: were}
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

// deployment is what a test needs of templates, read as they are written: what
// an earlier commit was deployed from may hold what today's reader refuses.
type deployment struct {
	tables    map[string]string            // name and kind of key → attribute
	variables map[string]map[string]string // by function
}

// deployedBefore is what the earlier commit was deployed from. Its tables must
// be today's: nothing replaces them while they hold messages.
func deployedBefore(t *testing.T) deployment {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(*previous, "infra", "assembly", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	before, today := readDeployment(t, read("data.json"), read("app.json")), readDeployment(t, assembly.Data, assembly.App)
	if diff := cmp.Diff(before.tables, today.tables); diff != "" || len(today.tables) == 0 {
		t.Errorf("tables have other names or keys:\n%s", diff)
	}
	return before
}

func readDeployment(t *testing.T, templates ...[]byte) deployment {
	t.Helper()
	d := deployment{map[string]string{}, map[string]map[string]string{}}
	for _, source := range templates {
		var template struct {
			Resources map[string]struct {
				Type       string
				Properties struct {
					TableName   string
					KeySchema   []struct{ AttributeName, KeyType string }
					Tags        []struct{ Key, Value string }
					Environment struct{ Variables map[string]any }
				}
			}
		}
		if err := json.Unmarshal(source, &template); err != nil && !errors.As(err, new(*json.UnmarshalTypeError)) {
			t.Fatal(err) // other resources have other types under the same names
		}
		for _, r := range template.Resources {
			for _, k := range r.Properties.KeySchema {
				d.tables[r.Properties.TableName+" "+k.KeyType] = k.AttributeName
			}
			for _, tag := range r.Properties.Tags {
				if r.Type == "AWS::Lambda::Function" && tag.Key == "gapless:function" {
					d.variables[tag.Value] = variables(r.Properties.Environment.Variables)
				}
			}
		}
	}
	return d
}

// variables are an environment's variables: those that are written out, and
// the secret.
func variables(all map[string]any) map[string]string {
	out := map[string]string{}
	for name, value := range all {
		if s, ok := value.(string); ok {
			out[name] = s
		} else if name == "GAPLESS_AUTH_SECRET" {
			out[name] = stack.DevSecret
		}
	}
	return out
}
