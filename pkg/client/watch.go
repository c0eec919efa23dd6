package client

import (
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// watch pings when the line is silent and ends it when nothing answers, until
// the link ends. Where it comes late, the program was stopped or frozen for a
// while, and an answer may wait unread: that says nothing of the line, once.
func (l *link) watch(heartbeat time.Duration) {
	wake := newAlarm(l.client.clock)
	defer wake.stop()
	for {
		now := l.client.clock.Now()
		due, waiting := l.due(heartbeat)
		switch late := now.Sub(due); {
		case late < 0:
			wake.set(-late)
			select {
			case <-wake.C:
			case <-l.poke:
			case <-l.done:
				return
			}
		case waiting && (late <= maxLate || !l.excuse()):
			l.end(ErrNoAnswer, false)
			return
		case waiting:
			l.ping(now.Add(doubtTimeout), false)
		case late > heartbeat:
			l.ping(now.Add(doubtTimeout), true)
		default:
			l.ping(now.Add(pingTimeout), false)
		}
	}
}

// due is when to ping, or when to give up a ping that waits for its answer.
func (l *link) due(heartbeat time.Duration) (at time.Time, waiting bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.deadline.IsZero() {
		return l.deadline, true
	}
	silent, mute := l.heard.Add(heartbeat), l.spoke.Add(maxSilence)
	if mute.Before(silent) {
		return mute, false
	}
	return silent, false
}

// excuse takes back a ping that was to be given up, unless nothing was heard
// since the last time.
func (l *link) excuse() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := !l.excused
	l.excused, l.deadline = true, time.Time{}
	return first
}

// ping asks for a sign of life until a deadline. With doubt, a sync follows it.
func (l *link) ping(deadline time.Time, doubt bool) {
	l.mu.Lock()
	if l.deadline.IsZero() || deadline.Before(l.deadline) {
		l.deadline = deadline
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
			refresh.set(max(expires-time.Minute, expires*4/5))
		}
	}
	plan(tokenExpires)
	nextSync := func() {
		sync.set(time.Duration(float64(c.options.SyncEvery) * (0.8 + 0.4*c.options.Rand())))
	}
	nextSync()
	tries := 0
	for {
		select {
		case <-l.done:
			return
		case <-sync.C:
			c.sync(l)
			nextSync()
			continue
		case <-refresh.C:
		case <-l.renew:
		}
		expires, err := c.refresh(l)
		if err != nil {
			c.complain(err)
			refresh.set(pause(err) + time.Second + c.options.backoff(tries))
			tries++
			continue
		}
		tries = 0
		plan(expires)
	}
}
