package sim

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
)

// Delay is the time from an acknowledgement until one member that was there all
// the time had the message, 0 if it had it before.
type Delay struct {
	Time  time.Duration
	Stuck bool // of a class that is Swift: a fault is about the member
}

// settled checks what the run left behind once nothing moves any more, and
// measures the delays. Nobody has said anything for minutes.
func (k *checker) settled(s state, clients []*client) []Delay {
	k.denseLog(s)
	k.restore(s)
	k.onceByKey(s)
	k.keptAcks(s)
	k.ownGaps(s)
	var delays []Delay
	for _, c := range clients {
		for room, f := range c.follows {
			delays = append(delays, k.complete(s, c, room, f)...)
		}
	}
	return delays
}

// owned checks that every trace in the tables belongs to a connection that is
// open, or ended less than two sweeps ago, and every membership to a client that
// is in, and sees of presence what the connection's token grants. Nobody has come
// or gone for minutes, but API Gateway may just have found a peer idle that was
// dead all the time.
func (k *checker) owned(s state, open map[string]bool) {
	fresh := func(id string) bool {
		k.mu.Lock()
		ended := k.links[id].ended
		k.mu.Unlock()
		return ended > 0 && k.sweepsSince(ended) < 2
	}
	for _, id := range s.connections {
		if !open[id] && !fresh(id) {
			k.fail(stale, "", "connection %s is registered and not open", id)
		}
	}
	for _, m := range s.members {
		room, id, _ := strings.Cut(m, " ")
		k.mu.Lock()
		c := k.links[id].client
		k.mu.Unlock()
		switch {
		case !open[id] && fresh(id):
		case !open[id] || c == nil:
			k.fail(stale, room, "membership %s is there, the connection is not open", m)
		case k.w.bannedAt(c.User, room) > 0:
			k.fail(permission, room, "%s is a member of %s, where the application refuses it", c.name(), room)
		case c.follows[room] == nil || (!c.follows[room].want && c.follows[room].leftAt > 0):
			k.fail(permission, room, "%s is a member of %s, which it left or never joined", c.name(), room)
		}
		token := auth.Identity{Permissions: s.permissions[id]}
		if sees := (auth.Policy{Open: true}).Allows(token, auth.Presence, room); sees == s.blind[m] {
			k.fail(permission, room, "membership %s is told who comes and goes: %v; its token grants it: %v", m, !s.blind[m], sees)
		}
	}
}

func (k *checker) denseLog(s state) {
	logs := map[line]incarnation{}
	k.mu.Lock()
	maps.Copy(logs, k.lost)
	k.mu.Unlock()
	for room, h := range s.heads {
		if _, over := logs[line{room, h.epoch}]; over {
			k.fail(dense, room, "epoch %s begins for a second time", h.epoch)
		}
		logs[line{room, h.epoch}] = incarnation{seq: h.seq, delivered: h.delivered}
	}
	for log, h := range logs {
		for seq := uint64(1); seq <= h.delivered; seq++ {
			at := place{log.room, log.epoch, seq}
			k.mu.Lock()
			_, written := k.written[at]
			k.mu.Unlock()
			_, stands := s.entries[at]
			if !written || (!stands && k.w.class.Retention == 0) {
				k.fail(dense, log.room, "nothing stands at %v, which counts as delivered (head %d, delivered %d)", at, h.seq, h.delivered)
			}
		}
	}
	for at, e := range s.entries {
		if h, ok := logs[at.log()]; !ok || at.seq > h.seq || at.seq == 0 {
			k.fail(dense, at.room, "entry %v is beyond the head, which is at %d", at, h.seq)
		}
		k.mu.Lock()
		had := k.written[at]
		k.mu.Unlock()
		if had != e {
			k.fail(dense, at.room, "entry %v was written as %v and is %v now", at, had, e)
		}
	}
	k.mu.Lock()
	written := len(k.written)
	k.mu.Unlock()
	if written != len(s.entries) && k.w.class.Retention == 0 {
		k.fail(dense, "", "%d entries were written, %d are there", written, len(s.entries))
	}
}

// restore puts back what has expired, so that what follows can ask what stood
// there.
func (k *checker) restore(s state) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.Copy(s.entries, k.written)
}

func (k *checker) onceByKey(s state) {
	type owner struct{ room, user, key string }
	places := map[owner][]place{}
	for at, e := range s.entries {
		if e.void || e.key == "" {
			continue
		}
		o := owner{at.room, e.user, e.key}
		places[o] = append(places[o], at)
	}
	for o, all := range places {
		if len(all) > 1 && !k.apart(all) {
			k.fail(once, o.room, "key %s of %s stands at %v", o.key, o.user, all)
		}
	}
	plain := map[string][]uint64{}
	for at, e := range s.entries {
		if !e.void && e.key == "" {
			id := at.room + " " + e.user + " " + e.data
			plain[id] = append(plain[id], at.seq)
		}
	}
	for id, seqs := range plain {
		if len(seqs) > 1 {
			k.fail(once, "", "message without a key, sent once, stands twice: %s at %v", id, seqs)
		}
	}
}

func (k *checker) keptAcks(s state) {
	for _, m := range k.acks {
		at := m.place()
		e, ok := s.entries[at]
		if !ok || e.void || e.data != m.data || e.user != m.user || e.key != m.key {
			k.fail(kept, m.room, "%s %s was acknowledged as %v, where there is %v", m.user, m.data, at, e)
		}
		if h := s.heads[m.room]; h.delivered < at.seq && !k.over(at.log()) {
			k.fail(kept, m.room, "%v was acknowledged at %v and never drained: the pointer is at %d (lease %q)", at, m.acked, h.delivered, h.owner)
		}
	}
}

// apart reports whether a key was free again each time it was used, since its
// window had passed.
func (k *checker) apart(all []place) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(k.writtenAt[a], k.writtenAt[b]) })
	for i, at := range all[1:] {
		if window := k.w.class.window(); window == 0 || k.writtenAt[at]-k.writtenAt[all[i]] < window-time.Second {
			return false
		}
	}
	return true
}

// ownGaps: where the platform does its part, the only numbers that a push skips
// are the member's own, and those at which a message may have expired before
// anybody was served it.
func (k *checker) ownGaps(s state) {
	if !k.w.class.Strict {
		return
	}
	for _, g := range k.gaps {
		for _, seq := range g.missing {
			at := place{g.room, g.epoch, seq}
			if e := s.entries[at]; e.origin != g.link && !k.unknown[at] {
				k.fail(seam, g.room, "at %v, %s was pushed what comes after %d, but not %d itself: %v", g.at, g.client, seq, seq, e)
			}
		}
	}
}

// complete checks that a client which wants a room has all of it, as it stands
// in the log.
func (k *checker) complete(s state, c *client, room string, f *follow) []Delay {
	h := s.heads[room]
	for _, run := range append(slices.Clone(f.before), run{f.from, f.handed}) {
		for i, e := range run.handed {
			at := place{room, e.epoch, e.Seq}
			if e.epoch != run.handed[0].epoch {
				k.fail(order, room, "%s was handed %v as if it followed %s", c.name(), at, run.handed[0].epoch)
			}
			if want := run.from + 1 + uint64(i); e.Seq != want {
				k.fail(order, room, "%s was handed %d where %d was due", c.name(), e.Seq, want)
			}
			stands := s.entries[at]
			if e.Void && k.unknown[at] && k.w.class.Retention > 0 && e.at > k.writtenAt[at]+k.w.class.Retention-time.Second {
				continue // it had expired before it was delivered
			}
			if stands.void != e.Void || stands.data != string(e.Data) || stands.user != e.User {
				k.fail(dense, room, "%s was handed %s %s as %v, where the log has %v", c.name(), e.User, e.Data, at, stands)
			}
		}
	}
	if c.ended == "" && k.w.revokedAt(c.User) > 0 {
		k.fail(permission, room, "%s goes on though its tokens were taken back", c.name())
	}
	if c.ended == "" && f.want && !f.denied && k.w.bannedAt(c.User, room) == 0 {
		if c.link == nil || !f.joined {
			k.fail(kept, room, "%s did not come back (connected %t)", c.name(), c.link != nil)
		} else if k.lacks(s, c, room, f, h) {
			k.fail(kept, room, "%s is in the room, has %s/%d, and %s/%d is delivered", c.name(), f.epoch, f.last, h.epoch, h.delivered)
		}
	}
	return k.delays(c, room, f)
}

// lacks reports whether anything is delivered above last that the client ought
// to have. Its own messages are not pushed to it: those whose acknowledgement was
// lost, and that it did not publish again, it meets in its next sync only. One
// that never asks keeps what comes after them in its buffer.
func (k *checker) lacks(s state, c *client, room string, f *follow, h head) bool {
	last := f.last
	if f.epoch != h.epoch {
		last = 0
	}
	for seq := last + 1; seq <= h.delivered; seq++ {
		e := s.entries[place{room, h.epoch, seq}]
		own := !e.void && k.links[e.origin].client == c
		_, came := f.buffer[seq]
		if k.w.class.PushOnly && f.epoch == h.epoch && came {
			continue
		}
		if k.w.class.Sync || !own || (e.key != "" && !c.gaveUp(e.key) && (!f.own[seq] || f.epoch != h.epoch)) {
			return true
		}
	}
	return false
}

// gaveUp reports whether a client does not publish a message again whose
// acknowledgement was lost. The caller holds c.mu.
func (c *client) gaveUp(key string) bool {
	for _, m := range c.messages {
		if m.key == key {
			return m.most > 0 && m.acked < 0
		}
	}
	return false
}

func (k *checker) delays(c *client, room string, f *follow) []Delay {
	acked := map[place]*message{}
	for _, m := range k.acks {
		if m.room == room && (m.acked < acked[m.place()].at()) {
			acked[m.place()] = m
		}
	}
	stuck := k.w.class.Swift && k.w.hit(c)
	var delays []Delay
	all := f.all()
	for seq, e := range f.buffer {
		if k.w.class.PushOnly && !f.own[seq] {
			all = append(all, handed{Entry: e, came: f.came[seq], epoch: f.epoch, since: f.joinedAt})
		}
	}
	for _, e := range all {
		m := acked[place{room, e.epoch, e.Seq}]
		if m == nil || e.own || e.since > m.acked {
			continue
		}
		at := e.at
		if k.w.class.PushOnly { // who never asks waits for its own acknowledgement
			at = e.came
		}
		d := max(0, at-m.acked)
		delays = append(delays, Delay{d, stuck})
		bound, invariant := cmp.Or(k.w.Bound, k.w.class.Bound), kept
		if k.w.class.Swift {
			invariant = swift
		}
		if d > bound && !stuck {
			k.fail(invariant, room, "%s had %d only %v after its acknowledgement", c.name(), e.Seq, d)
		}
	}
	return delays
}

func (m *message) at() time.Duration {
	if m == nil {
		return 1 << 62
	}
	return m.acked
}

// clean checks that nothing is left of connections that are long gone.
func (k *checker) clean(s state) {
	for _, id := range s.connections {
		k.fail(stale, "", "connection %s is still registered", id)
	}
	for _, m := range s.members {
		k.fail(stale, "", "membership %s is still there", m)
	}
}
