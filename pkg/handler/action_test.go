package handler

import (
	"testing"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// The decoder accepts the actions of protocol.Actions; calling one without a
// handler would be a nil function call.
func TestEachActionHasAHandler(t *testing.T) {
	t.Parallel()
	for _, action := range protocol.Actions() {
		if actions[action] == nil {
			t.Errorf("%s has no handler", action)
		}
	}
	if len(actions) != len(protocol.Actions()) {
		t.Errorf("%d handlers for %d actions", len(actions), len(protocol.Actions()))
	}
}
