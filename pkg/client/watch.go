package client

import (
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// watch pings when the connection is silent, and ends it when nothing answers,
// until the link ends. If its timer fires late, the program was stopped for a
// while and an answer may wait unread, so it pings again once, with a shorter
// time-out and a sync. It does the same after a sleep and after the clock was
// set.
func (l *link) watch(heartbeat time.Duration) {
	wake := newAlarm(l.client.clock)
	defer wake.stop()
	for {
		now := l.client.clock.Now()
		due, waiting, doubted := l.due(heartbeat)
		switch late := now.Sub(due); {
		case late > maxHeldBack || late < -maxSilence: // never so far ahead
			l.ping(doubtTimeout, true)
		case late < 0:
			wake.set(-late)
			select {
			case <-wake.C:
			case <-l.poke:
			case <-l.done:
				return
			}
		case waiting && (late <= maxLate || doubted):
			l.end(ErrNoAnswer, false)
			return
		case waiting:
			l.ping(doubtTimeout, true)
		default:
			l.ping(pingTimeout, false)
		}
	}
}

// due returns the time of the next ping or, while a ping waits for its answer,
// the time to give up, and whether that ping was sent in doubt.
func (l *link) due(heartbeat time.Duration) (at time.Time, waiting, doubted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.deadline.IsZero() {
		return l.deadline, true, l.doubted
	}
	silent, mute := l.heard.Add(heartbeat), l.spoke.Add(maxSilence)
	if mute.Before(silent) {
		return mute, false, false
	}
	return silent, false, false
}

// ping sends a ping that must be answered in time; a second ping does not extend
// the deadline. With doubt, a sync follows the answer.
func (l *link) ping(timeout time.Duration, doubt bool) {
	l.mu.Lock()
	now := l.client.clock.Now()
	if left := l.deadline.Sub(now); left <= 0 || left > timeout {
		l.deadline = now.Add(timeout)
	}
	l.doubted = l.doubted || doubt
	l.mu.Unlock()
	l.write([]byte(protocol.PingFrame))
	signal(l.poke)
}

// tend refreshes the token before it expires and syncs each SyncEvery, until the
// link ends.
func (l *link) tend(tokenExpires time.Duration) {
	c := l.client
	refresh, sync := newAlarm(c.clock), newAlarm(c.clock)
	defer refresh.stop()
	defer sync.stop()
	plan := func(expires time.Duration) {
		if expires > 0 {
			refresh.set(max(expires-renewBefore, expires*4/5))
		}
	}
	plan(tokenExpires)
	nextSync := func() {
		sync.set(time.Duration(float64(c.options.SyncEvery) * (0.8 + 0.4*c.options.Rand())))
	}
	nextSync()
	tries := 0
	renew := l.renew
	for {
		select {
		case <-l.done:
			return
		case <-sync.C:
			c.sync(l)
			nextSync()
			continue
		case <-refresh.C:
		case <-renew:
		}
		expires, err := c.refresh(l)
		if err != nil {
			c.complain(err)
			refresh.set(pause(err) + time.Second + c.options.backoff(tries))
			tries++
			renew = nil // requests wait for the next attempt too
			continue
		}
		select {
		case <-l.renew: // it asked for this one
		default:
		}
		tries, renew = 0, l.renew
		plan(expires)
	}
}
