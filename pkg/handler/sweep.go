package handler

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/pkg/sweep"
	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// Sweep handles the schedule's tick.
type Sweep struct {
	Sweeper *sweep.Sweeper
	Metrics *telemetry.Metrics
}

// Handle sweeps once, and reports how many connections there are.
func (h *Sweep) Handle(ctx context.Context, _ events.CloudWatchEvent) (sweep.Report, error) {
	report, err := h.Sweeper.Sweep(ctx)
	if report.Counted {
		h.Metrics.Put(ctx, []telemetry.Value{{Metric: telemetry.OpenConnections, Value: report.Open}})
	}
	return report, err
}
