package client

import (
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// watch pings when the line is silent and ends it when nothing answers, until
// the link ends. Where it comes late, the program was stopped or frozen for a
// while, and an answer may wait unread: that is a reason for doubt, once. So are
// a sleep, and a clock that was set.
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

// due is when to ping, or when to give up a ping that waits for its answer, and
// whether that was sent in doubt.
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

// ping asks for a sign of life within a time; a further one does not give a dead
// line more of it. With doubt, a sync follows the answer.
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

// tend refreshes the token before it expires and asks now and then whether
// anything was missed, until the link ends.
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
			renew = nil // who asks for it meanwhile waits too
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
