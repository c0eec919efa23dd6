package dynamo

import (
	"context"
	"maps"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// AcquireLease takes the drain lease: 1 WRU, also when it is not to be had. The
// owner that holds it already gets it again, since the SDK repeats a call whose
// answer was lost.
func (l *Log) AcquireLease(ctx context.Context, p msglog.LeaseParams) (msglog.Head, error) {
	i, err := l.head(p.Room,
		"SET lo = :owner, lu = :until",
		"attribute_exists(n) AND (attribute_not_exists(d) OR d < n)"+
			" AND (attribute_not_exists(lo) OR attribute_not_exists(lu) OR lu <= :now OR lo = :owner)",
		item{":owner": text(p.Owner), ":until": millis(p.Until), ":now": millis(p.Now)},
	).run(ctx, l.client, "acquire lease")
	if err != nil {
		if _, err = standing(err); err != nil {
			return msglog.Head{}, err
		}
		return msglog.Head{}, msglog.ErrLeaseHeld
	}
	return headOf(i), nil
}

const (
	owned = "lo = :owner AND e = :e"
	// forward keeps the pointer from going back.
	forward = " AND (attribute_not_exists(d) OR d <= :d)"
)

// RenewLease prolongs the lease: 1 WRU. If the holder's own pointer is further
// on than it says, only the lease's end moves, for one more WRU.
func (l *Log) RenewLease(ctx context.Context, p msglog.LeaseParams) error {
	values := item{":owner": text(p.Owner), ":e": text(p.Epoch), ":until": millis(p.Until)}
	set, moved := pointer(p, values)
	found, err := l.attempt(ctx, "renew lease", l.head(p.Room, "SET lu = :until, "+set, owned+forward, moved))
	if err == nil && found != nil && holds(*found, p) {
		found, err = l.attempt(ctx, "renew lease", l.head(p.Room, "SET lu = :until", owned, values))
	}
	if err == nil && found != nil {
		return msglog.ErrLeaseLost
	}
	return err
}

// ReleaseLease gives the lease back if nothing came since: 1 WRU either way.
func (l *Log) ReleaseLease(ctx context.Context, p msglog.LeaseParams) (msglog.Head, bool, error) {
	i, err := l.head(p.Room, "SET d = :d REMOVE lo, lu, q", owned+" AND n = :d",
		item{":owner": text(p.Owner), ":e": text(p.Epoch), ":d": number(p.Delivered)},
	).run(ctx, l.client, "release lease")
	if err == nil {
		return headOf(i), true, nil
	}
	found, err := standing(err)
	if err != nil {
		return msglog.Head{}, false, err
	}
	head := headOf(found)
	if holds(head, p) || givenBack(head, p) {
		return head, !holds(head, p), nil
	}
	return msglog.Head{}, false, msglog.ErrLeaseLost
}

// AbandonLease gives the lease back unfinished: 1 WRU. If the holder's own
// pointer is further on than it says, it stays, for one more WRU.
func (l *Log) AbandonLease(ctx context.Context, p msglog.LeaseParams) error {
	values := item{":owner": text(p.Owner), ":e": text(p.Epoch)}
	set, moved := pointer(p, values)
	found, err := l.attempt(ctx, "abandon lease", l.head(p.Room, "SET "+set+" REMOVE lo, lu", owned+forward, moved))
	if err == nil && found != nil && holds(*found, p) {
		found, err = l.attempt(ctx, "abandon lease", l.head(p.Room, "REMOVE lo, lu", owned, values))
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

// givenBack reports whether a head looks as if the answer to our first attempt
// to give the lease back was lost: nobody holds it, and all that we delivered
// is recorded. It does not matter if another one did that after us: whoever
// took a number since has seen that no drainer is awake.
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
	found, err := standing(err)
	if err != nil {
		return nil, err
	}
	head := headOf(found)
	return &head, nil
}

// pointer sets how far delivery has come, and what is known of the rest.
func pointer(p msglog.LeaseParams, values item) (string, item) {
	values = maps.Clone(values)
	values[":d"] = number(p.Delivered)
	if p.PendingSince.IsZero() {
		return "d = :d", values
	}
	values[":q"] = millis(p.PendingSince)
	return "d = :d, q = :q", values
}
