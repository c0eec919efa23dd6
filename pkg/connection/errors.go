package connection

import "errors"

var (
	// ErrNotFound is returned when a connection is not registered, or is over.
	ErrNotFound = errors.New("connection not found")
	// ErrOtherUser is returned when a connection of one user is authenticated as
	// another.
	ErrOtherUser = errors.New("connection belongs to another user")
	// ErrTooLate is returned when a connection authenticates for the first time
	// after its time to do so.
	ErrTooLate = errors.New("connection was not authenticated in time")
	// ErrTooManyRooms is returned when a join would exceed the rooms that one
	// connection may be in.
	ErrTooManyRooms = errors.New("connection is in too many rooms")
	// ErrGone is returned by a Gateway when it does not know a connection. It
	// may be wrong: https://github.com/aws/aws-sdk-js/issues/3773
	ErrGone = errors.New("connection gone")
	// ErrThrottled is returned by a Gateway when the account's request rate is
	// used up, or when the client does not accept what it is sent.
	ErrThrottled = errors.New("gateway throttled")
	// ErrTooLarge is returned by a Gateway when a frame is over its limit.
	ErrTooLarge = errors.New("frame too large")
)
