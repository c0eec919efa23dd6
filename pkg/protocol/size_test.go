package protocol

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// The longest values, in the characters that take most bytes in JSON. Control
// characters, which take six, are not allowed in any of them.
var (
	longestRoom    = strings.Repeat("r", MaxRoomBytes)
	longestEpoch   = strings.Repeat("\"", MaxEpochBytes)
	longestUser    = strings.Repeat("\\", MaxUserBytes)
	longestKey     = strings.Repeat("\"", MaxKeyBytes)
	longestSession = strings.Repeat("\"", MaxSessionBytes)
	longestID      = ID(`"` + strings.Repeat(`\"`, MaxIDBytes) + `"`)
)

func largestEntry(t *testing.T) jsontext.Value {
	t.Helper()
	frame := []byte(`{"action":"publish","room":"r","data":"` + strings.Repeat("x", MaxDataBytes-2) + `"}`)
	cmd, err := Decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	data := cmd.Params.(*Publish).Data
	if len(data) != MaxDataBytes {
		t.Fatalf("the data has %d bytes", len(data))
	}
	return mustMarshal(t, Entry{
		Seq: MaxInteger, User: longestUser, At: MaxInteger, Key: longestKey, Data: data,
	})
}

func mustMarshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func longestResult(messages ...jsontext.Value) *JoinResult {
	return &JoinResult{
		Epoch: longestEpoch, Head: MaxInteger, Messages: messages, More: false, Oldest: MaxInteger,
	}
}

func reply(t *testing.T, result any) []byte {
	t.Helper()
	cmd, err := Decode([]byte(`{"action":"leave","room":"r","id":` + string(longestID) + `}`))
	if err != nil {
		t.Fatal(err)
	}
	frame, err := EncodeOK(cmd.ID, result)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func longestHello(rooms map[string]RoomResult) HelloResult {
	return HelloResult{
		ConnectionID: "VxA1dcK2oAMCJfA=", User: longestUser, Session: longestSession,
		HeartbeatMs: MaxInteger, TokenExpiresInMs: MaxInteger, RotateInMs: MaxInteger, Rooms: rooms,
	}
}

// longestRooms returns as many rooms as one command may name, each with the
// result.
func longestRooms(result RoomResult) map[string]RoomResult {
	rooms := map[string]RoomResult{}
	for i := range MaxRoomsPerCommand {
		rooms[fmt.Sprintf("%0*d", MaxRoomBytes, i)] = result
	}
	return rooms
}

// What a client may send must fit into one frame on its way back. A hello's 32
// rooms share one frame: only their empty results must fit, and a large entry is
// left to history, with more set.
func TestLargestFramesFit(t *testing.T) {
	t.Parallel()
	entry := largestEntry(t)
	failure := Retry(Unauthenticated, MaxInteger, strings.Repeat("m", 150))
	for name, frame := range map[string][]byte{
		"push of the largest entry":       mustMarshal(t, NewMessages(longestRoom, longestEpoch, []jsontext.Value{entry})),
		"push of the largest ephemeral":   mustMarshal(t, NewEphemeral(longestRoom, longestUser, escapedData())),
		"join with the largest entry":     reply(t, longestResult(entry)),
		"hello, one room, largest entry":  reply(t, longestHello(map[string]RoomResult{longestRoom: {JoinResult: longestResult(entry)}})),
		"sync, one room, largest entry":   reply(t, SyncResult{map[string]RoomResult{longestRoom: {JoinResult: longestResult(entry)}}}),
		"hello, 32 rooms, empty results":  reply(t, longestHello(longestRooms(RoomResult{JoinResult: longestResult()}))),
		"hello, 32 rooms, an error each":  reply(t, longestHello(longestRooms(RoomResult{Error: failure}))),
		"sync, 32 rooms, empty results":   reply(t, SyncResult{longestRooms(RoomResult{JoinResult: longestResult()})}),
		"publish":                         reply(t, PublishResult{MaxInteger, longestEpoch, true}),
		"presence change with one user":   mustMarshal(t, NewPresenceChange(longestRoom, []string{longestUser}, nil, MaxInteger)),
		"the longest bye is a short push": mustMarshal(t, NewBye(CloseRestart, MaxInteger)),
	} {
		if len(frame) > FrameBytes {
			t.Errorf("%s: %d bytes are %d too many", name, len(frame), len(frame)-FrameBytes)
		}
		t.Logf("%s: %d bytes, %d left", name, len(frame), FrameBytes-len(frame))
	}
}

// escapedData is the largest data, made of escapes that stay as they are.
func escapedData() jsontext.Value {
	return jsontext.Value(`"` + strings.Repeat(`\u0001`, (MaxDataBytes-2)/6) + `"`)
}

// An entry's size is computed from its data's length, so writing must never
// lengthen the data.
func TestWritingNeverLengthensData(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		`"\u0061\/\b\f\n\r\t\"\\"`, `"\u0008\u001f\u007f\u2028\ud83d\ude00"`, "\"\u2028\u2029\u0080<>&'/\"",
		`1.0E+2`, `-0`, `1e999`, `123456789012345678901234567890`, `0.10`,
		`{"\u0061":{"<":[null,true,{}]},"a/b":""}`,
	} {
		got := mustMarshal(t, NewEphemeral("", "", jsontext.Value(data)))
		frame := mustMarshal(t, NewEphemeral("", "", jsontext.Value("0")))
		if len(got)-len(frame)+1 > len(data) {
			t.Errorf("%s became %s", data, got)
		}
	}
}
