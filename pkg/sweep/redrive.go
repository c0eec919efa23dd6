package sweep

import (
	"context"
	"fmt"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
)

// DeadLetters is the queue of wake-ups whose broadcaster failed every time.
type DeadLetters interface {
	// Receive takes a few letters, none if there are none. A letter that is not
	// forgotten comes back after a while.
	Receive(ctx context.Context) ([]DeadLetter, error)
	// Forget deletes a letter for good.
	Forget(ctx context.Context, letter DeadLetter) error
}

// DeadLetter is one dead-lettered wake-up.
type DeadLetter struct {
	// ID is the queue's receipt.
	ID string
	// Wakes are the letter's wake-ups; empty if it could not be read.
	Wakes []broadcast.Wake
}

// maxRedrives limits how often one sweep asks for letters.
const maxRedrives = 20

// redrive wakes each room of the dead letters once more. It ignores ephemeral
// messages and changes of presence, which are out of date by now.
func (s *Sweeper) redrive(ctx context.Context, t *tally) error {
	for range maxRedrives {
		if s.outOfTime(ctx) {
			t.unfinished.Store(true)
			return nil
		}
		letters, err := s.DeadLetters.Receive(ctx)
		if err != nil {
			return fmt.Errorf("receive dead letters: %w", err)
		}
		if len(letters) == 0 {
			return nil
		}
		for _, letter := range letters {
			if len(letter.Wakes) == 0 {
				s.Logger.ErrorContext(ctx, "deleted a dead letter that is not a wake-up", "receipt", letter.ID)
			}
			for _, w := range letter.Wakes {
				if w.Kind != broadcast.KindDrain {
					continue
				}
				again := broadcast.Wake{Kind: w.Kind, Room: w.Room} // the entry is in the log
				if err := s.Waker.Wake(ctx, again); err != nil {
					return fmt.Errorf("put wake-up back: %w", err)
				}
				t.redriven.Add(1)
			}
			if err := s.DeadLetters.Forget(ctx, letter); err != nil {
				return fmt.Errorf("forget dead letter: %w", err)
			}
		}
	}
	return nil
}
