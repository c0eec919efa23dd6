package sim

import (
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// follow is a client's view of one room: what an SDK keeps.
type follow struct {
	want    bool // the application wants to be in
	joined  bool // the present connection has joined
	started bool // a position is known
	gap     bool // history must be asked
	cut     bool // the last answer did not hold all that there is
	behind  bool // live delivery has stopped: join again
	strange bool // entries of another epoch came since the room was last asked about
	denied  bool // the server refused for good
	flapped bool // left and joined without waiting: what is wanted must be said anew

	epoch    string
	from     uint64 // where the position began
	last     uint64 // highest number handed to the application
	buffer   map[uint64]protocol.Entry
	own      map[uint64]bool          // of the buffer: known by our own reply
	came     map[uint64]time.Duration // of the buffer: when
	aside    shelf                    // of another epoch, that the server may say to go on with
	handed   []handed
	before   []run         // what was handed on before positions that were given up
	joinedAt time.Duration // when the present connection had joined
	leftAt   time.Duration // when a leave was acknowledged; 0: not since a join
}

// handed is an entry as the application got it.
type handed struct {
	protocol.Entry
	at    time.Duration
	epoch string
	// live says that the member had joined, on the same connection, at since.
	since time.Duration
	own   bool
	// came is when it was pushed: it may have waited for one before it.
	came time.Duration
}

// run is what was handed on from one position, which may be lost in the end.
type run struct {
	from   uint64
	handed []handed
}

// all is everything that was handed to the application.
func (f *follow) all() []handed {
	var all []handed
	for _, r := range f.before {
		all = append(all, r.handed...)
	}
	return append(all, f.handed...)
}

// shelf is entries of one epoch, and which of them are known by our own reply.
type shelf struct {
	epoch  string
	buffer map[uint64]protocol.Entry
	own    map[uint64]bool
}

// putAside empties the buffer onto the shelf.
func (f *follow) putAside() {
	f.aside = shelf{f.epoch, f.buffer, f.own}
	f.buffer, f.own = map[uint64]protocol.Entry{}, map[uint64]bool{}
}

// restart starts anew in another epoch, with all of it that there is.
func (f *follow) restart(epoch string, head, oldest uint64) {
	if oldest > 0 {
		head = oldest - 1
	}
	f.reset(head)
	f.epoch = epoch
	f.buffer, f.own = map[uint64]protocol.Entry{}, map[uint64]bool{}
	if f.aside.epoch == epoch && epoch != "" {
		f.buffer, f.own = f.aside.buffer, f.aside.own
		f.aside = shelf{}
	}
}

// reset starts anew at the head, since what follows the position is lost.
func (f *follow) reset(head uint64) {
	f.before = append(f.before, run{f.from, f.handed})
	f.from, f.last, f.handed = head, head, nil
}

func newFollow() *follow {
	return &follow{buffer: map[uint64]protocol.Entry{}, own: map[uint64]bool{}, came: map[uint64]time.Duration{}}
}

// take buffers entries of an epoch and hands on. Those of another epoch than the
// position's are put aside: one of the two logs is gone, and the server alone
// knows which, so it is asked for what follows the position.
func (f *follow) take(now time.Duration, epoch string, entries []protocol.Entry, own bool) {
	switch {
	case len(entries) == 0:
		return
	case f.epoch == "":
		f.epoch = epoch
	case epoch != f.epoch:
		f.strange, f.gap = true, true
		if f.aside.epoch != epoch {
			f.aside = shelf{epoch, map[uint64]protocol.Entry{}, map[uint64]bool{}}
		}
		for _, e := range entries {
			f.aside.buffer[e.Seq] = e
			if own {
				f.aside.own[e.Seq] = true
			}
		}
		return
	}
	for _, e := range entries {
		if f.started && e.Seq <= f.last {
			continue
		}
		if _, ok := f.buffer[e.Seq]; !ok || f.own[e.Seq] {
			f.buffer[e.Seq], f.own[e.Seq], f.came[e.Seq] = e, own, now
		}
	}
	if !f.started {
		return
	}
	f.hand(now)
}

// hand hands on what follows the position without a gap.
func (f *follow) hand(now time.Duration) {
	for {
		e, ok := f.buffer[f.last+1]
		if !ok {
			break
		}
		delete(f.buffer, f.last+1)
		f.last++
		f.handed = append(f.handed, handed{Entry: e, at: now, epoch: f.epoch, since: f.joinedAt, own: f.own[f.last], came: f.came[f.last]})
	}
	for seq := range f.buffer {
		if seq <= f.last {
			delete(f.buffer, seq)
		}
	}
	for seq := range f.own {
		if seq <= f.last {
			delete(f.own, seq)
		}
	}
}

// missing is the numbers between the position and the lowest that was pushed
// and waits for them. What waits by our own reply alone is no sign of a gap:
// the others' messages before it are on their way.
func (f *follow) missing() []uint64 {
	least := ^uint64(0)
	for seq := range f.buffer {
		if !f.own[seq] {
			least = min(least, seq)
		}
	}
	if !f.started || least == ^uint64(0) {
		return nil
	}
	var missing []uint64
	for seq := f.last + 1; seq < least; seq++ {
		if _, ok := f.buffer[seq]; !ok {
			missing = append(missing, seq)
		}
	}
	return missing
}
