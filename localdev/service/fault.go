package service

import (
	"net/http"
	"sync"
)

// Fault is a way in which a request goes wrong. Each is all or nothing: the
// request has its whole effect or none.
type Fault uint8

// The faults that every service with the JSON protocol has.
const (
	// NoFault lets the request run.
	NoFault Fault = iota
	// Throttle refuses it; no effect.
	Throttle
	// FailBefore answers a server error; no effect.
	FailBefore
	// FailAfter has its effect and answers a server error.
	FailAfter
	// LoseRequest drops the connection without an answer; no effect.
	LoseRequest
	// LoseAnswer has its effect and drops the connection without an answer.
	LoseAnswer
	// Further is the first fault that a service may add.
	Further
)

// Failures are the errors with which a service answers injected faults.
type Failures struct{ Throttled, Internal func() error }

// Before returns the error that keeps the request from its effect. It panics
// with http.ErrAbortHandler to drop the connection.
func (f Fault) Before(errs Failures) error {
	switch f {
	case Throttle:
		return errs.Throttled()
	case FailBefore:
		return errs.Internal()
	case LoseRequest:
		panic(http.ErrAbortHandler)
	}
	return nil
}

// After returns the error that takes the place of the answer to a request that
// had its effect. It panics like Before.
func (f Fault) After(errs Failures) error {
	switch f {
	case FailAfter:
		return errs.Internal()
	case LoseAnswer:
		panic(http.ErrAbortHandler)
	}
	return nil
}

// Hook holds a function that a test can replace at any time.
type Hook[F any] struct {
	mu sync.Mutex
	f  F
}

// Set replaces the function.
func (h *Hook[F]) Set(f F) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.f = f
}

// Get is the function at this moment, to be called without a lock.
func (h *Hook[F]) Get() F {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.f
}
