package protocol

// Limits of the protocol. Those of AWS cite
// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
// ("WebSocket API quotas"); the others are ours and may only grow.
const (
	// FrameBytes is the largest frame that API Gateway takes from a client or
	// from @connections (32 KB), and the unit that it bills as one message.
	// Server frames stay within it.
	FrameBytes = 32 << 10

	// MaxDataBytes limits the data of a publish, as compact JSON. One frame of
	// FrameBytes has room for it with the longest entry, envelope, room, user and
	// key.
	MaxDataBytes = 30 << 10

	// MaxIDBytes limits a command's string id. Control characters are not
	// allowed, because each would take six bytes of the reply's frame.
	MaxIDBytes = 64
	// MaxInteger limits integers in either direction to what a JavaScript number
	// holds exactly (2^53-1).
	MaxInteger = 1<<53 - 1
	// MaxKeyBytes limits a publish's idempotency key.
	MaxKeyBytes = 64
	// MaxRoomBytes limits a room name.
	MaxRoomBytes = 128
	// MaxUserBytes limits a user's id.
	MaxUserBytes = 128
	// MaxSessionBytes limits a session's name.
	MaxSessionBytes = 64
	// MaxEpochBytes limits an epoch sent by a client.
	MaxEpochBytes = 64
	// MaxTokenBytes limits a token.
	MaxTokenBytes = 16 << 10
	// MaxDepth limits the nesting of arrays and objects in a command.
	MaxDepth = 64
	// MaxHistory limits the entries of one page.
	MaxHistory = 100
	// MaxRoomsPerCommand limits the rooms of one hello or sync, so that at least
	// their empty results fit into one frame.
	MaxRoomsPerCommand = 32
)
