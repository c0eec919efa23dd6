package connection

import (
	"context"
	"time"
)

// Gateway calls API Gateway's @connections API. It is safe for concurrent use. A
// nil error of Post means that API Gateway took the frame, not that the client
// has it.
type Gateway interface {
	// Post sends a text frame of at most 128 KB. It returns ErrGone,
	// ErrThrottled, ErrTooLarge or a Temporary error.
	Post(ctx context.Context, id string, frame []byte) error
	// Status asks about a connection. It returns ErrGone if the connection is
	// gone.
	Status(ctx context.Context, id string) (Status, error)
	// Close ends the connection. The client always sees code 1000, so post a bye
	// before. It returns ErrGone if the connection is gone.
	Close(ctx context.Context, id string) error
}

// Status describes a live connection.
type Status struct {
	ConnectedAt  time.Time
	LastActiveAt time.Time
}
