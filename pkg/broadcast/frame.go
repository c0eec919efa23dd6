package broadcast

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// EncodeEntry returns an entry as clients see it.
func EncodeEntry(e msglog.Entry) (jsontext.Value, error) {
	wire := protocol.Entry{Seq: e.Seq, Void: true}
	if !e.Void {
		wire = protocol.Entry{Seq: e.Seq, User: e.User, At: e.At.UnixMilli(), Key: e.Key, Data: e.Data}
	}
	b, err := protocol.Marshal(wire)
	if err != nil && !e.Void {
		// An entry that cannot be shown must not stop the room.
		return EncodeEntry(msglog.Void(e.Seq))
	}
	return b, err
}

// message is an encoded entry on its way to the members.
type message struct {
	seq    uint64
	origin string
	at     time.Time // zero for a void
	json   jsontext.Value
}

// frame is the content of one post.
type frame struct {
	last uint64 // the highest number in it
	json []byte
}

// oldest returns the time of the oldest message that is for a connection, or zero
// if there is none.
func oldest(messages []message, connectionID string) time.Time {
	for _, m := range messages {
		if !m.at.IsZero() && !m.own(connectionID) {
			return m.at
		}
	}
	return time.Time{}
}

func newMessage(e msglog.Entry) (message, error) {
	b, err := EncodeEntry(e)
	if err != nil {
		return message{}, fmt.Errorf("encode entry %d: %w", e.Seq, err)
	}
	m := message{seq: e.Seq, origin: e.Origin, json: b}
	if !e.Void {
		m.at = e.At
	}
	return m, nil
}

// own reports whether the connection published the message itself.
func (m message) own(connectionID string) bool { return m.origin == connectionID && m.origin != "" }

// planner puts a room's messages into as few frames as the billing unit allows.
type planner struct {
	room, epoch string
	overhead    int
}

func newPlanner(room, epoch string) (planner, error) {
	empty, err := protocol.Marshal(protocol.NewMessages(room, epoch, []jsontext.Value{}))
	if err != nil {
		return planner{}, err
	}
	return planner{room, epoch, len(empty)}, nil
}

// frames returns the frames for one connection: all messages except its own, in
// order.
func (p planner) frames(messages []message, connectionID string) ([]frame, error) {
	var frames []frame
	var batch []jsontext.Value
	var last uint64
	size := p.overhead
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		b, err := protocol.Marshal(protocol.NewMessages(p.room, p.epoch, batch))
		frames, batch, size = append(frames, frame{last, b}), nil, p.overhead
		return err
	}
	for _, m := range messages {
		if m.own(connectionID) {
			continue
		}
		if len(batch) > 0 && size+len(m.json)+1 > protocol.FrameBytes {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		batch, last = append(batch, m.json), m.seq
		size += len(m.json) + 1
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return frames, nil
}
