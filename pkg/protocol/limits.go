package protocol

// Limits of the protocol. Those that AWS sets cite
// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
// ("WebSocket API quotas"); the others are ours and may only grow.
const (
	// FrameBytes is the largest frame that API Gateway takes from a client or
	// from @connections (32 KB), and also what it bills as one message. A
	// server frame is planned to stay within it.
	FrameBytes = 32 << 10

	// MaxDataBytes bounds `data` of a publish, as compact JSON. Entry,
	// envelope, room, user and key at their longest fit beside it into one
	// frame of FrameBytes.
	MaxDataBytes = 30 << 10

	// MaxIDBytes bounds a command's string id, which holds no control
	// characters either: each would take six bytes of the reply's frame.
	MaxIDBytes = 64
	// MaxInteger bounds integers in either direction: what a JavaScript number
	// holds exactly (2^53-1).
	MaxInteger = 1<<53 - 1
	// MaxKeyBytes bounds a publish's idempotency key.
	MaxKeyBytes = 64
	// MaxRoomBytes bounds a room name.
	MaxRoomBytes = 128
	// MaxUserBytes bounds a user's id.
	MaxUserBytes = 128
	// MaxSessionBytes bounds a session's name.
	MaxSessionBytes = 64
	// MaxEpochBytes bounds an epoch as a client sends it.
	MaxEpochBytes = 64
	// MaxTokenBytes bounds a token.
	MaxTokenBytes = 16 << 10
	// MaxDepth bounds the nesting of arrays and objects in a command.
	MaxDepth = 64
	// MaxHistory bounds the entries of one page.
	MaxHistory = 100
	// MaxRoomsPerCommand bounds the rooms named by one hello or sync, so that
	// even their empty results fit into one frame.
	MaxRoomsPerCommand = 32
)
