package lambda

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// Function defines one function. The zero value of each optional field means
// the default that AWS gives it.
type Function struct {
	// Name is 1 to 64 letters, digits, "-" or "_".
	Name string
	// FullName is the function's name on AWS, if Name is short for it. The API
	// takes both, and shows this one. Default: Name.
	FullName string
	// New makes the handler of one environment and stands for what main does
	// before lambda.Start. The in-process executor calls it on each cold start,
	// never twice at once for one environment; an error or a panic is an init
	// error. The handler it returns serves one invocation at a time. What the
	// environment writes to log is the function's log.
	New func(log io.Writer) (lambda.Handler, error)
	// Binary is the path of a bootstrap file, for executors that run processes.
	// The in-process executor ignores it.
	Binary string
	// Env is the function's environment. The in-process executor cannot set it
	// (handlers share the process): New closes over what it needs.
	Env map[string]string
	// Timeout is 1 s to 15 min; default 3 s.
	Timeout time.Duration
	// MemoryMB is 128 to 10240; default 128. The in-process executor does not
	// enforce it.
	MemoryMB int
	// ReservedConcurrency, if not nil, is both the function's share of the
	// account's concurrency and its limit. Zero stops the function.
	ReservedConcurrency *int
	// ColdStart is how long each cold start takes on the clock, before New is
	// called; default 0. It does not count towards Timeout.
	ColdStart time.Duration
	// MaxRetries is how often a failed event is run again: 0 to 2; nil means 2.
	MaxRetries *int
	// MaxEventAge is how long an event may wait: 1 min to 6 h; default 6 h.
	MaxEventAge time.Duration
	// DeadLetterARN is the queue or topic that gets events which expired or
	// failed in all attempts; empty discards them. It is handed to
	// Config.DeadLetter.
	DeadLetterARN string
	// DeadLetter, if not nil, gets such events too, after DeadLetterARN's target.
	DeadLetter func(DeadLetter)
	// Log is set by the service when it hands the function to an Executor: it
	// takes what the new environment prints.
	Log io.Writer
}

// log is Log, or nowhere for a function that no service has handed on.
func (f Function) log() io.Writer {
	if f.Log == nil {
		return io.Discard
	}
	return f.Log
}

// Reserve returns n as the value of Function.ReservedConcurrency and
// Function.MaxRetries, which tell zero from unset.
func Reserve(n int) *int { return &n }

var functionName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// withDefaults returns f with each unset field at its default and with maps of
// its own.
func (f Function) withDefaults() Function {
	if f.FullName == "" {
		f.FullName = f.Name
	}
	if f.Timeout == 0 {
		f.Timeout = defaultTimeout
	}
	if f.MemoryMB == 0 {
		f.MemoryMB = defaultMemoryMB
	}
	if f.MaxRetries == nil {
		f.MaxRetries = Reserve(defaultMaxRetries)
	}
	if f.MaxEventAge == 0 {
		f.MaxEventAge = defaultMaxEventAge
	}
	f.Env = maps.Clone(f.Env)
	return f
}

func (f Function) validate() error {
	switch {
	case !functionName.MatchString(f.Name):
		return fmt.Errorf("%w: name %q", ErrInvalidFunction, f.Name)
	case !functionName.MatchString(f.FullName):
		return fmt.Errorf("%w: full name %q", ErrInvalidFunction, f.FullName)
	case f.New == nil && f.Binary == "":
		return fmt.Errorf("%w: %s has neither New nor Binary", ErrInvalidFunction, f.Name)
	case f.Timeout < minTimeout || f.Timeout > maxTimeout || f.Timeout%time.Second != 0:
		return fmt.Errorf("%w: %s: timeout %v is not a whole number of seconds from 1 to 900", ErrInvalidFunction, f.Name, f.Timeout)
	case f.MemoryMB < minMemoryMB || f.MemoryMB > maxMemoryMB:
		return fmt.Errorf("%w: %s: memory %d MB", ErrInvalidFunction, f.Name, f.MemoryMB)
	case f.ReservedConcurrency != nil && *f.ReservedConcurrency < 0:
		return fmt.Errorf("%w: %s: reserved concurrency %d", ErrInvalidFunction, f.Name, *f.ReservedConcurrency)
	case *f.MaxRetries < 0 || *f.MaxRetries > defaultMaxRetries:
		return fmt.Errorf("%w: %s: %d retries", ErrInvalidFunction, f.Name, *f.MaxRetries)
	case f.MaxEventAge < minEventAge || f.MaxEventAge > defaultMaxEventAge:
		return fmt.Errorf("%w: %s: event age %v", ErrInvalidFunction, f.Name, f.MaxEventAge)
	case f.ColdStart < 0:
		return fmt.Errorf("%w: %s: cold start %v", ErrInvalidFunction, f.Name, f.ColdStart)
	}
	return nil
}

// baseName resolves the forms in which the Invoke API takes a function: its
// name, "name:$LATEST", "account:function:name" and the full ARN. Versions and
// aliases other than $LATEST do not exist here. ok is false for another form.
func baseName(ref string) (name string, ok bool) {
	parts := strings.Split(ref, ":")
	switch {
	case len(parts) >= 7 && parts[0] == "arn" && parts[2] == "lambda" && parts[5] == "function":
		parts = parts[6:]
	case len(parts) >= 3 && parts[1] == "function":
		parts = parts[2:]
	}
	if len(parts) == 2 && parts[1] == "$LATEST" {
		parts = parts[:1]
	}
	if len(parts) != 1 {
		return "", false
	}
	return parts[0], true
}
