package client

import "time"

const (
	// maxServerFrame is what is read at most: PROTOCOL.md promises 131,072
	// bytes and that limits may grow.
	maxServerFrame = 1 << 20

	// connectTimeout bounds the handshake and hello, two functions.
	connectTimeout = 10 * time.Second
	// tokenTimeout bounds GetToken.
	tokenTimeout = 30 * time.Second
	// callTimeout is when a command counts as lost; each may be repeated.
	callTimeout = 15 * time.Second
	// writeTimeout is when a line that takes no frame counts as dead.
	writeTimeout = 10 * time.Second

	// pingTimeout is when a line counts as dead on which nothing came after a
	// ping (PROTOCOL.md, "Connecting and staying connected").
	pingTimeout = 10 * time.Second
	// doubtTimeout is the same when there is a reason for doubt.
	doubtTimeout = 3 * time.Second
	// maxLate is by how much a watch may come late for a ping without that being
	// an excuse.
	maxLate = 2 * time.Second
	// maxHeldBack is by how much it may come late without that being a sleep, or
	// a clock that was set.
	maxHeldBack = 90 * time.Second
	// maxSilence is the longest time without sending: API Gateway ends a
	// connection after 10 minutes of it
	// (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
	maxSilence = 4 * time.Minute
	// defaultHeartbeat is used if the server named none.
	defaultHeartbeat = 45 * time.Second

	// held is how long a connection lasts that ends a series of attempts.
	held = 10 * time.Second
	// maxBackoff bounds the pause between attempts, without jitter.
	maxBackoff = 30 * time.Second
	// rotateSoonest is the least time before a connection is replaced, whatever
	// the server says.
	rotateSoonest = 5 * time.Second
	// renewBefore is the time before its end at which a token is renewed.
	renewBefore = time.Minute
	// overlap is how long a replaced connection stays, to answer what it was
	// asked and until the rooms are joined on the other.
	overlap = 10 * time.Second

	// patience is how long a gap may close by itself: our own message comes by
	// another way than those of others.
	patience = 500 * time.Millisecond
	// gapPause is the least time between two questions for one gap: its writer
	// is still at work, or dead and about to be voided.
	gapPause = time.Second
	// syncPause is how long after one sync a doubt needs no other.
	syncPause = 5 * time.Second

	// maxAhead bounds what is kept beyond a gap of one room; more is read from
	// the log again.
	maxAhead = 1000

	// maxHints bounds ephemeral messages and presence changes that wait for
	// their handler, maxStates changes of state.
	maxHints  = 1000
	maxStates = 64
)
