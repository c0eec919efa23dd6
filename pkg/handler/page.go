package handler

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// frameLeft returns the bytes that the reply to a command leaves in one frame.
// answer has empty lists and its longest values otherwise. A command without an
// id gets no reply; its budget is that of an empty id.
func frameLeft(id protocol.ID, answer any) (int, error) {
	frame, err := protocol.EncodeOK(id, answer)
	return protocol.FrameBytes - len(frame), err
}

// longestPage is the largest page without entries. The budget is needed before
// the log is read, and the page is known only afterwards.
var longestPage = protocol.JoinResult{
	Epoch: strings.Repeat(`"`, protocol.MaxEpochBytes), Head: protocol.MaxInteger,
	Messages: []jsontext.Value{}, Oldest: protocol.MaxInteger,
}

func start(f protocol.From) msglog.Start {
	s := msglog.Start{Epoch: f.Epoch, Since: f.Since}
	if f.Last != nil {
		s.Last = *f.Last
	}
	return s
}

// read returns a page that fits into one frame. It wakes a drainer if one is
// needed and none is at work: a member that comes back thereby repairs a room whose
// publisher died before it could wake anybody.
func (m *Commands) read(ctx context.Context, c *call, name string, from msglog.Start, limit int) (protocol.JoinResult, error) {
	left, err := frameLeft(c.command.ID, longestPage)
	if err != nil {
		return protocol.JoinResult{}, err
	}
	encoded := map[uint64]jsontext.Value{}
	var failure error
	page, err := m.Log.Read(ctx, name, from, msglog.Budget{
		Entries: limit,
		Bytes:   left,
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

// fitRooms fits the pages of several rooms into one frame, in the order of the
// rooms' names. It cuts what does not fit and sets more. answer is the whole
// reply, which holds the results.
func fitRooms(id protocol.ID, answer any, results map[string]protocol.RoomResult) error {
	pages := make(map[string][]jsontext.Value, len(results))
	for name, result := range results {
		if page := result.JoinResult; page != nil {
			pages[name], page.Messages = page.Messages, []jsontext.Value{}
		}
	}
	left, err := frameLeft(id, answer)
	if err != nil {
		return err
	}
	full := false
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		page, all := results[name].JoinResult, pages[name]
		for i, message := range all {
			size := listed(message, i)
			if full = full || size > left; full {
				page.More = true // not longer than false in JSON
				break
			}
			page.Messages, left = all[:i+1], left-size
		}
	}
	return nil
}

// listed returns the size of an array element at index, with its comma.
func listed(element []byte, index int) int { return len(element) + min(index, 1) }

// fitUsers returns as many users as fit into one frame; Count counts all of them.
func fitUsers(id protocol.ID, users []room.User) (protocol.PresenceResult, error) {
	result := protocol.PresenceResult{Count: len(users), Users: []protocol.PresenceUser{}}
	left, err := frameLeft(id, result)
	if err != nil {
		return protocol.PresenceResult{}, err
	}
	for i, u := range users {
		wire := protocol.PresenceUser{User: u.Name, Sessions: u.Sessions}
		b, err := protocol.Marshal(wire)
		if err != nil {
			return protocol.PresenceResult{}, err
		}
		if left -= listed(b, i); left < 0 {
			break
		}
		result.Users = append(result.Users, wire)
	}
	return result, nil
}
