package dynamo

import (
	"context"
	"maps"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// AcquireLease takes the drain lease: 1 WRU, even if it is refused. Because of
// the condition on the generation, an attempt whose answer was lost cannot take
// effect after the lease has changed hands. Functions of a release that did not
// count generations do not change it, so the condition on the lease itself stays.
func (l *Log) AcquireLease(ctx context.Context, p msglog.LeaseParams) (msglog.Head, bool, error) {
	values := item{
		":owner": text(p.Owner), ":until": millis(p.Until), ":now": millis(p.Now), ":e": text(p.Epoch), ":one": number(1),
	}
	generation := "attribute_not_exists(lg)"
	if p.Generation > 0 {
		generation = "lg = :g"
		values[":g"] = number(p.Generation)
	}
	i, err := l.head(p.Room, "ADD lg :one SET lo = :owner, lu = :until",
		"e = :e AND "+generation+" AND (attribute_not_exists(d) OR d < n)"+
			" AND (attribute_not_exists(lo) OR attribute_not_exists(lu) OR lu <= :now)",
		values,
	).run(ctx, l.client, "acquire lease")
	if err == nil {
		return headOf(i), true, nil
	}
	found, err := existing(err)
	if err != nil {
		return msglog.Head{}, false, err
	}
	head := headOf(found)
	return head, holds(head, p) && head.Generation == p.Generation+1, nil
}

const (
	owned = "lo = :owner AND e = :e"
	// forward prevents the pointer from going back.
	forward = " AND (attribute_not_exists(d) OR d <= :d)"
	// longer prevents the lease's end from going back.
	longer = " AND (attribute_not_exists(lu) OR lu <= :until)"
)

// RenewLease extends the lease: 1 WRU. If the head is further on than the caller
// says, as after an earlier attempt that was late, one more WRU sets the rest.
func (l *Log) RenewLease(ctx context.Context, p msglog.LeaseParams) error {
	condition := owned + forward + longer
	for {
		values := item{":owner": text(p.Owner), ":e": text(p.Epoch), ":until": millis(p.Until), ":one": number(1)}
		if condition != owned+forward+longer {
			values[":g"] = number(p.Generation)
		}
		set, values := pointer(p, values)
		found, err := l.attempt(ctx, "renew lease", l.head(p.Room, "ADD lg :one SET lu = :until, "+set, condition, values))
		if err != nil || found == nil {
			return err
		}
		if !holds(*found, p) {
			return msglog.ErrLeaseLost
		}
		if found.Delivered > p.Delivered {
			p.Delivered, p.PendingSince = found.Delivered, time.Time{}
		}
		if found.Lease.Until.After(p.Until) {
			p.Until = found.Lease.Until
		}
		p.Generation, condition = found.Generation, owned+" AND lg = :g"
	}
}

// ReleaseLease gives the lease back if nothing came since: 1 WRU in either case.
func (l *Log) ReleaseLease(ctx context.Context, p msglog.LeaseParams) (msglog.Head, bool, error) {
	i, err := l.head(p.Room, "ADD lg :one SET d = :d REMOVE lo, lu, q, qr", owned+" AND n = :d",
		item{":owner": text(p.Owner), ":e": text(p.Epoch), ":d": number(p.Delivered), ":one": number(1)},
	).run(ctx, l.client, "release lease")
	if err == nil {
		return headOf(i), true, nil
	}
	found, err := existing(err)
	if err != nil {
		return msglog.Head{}, false, err
	}
	head := headOf(found)
	if holds(head, p) || givenBack(head, p) {
		return head, !holds(head, p), nil
	}
	return msglog.Head{}, false, msglog.ErrLeaseLost
}

// AbandonLease gives the lease back before everything is delivered: 1 WRU. If the
// pointer is further on than the holder says, it stays, at the cost of one more
// WRU.
func (l *Log) AbandonLease(ctx context.Context, p msglog.LeaseParams) error {
	values := item{":owner": text(p.Owner), ":e": text(p.Epoch), ":one": number(1)}
	set, moved := pointer(p, values)
	found, err := l.attempt(ctx, "abandon lease", l.head(p.Room, "ADD lg :one SET "+set+" REMOVE lo, lu", owned+forward, moved))
	if err == nil && found != nil && holds(*found, p) {
		found, err = l.attempt(ctx, "abandon lease", l.head(p.Room, "ADD lg :one REMOVE lo, lu", owned, values))
	}
	if err == nil && found != nil && !givenBack(*found, p) {
		return msglog.ErrLeaseLost
	}
	return err
}

// holds reports whether the head says that the caller holds the lease.
func holds(head msglog.Head, p msglog.LeaseParams) bool {
	return head.Epoch == p.Epoch && head.Lease.Owner == p.Owner
}

// givenBack reports whether a head looks as if the answer to our first attempt to
// give the lease back was lost: nobody holds it, and everything that we delivered
// is recorded. It does not matter if another holder did that after us: anybody
// who took a number since has seen that no drainer is at work.
func givenBack(head msglog.Head, p msglog.LeaseParams) bool {
	return head.Epoch == p.Epoch && head.Lease.Owner == "" && head.Delivered >= p.Delivered
}

// head is a conditional update of a room's head.
func (l *Log) head(room, expression, condition string, values item) update {
	return update{
		table: l.rooms, key: key(headKey(room), text(headSort)),
		set: expression, condition: condition, values: values,
	}
}

// attempt performs an update and returns nil, or the head that refused it.
func (l *Log) attempt(ctx context.Context, operation string, u update) (*msglog.Head, error) {
	_, err := u.run(ctx, l.client, operation)
	if err == nil {
		return nil, nil
	}
	found, err := existing(err)
	if err != nil {
		return nil, err
	}
	head := headOf(found)
	return &head, nil
}

// pointer sets how far delivery has come, and since when the rest has been
// pending.
func pointer(p msglog.LeaseParams, values item) (string, item) {
	values = maps.Clone(values)
	values[":d"] = number(p.Delivered)
	if p.PendingSince.IsZero() {
		return "d = :d", values
	}
	values[":q"] = millis(p.PendingSince)
	return "d = :d, q = :q", values
}
