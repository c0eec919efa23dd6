package handler

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/pkg/sweep"
)

// Sweep handles the schedule's tick.
type Sweep struct {
	Sweeper *sweep.Sweeper
}

// Handle sweeps once.
func (h *Sweep) Handle(ctx context.Context, _ events.CloudWatchEvent) (sweep.Report, error) {
	return h.Sweeper.Sweep(ctx)
}
