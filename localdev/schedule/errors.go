package schedule

import "errors"

var (
	// ErrClosed is returned when the service was closed.
	ErrClosed = errors.New("schedule: service is closed")
	// ErrInvalidExpression is returned for a schedule expression that EventBridge
	// refuses.
	ErrInvalidExpression = errors.New("schedule: invalid expression")
	// ErrUnsupported is returned for a feature of EventBridge that the emulator
	// does not have.
	ErrUnsupported = errors.New("schedule: not supported")
	// ErrInvalidRule is returned by Add for a rule that EventBridge refuses.
	ErrInvalidRule = errors.New("schedule: invalid rule")
	// ErrSkipped is returned by Fire when a fault drops the firing.
	ErrSkipped = errors.New("schedule: skipped by a fault")
	// ErrRuleNotFound is returned when no rule has the given name.
	ErrRuleNotFound = errors.New("schedule: rule not found")
)
