package client

import (
	"slices"
	"testing"
)

// TestEventsAreBounded: a handler that is stuck costs hints, which is told, but
// never the present state.
func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	e := newEvents()
	handled := 0
	for range maxHints + 7 {
		e.hint(func() { handled++ })
	}
	for range maxStates + 5 {
		e.state(StateChange{State: Connected})
	}
	e.state(StateChange{State: Reconnecting})
	e.close()
	e.hint(func() { handled++ })
	var states []State
	var dropped []int
	e.run(func(c StateChange) { states = append(states, c.State) }, func(n int) { dropped = append(dropped, n) })
	if handled != maxHints || !slices.Equal(dropped, []int{7}) {
		t.Errorf("handled %d hints, dropped %v", handled, dropped)
	}
	if len(states) != maxStates || states[len(states)-1] != Reconnecting {
		t.Errorf("told %d states, the last %v", len(states), states[len(states)-1])
	}
}
