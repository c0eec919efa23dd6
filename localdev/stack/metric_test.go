package stack_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// output is a log that functions write into at once.
type output struct {
	mu sync.Mutex
	bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Buffer.Write(b)
}

// TestSweepCountsConnectionsInItsLog wants the metric there, under the name
// that the function has on AWS, and whatever the least level that is logged.
func TestSweepCountsConnectionsInItsLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out output
		s, err := stack.New(stack.Config{
			NoSchedule: true, FunctionLog: &out, Environ: map[string]string{"GAPLESS_LOG_LEVEL": "error"},
		})
		if err != nil {
			t.Fatal(err)
		}
		d := driver{t, s}
		d.connect("a", true)
		d.connect("b", true)
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("not one line: %q, %v", out.String(), err)
		}
		if line[telemetry.Dimension] != "gapless-local-sweep" || line[telemetry.OpenConnections.Name] != 2.0 || !strings.Contains(out.String(), `"_aws":`) {
			t.Errorf("the sweeper writes %s", out.String())
		}
	})
}
