package client

import "time"

const (
	// maxServerFrame is the longest frame to read: PROTOCOL.md promises at most
	// 131,072 bytes, and that limits may grow.
	maxServerFrame = 1 << 20

	// connectTimeout bounds the handshake and hello, two functions.
	connectTimeout = 10 * time.Second
	// tokenTimeout bounds GetToken.
	tokenTimeout = 30 * time.Second
	// callTimeout is the time after which a command counts as lost and is
	// repeated.
	callTimeout = 15 * time.Second
	// writeTimeout is the time after which a connection that accepts no frame
	// counts as dead.
	writeTimeout = 10 * time.Second

	// pingTimeout is the time after a ping without a frame after which the
	// connection counts as dead (PROTOCOL.md, "Connecting and staying connected").
	pingTimeout = 10 * time.Second
	// doubtTimeout replaces pingTimeout when there is a reason for doubt.
	doubtTimeout = 3 * time.Second
	// maxLate is the delay of a timer up to which a missing answer still means
	// a dead connection.
	maxLate = 2 * time.Second
	// maxHeldBack is the delay of a timer above which the machine has slept or
	// its clock was set.
	maxHeldBack = 90 * time.Second
	// maxSilence is the longest time without sending: API Gateway ends a
	// connection after 10 minutes of it
	// (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
	maxSilence = 4 * time.Minute
	// defaultHeartbeat is used if the server named none.
	defaultHeartbeat = 45 * time.Second

	// held is the time after which a connection counts as stable, and back-off
	// starts over.
	held = 10 * time.Second
	// maxBackoff bounds the pause between attempts, without jitter.
	maxBackoff = 30 * time.Second
	// rotateSoonest is the least time before a connection is replaced, whatever
	// the server says.
	rotateSoonest = 5 * time.Second
	// renewBefore is the time before its end at which a token is renewed.
	renewBefore = time.Minute
	// overlap is the time that a replaced connection stays open, so that its
	// commands are answered and the rooms joined on the new one.
	overlap = 10 * time.Second

	// patience is the time in which a gap may close by itself: the reply to our
	// own publish may overtake pushes.
	patience = 500 * time.Millisecond
	// gapPause is the least time between two reads for one gap: its writer may
	// still be at work, or dead with the void about to be written.
	gapPause = time.Second
	// syncPause is the time after a sync in which a doubt starts no other.
	syncPause = 5 * time.Second

	// maxAhead is the most entries of a room to keep beyond a gap; more are read
	// from the log again.
	maxAhead = 1000

	// maxHints is the most ephemeral messages and presence changes that wait for
	// their handler; maxStates the most changes of state.
	maxHints  = 1000
	maxStates = 64
)
