package msglog

import "errors"

var (
	// ErrLeaseHeld is returned when another owner holds the drain lease, or when
	// there is nothing to drain.
	ErrLeaseHeld = errors.New("lease held or nothing to drain")
	// ErrLeaseLost is returned when the caller no longer holds the drain lease.
	ErrLeaseLost = errors.New("lease lost")
	// ErrContended is returned when readers voided an append's number again and
	// again. The caller may retry with the same key.
	ErrContended = errors.New("append lost its number too often")
)
