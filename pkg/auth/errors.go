package auth

import "errors"

var (
	// ErrInvalid is returned when a token is malformed, not signed by its issuer,
	// or not meant for us.
	ErrInvalid = errors.New("token invalid")
	// ErrExpired is returned when a token was valid and has expired.
	ErrExpired = errors.New("token expired")
	// ErrUnavailable is returned when a token could not be checked.
	ErrUnavailable = errors.New("token cannot be checked now")
)
