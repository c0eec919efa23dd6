package handler

import (
	"context"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// replyOverhead is what a reply takes beside the entries of one page: the id,
// the envelope, the epoch and the numbers, at their longest.
const replyOverhead = 768

// roomOverhead is what one room takes in a reply beside its entries.
const roomOverhead = protocol.MaxRoomBytes + 256

func start(f protocol.From) msglog.Start {
	s := msglog.Start{Epoch: f.Epoch, Since: f.Since}
	if f.Last != nil {
		s.Last = *f.Last
	}
	return s
}

// read returns a page that fits into one frame, and wakes a drainer if one
// should be awake and is not: so a member that comes back also heals a room
// whose publisher died before it could wake anybody.
func (m *Message) read(ctx context.Context, name string, from msglog.Start, limit int) (protocol.JoinResult, error) {
	encoded := map[uint64]jsontext.Value{}
	var failure error
	page, err := m.Log.Read(ctx, name, from, msglog.Budget{
		Entries: limit,
		Bytes:   protocol.FrameBytes - replyOverhead,
		Size: func(e msglog.Entry) int {
			if _, ok := encoded[e.Seq]; !ok {
				b, err := broadcast.EncodeEntry(e)
				if err != nil {
					failure = err
				}
				encoded[e.Seq] = b
			}
			return len(encoded[e.Seq]) + 1
		},
	})
	if err != nil {
		return protocol.JoinResult{}, err
	}
	if page.Pending {
		m.courtesy(ctx, broadcast.Wake{Kind: broadcast.KindDrain, Room: name})
	}
	result := protocol.JoinResult{
		Epoch: page.Epoch, Head: page.Head, Recovered: page.Recovered,
		Messages: make([]jsontext.Value, 0, len(page.Entries)), More: page.More, Oldest: page.Oldest,
	}
	for _, e := range page.Entries {
		result.Messages = append(result.Messages, encoded[e.Seq])
	}
	return result, failure
}

// fitRooms cuts the pages of several rooms so that they share one frame. What
// is cut off is flagged with more.
func fitRooms(results map[string]protocol.RoomResult) {
	left := protocol.FrameBytes - replyOverhead - len(results)*roomOverhead
	for _, name := range slices.Sorted(maps.Keys(results)) {
		page := results[name].JoinResult
		if page == nil {
			continue
		}
		for i, message := range page.Messages {
			if left -= len(message) + 1; left < 0 {
				page.Messages, page.More = page.Messages[:i], true
				left = 0
				break
			}
		}
	}
}

// fitUsers lists as many users as fit into one frame; Count is all of them.
func fitUsers(users []room.User) (protocol.PresenceResult, error) {
	result := protocol.PresenceResult{Count: len(users), Users: make([]protocol.PresenceUser, 0, len(users))}
	left := protocol.FrameBytes - replyOverhead
	for _, u := range users {
		wire := protocol.PresenceUser{User: u.Name, Sessions: u.Sessions}
		b, err := protocol.Marshal(wire)
		if err != nil {
			return protocol.PresenceResult{}, err
		}
		if left -= len(b) + 1; left < 0 {
			break
		}
		result.Users = append(result.Users, wire)
	}
	return result, nil
}
