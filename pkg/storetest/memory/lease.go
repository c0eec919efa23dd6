package memory

import (
	"context"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// AcquireLease takes the drain lease.
func (l *Log) AcquireLease(ctx context.Context, p msglog.LeaseParams) (msglog.Head, bool, error) {
	if err := ctx.Err(); err != nil {
		return msglog.Head{}, false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	head, ours := l.held(p)
	switch {
	case head == nil:
		return msglog.Head{}, false, nil
	case ours && head.Generation == p.Generation+1:
		return *head, true, nil
	case head.Epoch != p.Epoch || head.Generation != p.Generation || !head.Pending() || head.Lease.Live(p.Now):
		return *head, false, nil
	}
	head.Lease = msglog.Lease{Owner: p.Owner, Until: stored(p.Until)}
	head.Generation++
	return *head, true, nil
}

// RenewLease extends the lease.
func (l *Log) RenewLease(ctx context.Context, p msglog.LeaseParams) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	head, held := l.held(p)
	if !held {
		return msglog.ErrLeaseLost
	}
	if until := stored(p.Until); until.After(head.Lease.Until) {
		head.Lease.Until = until
	}
	head.Generation++
	advance(head, p)
	return nil
}

// ReleaseLease gives the lease back if nothing came since.
func (l *Log) ReleaseLease(ctx context.Context, p msglog.LeaseParams) (msglog.Head, bool, error) {
	if err := ctx.Err(); err != nil {
		return msglog.Head{}, false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	head, held := l.held(p)
	switch {
	case held && head.Seq == p.Delivered:
		head.Delivered, head.PendingSince, head.Retention, head.Lease = p.Delivered, time.Time{}, 0, msglog.Lease{}
		head.Generation++
		return *head, true, nil
	case held:
		return *head, false, nil
	case givenBack(head, p):
		return *head, true, nil
	}
	return msglog.Head{}, false, msglog.ErrLeaseLost
}

// AbandonLease gives the lease back before everything is delivered.
func (l *Log) AbandonLease(ctx context.Context, p msglog.LeaseParams) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	head, held := l.held(p)
	switch {
	case held:
		advance(head, p)
		head.Lease = msglog.Lease{}
		head.Generation++
		return nil
	case givenBack(head, p):
		return nil
	}
	return msglog.ErrLeaseLost
}

// advance moves the pointer, never back.
func advance(head *msglog.Head, p msglog.LeaseParams) {
	if p.Delivered < head.Delivered {
		return
	}
	head.Delivered = p.Delivered
	if !p.PendingSince.IsZero() {
		head.PendingSince = stored(p.PendingSince)
	}
}

// held returns the room's head and whether the caller holds its lease.
func (l *Log) held(p msglog.LeaseParams) (*msglog.Head, bool) {
	head := l.heads[p.Room]
	return head, head != nil && head.Epoch == p.Epoch && head.Lease.Owner == p.Owner
}

// givenBack reports whether the caller may have given the lease back before.
func givenBack(head *msglog.Head, p msglog.LeaseParams) bool {
	return head != nil && head.Epoch == p.Epoch && head.Lease.Owner == "" && head.Delivered >= p.Delivered
}
