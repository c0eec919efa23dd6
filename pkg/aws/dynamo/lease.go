package dynamo

import (
	"context"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// AcquireLease takes the drain lease: 1 WRU, also when it is not to be had.
func (l *Log) AcquireLease(ctx context.Context, p msglog.LeaseParams) (msglog.Head, error) {
	i, err := update{
		table: l.rooms, key: key(headKey(p.Room), text(headSort)),
		set:       "SET lo = :owner, lu = :until, d = if_not_exists(d, :zero)",
		condition: "attribute_exists(n) AND (attribute_not_exists(d) OR d < n) AND (attribute_not_exists(lo) OR lu <= :now OR lo = :owner)",
		values: item{
			":owner": text(p.Owner), ":until": millis(p.Until), ":now": millis(p.Now), ":zero": number(0),
		},
	}.run(ctx, l.client, "acquire lease")
	if err != nil {
		if _, err = standing(err); err != nil {
			return msglog.Head{}, err
		}
		return msglog.Head{}, msglog.ErrLeaseHeld
	}
	return headOf(i), nil
}

const (
	owned   = "lo = :owner AND e = :e"
	forward = " AND d <= :d"
)

// RenewLease prolongs the lease: 1 WRU.
func (l *Log) RenewLease(ctx context.Context, p msglog.LeaseParams) error {
	_, err := update{
		table: l.rooms, key: key(headKey(p.Room), text(headSort)),
		set: "SET lu = :until, d = :d", condition: owned + forward,
		values: item{":owner": text(p.Owner), ":e": text(p.Epoch), ":until": millis(p.Until), ":d": number(p.Delivered)},
	}.run(ctx, l.client, "renew lease")
	return leaseLost(err)
}

// ReleaseLease gives the lease back if nothing came since: 1 WRU either way.
func (l *Log) ReleaseLease(ctx context.Context, p msglog.LeaseParams) (msglog.Head, bool, error) {
	i, err := update{
		table: l.rooms, key: key(headKey(p.Room), text(headSort)),
		set: "SET d = :d, q = :now REMOVE lo, lu", condition: owned + " AND n = :d",
		values: item{":owner": text(p.Owner), ":e": text(p.Epoch), ":now": millis(p.Now), ":d": number(p.Delivered)},
	}.run(ctx, l.client, "release lease")
	if err == nil {
		return headOf(i), true, nil
	}
	found, err := standing(err)
	if err != nil {
		return msglog.Head{}, false, err
	}
	head := headOf(found)
	switch {
	case head.Epoch == p.Epoch && head.Lease.Owner == p.Owner:
		return head, false, nil
	case head.Epoch == p.Epoch && head.Lease.Owner == "" && head.Delivered >= p.Delivered:
		// Released already: the answer to our first attempt was lost.
		return head, true, nil
	}
	return msglog.Head{}, false, msglog.ErrLeaseLost
}

// AbandonLease gives the lease back unfinished: 1 WRU.
func (l *Log) AbandonLease(ctx context.Context, p msglog.LeaseParams) error {
	_, err := update{
		table: l.rooms, key: key(headKey(p.Room), text(headSort)),
		set: "SET d = :d REMOVE lo, lu", condition: owned + forward,
		values: item{":owner": text(p.Owner), ":e": text(p.Epoch), ":d": number(p.Delivered)},
	}.run(ctx, l.client, "abandon lease")
	return leaseLost(err)
}

// leaseLost turns a failed condition into ErrLeaseLost.
func leaseLost(err error) error {
	if err == nil {
		return nil
	}
	if _, err = standing(err); err != nil {
		return err
	}
	return msglog.ErrLeaseLost
}
