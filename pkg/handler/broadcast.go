package handler

import (
	"context"
	"errors"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
)

// Broadcast handles wake-ups from SNS.
type Broadcast struct {
	Broadcaster *broadcast.Broadcaster
	Logger      *slog.Logger
}

// Handle processes each wake-up of the event. It logs and skips a wake-up that it
// cannot read. It returns an error, so that Lambda delivers the event again, only
// if that can help.
func (h *Broadcast) Handle(ctx context.Context, event events.SNSEvent) error {
	var errs []error
	for _, record := range event.Records {
		wake, err := broadcast.DecodeWake([]byte(record.SNS.Message))
		if err != nil {
			h.Logger.ErrorContext(ctx, "skipped an unreadable wake-up", "messageId", record.SNS.MessageID, "error", err)
			continue
		}
		errs = append(errs, h.Broadcaster.Handle(ctx, wake))
	}
	return errors.Join(errs...)
}
