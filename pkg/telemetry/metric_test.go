package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// TestLineIsInTheEmbeddedMetricFormat checks a line against the specification:
// the metadata in _aws has these members and no others, and each metric and
// dimension that it names is a member of the line, a number or a string.
func TestLineIsInTheEmbeddedMetricFormat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelError})) // metrics are written at any level
		telemetry.NewMetrics(log, clock.System(), "gapless-dev-sweep").Put(t.Context(), []telemetry.Value{
			{Metric: telemetry.OpenConnections, Value: 17}, {Metric: telemetry.DrainLag, Value: 2500},
		}, slog.String("room", "lobby"))

		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
			t.Fatalf("not one line of JSON: %q, %v", out.String(), err)
		}
		delete(line, "time")
		delete(line, "level")
		delete(line, "msg")
		want := map[string]any{
			"_aws": map[string]any{
				"Timestamp": float64(time.Now().UnixMilli()),
				"CloudWatchMetrics": []any{map[string]any{
					"Namespace":  "Gapless",
					"Dimensions": []any{[]any{"FunctionName"}},
					"Metrics": []any{
						map[string]any{"Name": "OpenConnections", "Unit": "Count"},
						map[string]any{"Name": "DrainLag", "Unit": "Milliseconds"},
					},
				}},
			},
			"FunctionName": "gapless-dev-sweep", "OpenConnections": 17.0, "DrainLag": 2500.0, "room": "lobby",
		}
		if diff := cmp.Diff(want, line); diff != "" {
			t.Error(diff)
		}
	})
}
