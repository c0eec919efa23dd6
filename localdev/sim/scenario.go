package sim

import (
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// rarer are the scenarios of what happens seldom. Each holds several things that
// have nothing to do with each other, so that there are few runs.
func rarer() []Scenario {
	at := func(seconds float64, do action) step {
		return step{At: time.Duration(seconds * float64(time.Second)), Do: do, Room: lobby}
	}
	hang := func(seconds float64) step {
		return step{At: time.Duration(seconds * float64(time.Second)), Do: doHang, Pause: 2 * time.Second}
	}
	refused := Fault{Kind: ThrottlePost, Client: 1, At: 2 * time.Second, Times: 8}
	// So that little is done while a member is waited for.
	patient := map[string]string{"GAPLESS_LINGER": "500ms", "GAPLESS_SLOW_AFTER": "1s"}
	inLobby := []string{lobby}
	return []Scenario{
		{Name: "a drain takes longer than half of its lease", Members: []member{
			{User: "user0", Rooms: inLobby, Steps: []step{at(3, doPublish), at(6, doPublish), at(10, doPublish)}},
			{User: "user1", Rooms: inLobby},
		}, Faults: []Fault{{Kind: SlowPosts, Client: 1, At: 2 * time.Second, Times: forever, Delay: 2900 * time.Millisecond}},
			Environ: map[string]string{"GAPLESS_LINGER": "4s"}, Active: 18 * time.Second, Minutely: true},
		{Name: "a drain fails for the moment and hands on", Members: []member{
			{User: "user0", Rooms: inLobby, Steps: []step{at(3, doPublish)}},
			{User: "user1", Rooms: inLobby},
		}, Faults: []Fault{{Kind: FailBefore, Function: "broadcast", Nth: 5, Times: 3}}, Active: 6 * time.Second, Minutely: true},
		{Name: "a writer dies, its number is voided and its key moves", Members: []member{
			{User: "user0", Rooms: inLobby, Steps: []step{at(3, doPublish)}},
			{User: "user1", Rooms: inLobby, Steps: []step{at(3.2, doPublish)}},
		}, Faults: []Fault{{Kind: KillAfter, Function: "message", Nth: 15}},
			Environ: map[string]string{"GAPLESS_HOLE_WAIT": "150ms"}, Active: 12 * time.Second, Minutely: true},
		{Name: "a member refuses all and is told by the sweeper", Members: []member{
			{User: "user0", Rooms: inLobby, Steps: []step{at(3, doPublish)}},
			{User: "user1", Rooms: inLobby},
		}, Faults: []Fault{refused}, Environ: patient, Active: 16 * time.Second},
		{Name: "a member joins anew while it is given up", Members: []member{
			{User: "user0", Rooms: inLobby, Steps: []step{at(3, doPublish)}},
			{User: "user1", Rooms: inLobby, Steps: []step{at(3.5, doFlap)}},
		}, Faults: []Fault{refused}, Environ: patient, Active: 8 * time.Second, Minutely: true},
		{Name: "a drain runs out of time and hands on", Members: []member{
			{User: "user0", Rooms: inLobby, Steps: []step{at(3, doPublish)}},
			{User: "user1", Rooms: inLobby},
		}, Faults: []Fault{{Kind: SlowPosts, Client: 1, At: 2 * time.Second, Times: forever, Delay: 3500 * time.Millisecond}},
			Environ: map[string]string{"GAPLESS_SLOW_AFTER": "90s", "GAPLESS_LINGER": "8s"}, Active: 62 * time.Second, Minutely: true},
		{Name: "tickets, presence and messages past the log, counted against limits", Members: []member{
			{User: "user0", Rooms: inLobby, Ticket: true, Steps: []step{at(3, doPresence), at(4, doEphemeral), at(4.1, doPlain), at(4.2, doEphemeral)}},
			{User: "user1", Rooms: inLobby},
		}, Environ: map[string]string{"GAPLESS_PUBLISH_RATE": "1", "GAPLESS_JOIN_RATE": "1", "GAPLESS_EPHEMERAL_RATE": "1"}, Active: 6 * time.Second, Minutely: true},
		{Name: "a client goes on and on in spite of refusals", Members: []member{
			{User: "user0", Close: protocol.CloseViolation.Code, Steps: []step{at(3, doFlood), at(11, doFlood), at(21, doFlood)}},
		}, Environ: map[string]string{"GAPLESS_COMMAND_RATE": "1"}, Active: 26 * time.Second, Minutely: true},
		{Name: "tokens are taken back", Members: []member{
			{User: "user0", Rooms: inLobby, Close: protocol.CloseKicked.Code, Steps: []step{at(5, doRevoke)}},
			{User: "user0", Rooms: inLobby, Hello: true, Close: protocol.CloseKicked.Code, Steps: []step{hang(4)}},
		}, Active: 14 * time.Second},
		{Name: "another token grants other rooms", Members: []member{
			{User: "user0", Rooms: []string{lobby, den}, Steps: []step{at(4, doDemote)}},
			{User: "user1", Rooms: inLobby},
		}, Active: 14 * time.Second},
		{Name: "one user connects too often", Members: []member{
			{User: "user0", Close: protocol.CloseTooMany.Code},
			{User: "user0", Close: protocol.CloseTooMany.Code},
			{User: "user0", Close: protocol.CloseTooMany.Code},
		}, Faults: []Fault{{Kind: CutSilent, Client: 0, At: 3 * time.Second}},
			Environ: map[string]string{"GAPLESS_MAX_CONNECTIONS": "1"}, Active: 10 * time.Second},
		{Name: "connections that have joined long ago, or never, end", Members: []member{
			{User: "user0", Rooms: []string{lobby, den}, Steps: []step{hang(65)}},
			{User: "user1", Steps: []step{hang(65)}},
			{User: "user2", Rooms: []string{lobby, den}},
			{User: "user3", Silent: true, Close: protocol.CloseUnauthenticated.Code},
		}, Faults: []Fault{{Kind: CutSilent, Client: 2, At: 65 * time.Second}},
			Active: 190 * time.Second, Minutely: true},
	}
}
