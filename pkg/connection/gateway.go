package connection

import (
	"context"
	"time"
)

// Gateway is API Gateway's side of a connection: the @connections calls. It is
// safe for concurrent use. A nil error of Post says that API Gateway took the
// frame, not that a client has it.
type Gateway interface {
	// Post sends a text frame of at most 128 KB. ErrGone, ErrThrottled,
	// ErrTooLarge or a Temporary error otherwise.
	Post(ctx context.Context, id string, frame []byte) error
	// Status asks whether the connection lives. ErrGone if not.
	Status(ctx context.Context, id string) (Status, error)
	// Close ends the connection. The client sees code 1000 whatever the cause,
	// so a bye must have been posted before. ErrGone if there is none.
	Close(ctx context.Context, id string) error
}

// Status is what API Gateway tells about a connection.
type Status struct {
	ConnectedAt  time.Time
	LastActiveAt time.Time
}
