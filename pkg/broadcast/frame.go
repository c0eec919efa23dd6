package broadcast

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// EncodeEntry is an entry as clients see it.
func EncodeEntry(e msglog.Entry) (jsontext.Value, error) {
	wire := protocol.Entry{Seq: e.Seq, Void: true}
	if !e.Void {
		wire = protocol.Entry{Seq: e.Seq, User: e.User, At: e.At.UnixMilli(), Key: e.Key, Data: e.Data}
	}
	b, err := protocol.Marshal(wire)
	if err != nil && !e.Void {
		// What is in the log but cannot be shown must not stop the room.
		return EncodeEntry(msglog.Void(e.Seq))
	}
	return b, err
}

// letter is an encoded entry on its way.
type letter struct {
	seq     uint64
	origin  string
	at      time.Time // zero for a void
	json    jsontext.Value
	offered time.Time // since when it waits for the members
}

// frame is what one post carries.
type frame struct {
	last uint64 // the highest number in it
	json []byte
}

// oldest is when the first of the letters that are for a connection was
// published; zero if there is none.
func oldest(letters []letter, connectionID string) time.Time {
	for _, l := range letters {
		if !l.at.IsZero() && (l.origin != connectionID || l.origin == "") {
			return l.at
		}
	}
	return time.Time{}
}

func newLetter(e msglog.Entry, now time.Time) (letter, error) {
	b, err := EncodeEntry(e)
	if err != nil {
		return letter{}, fmt.Errorf("encode entry %d: %w", e.Seq, err)
	}
	l := letter{seq: e.Seq, origin: e.Origin, json: b, offered: now}
	if !e.Void {
		l.at = e.At
	}
	return l, nil
}

// planner puts letters of one room into as few frames as the billing unit
// allows.
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

// frames returns the frames for one connection: all letters but its own, in
// order.
func (p planner) frames(letters []letter, connectionID string) ([]frame, error) {
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
	for _, l := range letters {
		if l.origin == connectionID && l.origin != "" {
			continue
		}
		if len(batch) > 0 && size+len(l.json)+1 > protocol.FrameBytes {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		batch, last = append(batch, l.json), l.seq
		size += len(l.json) + 1
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return frames, nil
}
