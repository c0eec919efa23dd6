package client

import (
	"testing"
	"testing/synctest"
)

// TestTokenIsRenewed plays the renewal at a moment at which nothing else is due.
func TestTokenIsRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		play(t, scenario{Steps: []step{
			{"expect": "dial", "socket": 1.0},
			{"do": "open", "socket": 1.0},
			{"expect": "frame", "socket": 1.0, "frame": map[string]any{"action": "hello", "id": "$h", "token": "token-1", "session": "session", "rooms": map[string]any{}}},
			{"do": "say", "socket": 1.0, "frame": map[string]any{"id": "$h", "ok": map[string]any{"user": "ada", "heartbeatMs": 900000, "tokenExpiresInMs": 200000}}},
			{"expect": "state", "state": "connected"},
			{"do": "advance", "ms": 159999.0},
			{"do": "advance", "ms": 1.0},
			{"expect": "frame", "socket": 1.0, "frame": map[string]any{"action": "auth", "id": "$a", "token": "fresh-2"}},
			{"do": "say", "socket": 1.0, "frame": map[string]any{"id": "$a", "ok": map[string]any{"user": "ada", "tokenExpiresInMs": 100000}}},
			{"do": "advance", "ms": 79999.0},
			{"do": "advance", "ms": 1.0},
			{"expect": "frame", "socket": 1.0, "frame": map[string]any{"action": "auth", "id": "$b", "token": "fresh-3"}},
		}})
	})
}
