package memory_test

import (
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/limit"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/storetest"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLog(t *testing.T) {
	t.Parallel()
	storetest.RunLog(t, func(*testing.T) msglog.Store { return memory.NewLog() })
}

func TestAppendInSmallPages(t *testing.T) {
	t.Parallel()
	for _, entries := range []int{2, 3} {
		t.Run(strconv.Itoa(entries), func(t *testing.T) {
			storetest.RunAppendInPages(t, func(*testing.T) msglog.Store { return memory.NewLog() }, entries)
		})
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()
	storetest.RunConnections(t, func(*testing.T) connection.Store { return memory.NewConnections() })
}

func TestRooms(t *testing.T) {
	t.Parallel()
	storetest.RunRooms(t, func(*testing.T) room.Store { return memory.NewRooms() })
}

func TestAppend(t *testing.T) {
	t.Parallel()
	storetest.RunAppend(t, func(*testing.T) msglog.Store { return memory.NewLog() })
}

func TestRevocations(t *testing.T) {
	t.Parallel()
	storetest.RunRevocations(t, func(*testing.T) revocation.Store { return new(memory.Revocations) })
}

func TestLimits(t *testing.T) {
	t.Parallel()
	storetest.RunLimits(t, func(*testing.T) limit.Store { return new(memory.Limits) })
}

func TestTickets(t *testing.T) {
	t.Parallel()
	storetest.RunTickets(t, func(*testing.T) ticket.Store { return new(memory.Tickets) })
}
