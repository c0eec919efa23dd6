package conformance

import (
	"testing"

	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/limit"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/storetest"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

func TestAdapterOnEngine(t *testing.T) {
	t.Parallel()
	b, _ := onEngine(t)
	runAll(t, b)
}

func TestAdapterOnDynamoDBLocal(t *testing.T) {
	t.Parallel()
	runAll(t, onDynamoDBLocal(t))
}

// TestSuitesInSmallPages runs the suites with pages of so few items that most
// reads take several, and that some pages hold nothing which is asked for.
func TestSuitesInSmallPages(t *testing.T) {
	t.Parallel()
	for name, on := range map[string]func(*testing.T) backend{
		"OnEngine":        func(t *testing.T) backend { b, _ := onEngine(t); return b },
		"OnDynamoDBLocal": onDynamoDBLocal,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := on(t)
			storetest.RunConnections(t, func(*testing.T) connection.Store { return b.connections().WithPage(2) })
			storetest.RunRooms(t, func(*testing.T) room.Store { return b.rooms().WithPage(2) })
			storetest.RunAppendInPages(t, func(*testing.T) msglog.Store { return b.log() }, 2)
		})
	}
}

func runAll(t *testing.T, b backend) {
	storetest.RunLog(t, func(*testing.T) msglog.Store { return b.log() })
	storetest.RunAppend(t, func(*testing.T) msglog.Store { return b.log() })
	runOthers(t, b)
}

// runOthers runs the suites of all stores but the log.
func runOthers(t *testing.T, b backend) {
	storetest.RunConnections(t, func(*testing.T) connection.Store { return b.connections() })
	storetest.RunLimits(t, func(*testing.T) limit.Store { return dynamo.NewLimits(b.client, b.tables["connections"]) })
	storetest.RunRevocations(t, func(*testing.T) revocation.Store { return b.revocations() })
	storetest.RunTickets(t, func(*testing.T) ticket.Store { return b.tickets() })
	storetest.RunRooms(t, func(*testing.T) room.Store { return b.rooms() })
}
