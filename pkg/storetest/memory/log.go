package memory

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

var _ msglog.Store = (*Log)(nil)

// Log keeps heads, marks and entries. It is safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	heads   map[string]*msglog.Head
	marks   map[markKey]mark
	entries map[logKey]map[uint64]entry
}

type markKey struct{ room, user, key string }

type mark struct {
	position msglog.Position
	expires  time.Time
}

type logKey struct{ room, epoch string }

type entry struct {
	msglog.Entry
	expires time.Time
}

// NewLog returns an empty Log.
func NewLog() *Log {
	return &Log{
		heads:   map[string]*msglog.Head{},
		marks:   map[markKey]mark{},
		entries: map[logKey]map[uint64]entry{},
	}
}

// Head reads a head.
func (l *Log) Head(ctx context.Context, room string) (msglog.Head, error) {
	if err := ctx.Err(); err != nil {
		return msglog.Head{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if head := l.heads[room]; head != nil {
		return *head, nil
	}
	return msglog.Head{}, nil
}

// TakeNumber hands out a number.
func (l *Log) TakeNumber(ctx context.Context, p msglog.TakeParams) (msglog.Head, error) {
	if err := ctx.Err(); err != nil {
		return msglog.Head{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	head := l.heads[p.Room]
	if head == nil {
		head = &msglog.Head{Epoch: p.FreshEpoch, Shards: 1}
		l.heads[p.Room] = head
	}
	if head.PendingSince.IsZero() {
		head.PendingSince = stored(p.Now)
	}
	if retention := p.Retention.Truncate(time.Millisecond); head.Retention == 0 || retention < head.Retention {
		head.Retention = retention
	}
	head.Seq++
	return *head, nil
}

// StartOver ends an epoch of the log.
func (l *Log) StartOver(ctx context.Context, p msglog.StartOverParams) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if head := l.heads[p.Room]; head != nil && head.Epoch == p.Epoch {
		*head = msglog.Head{Epoch: p.FreshEpoch, Generation: head.Generation + 1, Shards: head.Shards}
	}
	return nil
}

// Mark claims a key.
func (l *Log) Mark(ctx context.Context, p msglog.MarkParams) (msglog.Position, error) {
	if err := ctx.Err(); err != nil {
		return msglog.Position{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := markKey{p.Room, p.User, p.Key}
	if m, ok := l.marks[k]; ok && !gone(m.expires, p.Now) {
		return m.position, nil
	}
	l.marks[k] = mark{p.Position, p.Expires}
	return p.Position, nil
}

// MoveMark moves a key.
func (l *Log) MoveMark(ctx context.Context, p msglog.MoveParams) (msglog.Position, error) {
	if err := ctx.Err(); err != nil {
		return msglog.Position{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := markKey{p.Room, p.User, p.Key}
	m, ok := l.marks[k]
	if ok && m.position != p.From {
		return m.position, nil
	}
	if p.Expires.After(m.expires) {
		m.expires = p.Expires
	}
	l.marks[k] = mark{p.To, m.expires}
	return p.To, nil
}

// Fill writes an entry.
func (l *Log) Fill(ctx context.Context, p msglog.FillParams) (msglog.Entry, bool, error) {
	if err := ctx.Err(); err != nil {
		return msglog.Entry{}, false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	log := l.entries[logKey{p.Room, p.Epoch}]
	if log == nil {
		log = map[uint64]entry{}
		l.entries[logKey{p.Room, p.Epoch}] = log
	}
	if e, ok := log[p.Entry.Seq]; ok {
		return copyOf(e.Entry), false, nil
	}
	e := copyOf(p.Entry)
	e.At = stored(e.At)
	log[e.Seq] = entry{e, p.Expires}
	return copyOf(e), true, nil
}

// Entries reads entries.
func (l *Log) Entries(ctx context.Context, p msglog.RangeParams) ([]msglog.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	log := l.entries[logKey{p.Room, p.Epoch}]
	stand := make([]uint64, 0, len(log))
	for seq := range log {
		if seq > p.After && seq <= p.Upto {
			stand = append(stand, seq)
		}
	}
	slices.Sort(stand)
	limit := min(max(p.Limit, 0), len(stand))
	if p.Backward {
		stand = stand[len(stand)-limit:]
	} else {
		stand = stand[:limit]
	}
	var found []msglog.Entry
	for _, seq := range stand {
		if e := log[seq]; !gone(e.expires, p.Now) {
			found = append(found, copyOf(e.Entry))
		}
	}
	return found, nil
}

func copyOf(e msglog.Entry) msglog.Entry {
	e.Data = bytes.Clone(e.Data)
	return e
}
