package protocol

import "fmt"

// Code is the kind of a command's failure. Error.Temporary alone decides whether
// a client may retry.
type Code string

// The codes of the protocol.
const (
	BadRequest      Code = "bad_request"     // the command is malformed; the message says where
	UnknownAction   Code = "unknown_action"  // no such action
	Unauthenticated Code = "unauthenticated" // no valid token was presented on this connection
	TokenExpired    Code = "token_expired"   // the token was valid once: send `auth` with a fresh one
	Forbidden       Code = "forbidden"       // the token or a rule does not allow this
	TooLarge        Code = "too_large"       // data or frame over the limit
	RateLimited     Code = "rate_limited"    // too fast; retryAfterMs says when to continue
	Conflict        Code = "conflict"        // does not fit the connection's state
	Unavailable     Code = "unavailable"     // a service below us did not answer; retry with the same key
	Internal        Code = "internal"        // our fault
)

// Error is a command's failure as the client sees it: a code and a helpful
// sentence. It never contains text of an underlying service.
type Error struct {
	Code         Code   `json:"code"`
	Message      string `json:"message"`
	Temporary    bool   `json:"temporary"`
	RetryAfterMs int64  `json:"retryAfterMs,omitzero"`
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Errorf returns a permanent error with a formatted sentence.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Retry returns a temporary error. The client may send the same command again,
// with the same key, after afterMs milliseconds.
func Retry(code Code, afterMs int64, message string) *Error {
	return &Error{Code: code, Message: message, Temporary: true, RetryAfterMs: afterMs}
}

// Close is the reason for which the server ends a connection. The code's range
// tells a client what to do: 3000 to 3499, reconnect after a pause; 3500 to 3999,
// reconnect only if a person or the application decides so.
type Close struct {
	Code   int
	Reason string
}

// The reasons of the protocol.
var (
	CloseRestart         = Close{3001, "server restart or rebalance"}
	CloseUnauthenticated = Close{3003, "not authenticated in time"}
	CloseTokenExpired    = Close{3005, "token expired"}
	CloseTooSlow         = Close{3008, "too slow"}
	CloseIdle            = Close{3010, "idle: no sign of life"}
	CloseTokenInvalid    = Close{3501, "token invalid"}
	CloseKicked          = Close{3503, "kicked or revoked"}
	CloseViolation       = Close{3505, "protocol violated"}
	CloseTooMany         = Close{3507, "too many connections"}
)

var closes = []Close{
	CloseRestart, CloseUnauthenticated, CloseTokenExpired, CloseTooSlow,
	CloseIdle, CloseTokenInvalid, CloseKicked, CloseViolation, CloseTooMany,
}

// CloseByCode returns the reason with a code.
func CloseByCode(code int) (Close, bool) {
	for _, c := range closes {
		if c.Code == code {
			return c, true
		}
	}
	return Close{}, false
}

// Reconnect reports whether a client should reconnect by itself.
func (c Close) Reconnect() bool { return c.Code < 3500 }
