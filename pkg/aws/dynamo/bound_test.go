package dynamo

import (
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/connection"
)

// forgotten reports whether TTL may delete a connection a time after it began.
func forgotten(t *testing.T, after time.Duration) bool {
	t.Helper()
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	i, err := connectionItem(connection.Connection{ID: "c", ConnectedAt: began})
	if err != nil {
		t.Fatal(err)
	}
	return expired(i, began.Add(after))
}

// The sweeper has a day to find what a connection has left behind.
func TestLeftoverWithin(t *testing.T) {
	t.Parallel()
	if forgotten(t, 26*time.Hour-time.Millisecond) {
		t.Error("a connection that may have been there two hours ago is forgotten")
	}
}

func TestLeftoverOver(t *testing.T) {
	t.Parallel()
	if !forgotten(t, 26*time.Hour) {
		t.Error("it is never forgotten")
	}
}
