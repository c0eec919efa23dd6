package auth

import "errors"

var (
	// ErrInvalid is returned when a token is malformed, not signed by whom it
	// should be, or not meant for us.
	ErrInvalid = errors.New("token invalid")
	// ErrExpired is returned when a token was valid once.
	ErrExpired = errors.New("token expired")
	// ErrUnavailable is returned when a token could not be checked.
	ErrUnavailable = errors.New("token cannot be checked now")
)
