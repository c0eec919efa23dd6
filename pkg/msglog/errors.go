package msglog

import "errors"

var (
	// ErrLeaseHeld is returned when a drain lease is asked for while another
	// holds it, or while there is nothing to drain.
	ErrLeaseHeld = errors.New("lease held or nothing to drain")
	// ErrLeaseLost is returned when the holder of a drain lease is another one
	// by now.
	ErrLeaseLost = errors.New("lease lost")
	// ErrContended is returned when an append lost its number again and again
	// to a reader that filled it; the caller may retry with the same key.
	ErrContended = errors.New("append lost its number too often")
)
