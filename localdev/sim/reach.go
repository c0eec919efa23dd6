package sim

import (
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Reach is how often a run came to what only some classes come to.
type Reach struct {
	Epochs  int // that ended
	Members int // connections that were made
	Pages   int // of members, beyond the first of each reading
	Splits  int // frames that hold what did not fit into the one before
	Mores   int // answers that were cut
	Present int // answers about presence that were compared
}

func (k *checker) reached() Reach {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reach.Epochs, k.reach.Members = len(k.lost), len(k.links)
	return k.reach
}

// framed checks that several messages share a frame only if it is no larger than
// one billing unit, and counts the frames that had to be split: rounds of a drain
// are further apart.
func (k *checker) framed(c *client, l *link, r reply, bytes int) {
	if n := len(r.Messages); n > 1 && bytes > protocol.FrameBytes {
		k.fail(sound, r.Room, "%s got a frame of %d bytes with %d messages", c.name(), bytes, n)
	}
	if len(r.Messages) == 0 {
		k.fail(sound, r.Room, "%s got a frame with no messages", c.name())
		return
	}
	last := l.pushed
	l.pushed.log, l.pushed.at, l.pushed.bytes = line{r.Room, r.Epoch}, k.w.now(), bytes
	l.pushed.seq = r.Messages[len(r.Messages)-1].Seq
	const apart = 60 * time.Millisecond
	if last.log == l.pushed.log && r.Messages[0].Seq > last.seq && k.w.now()-last.at < apart && last.bytes+bytes > protocol.FrameBytes {
		k.mu.Lock()
		k.reach.Splits++
		k.mu.Unlock()
	}
}
