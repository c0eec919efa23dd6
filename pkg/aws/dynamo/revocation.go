package dynamo

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/revocation"
)

var _ revocation.Store = (*Revocations)(nil)

// Revocations keeps revocations in the connections table: one item per shard,
// with an attribute per revocation, named by user and session, whose value is the
// time. So one GetItem reads a shard. DynamoDB allows 400 KB in an item, about
// 4,000 revocations. It is safe for concurrent use.
type Revocations struct {
	client API
	table  string
	clock  clock.Clock
	memory time.Duration
}

// NewRevocations returns Revocations over the connections table. Each Revoke
// drops those older than memory, which must be at least the longest life of a
// token.
func NewRevocations(client API, table string, c clock.Clock, memory time.Duration) *Revocations {
	return &Revocations{client, table, c, memory}
}

// revocationPrefix begins the names of the attributes that hold revocations.
const revocationPrefix = "v#"

// separator separates user and session, which contain no control characters.
const separator = "\x00"

func revocationKey(shard int) item { return key(revocationPrefix+strconv.Itoa(shard), text("v")) }

// dropped limits the old revocations that one update drops: more than enough to
// make room for a new one.
const dropped = 50

// Revoke adds a revocation: 1 WRU per KB of its shard, and as many again if there
// are old ones to drop. If the item is full, Revoke reads it and drops old ones
// first.
func (s *Revocations) Revoke(ctx context.Context, r revocation.Revocation) error {
	shard := revocation.Shard(r.User)
	list, err := s.set(ctx, shard, r)
	if tooLarge(err) {
		if list, err = get(ctx, s.client, s.table, revocationKey(shard), true, "read full list of revocations"); err != nil {
			return err
		}
		if err := s.drop(ctx, shard, list); err != nil {
			return err
		}
		if list, err = s.set(ctx, shard, r); tooLarge(err) {
			return revocation.ErrFull
		}
	}
	if err != nil {
		_, err = existing(err) // refused: there is one as late already
		return err
	}
	return s.drop(ctx, shard, list)
}

// set adds a revocation and returns its shard, or a *refusal if there is one as
// late.
func (s *Revocations) set(ctx context.Context, shard int, r revocation.Revocation) (item, error) {
	return update{
		table: s.table, key: revocationKey(shard), set: "SET #r = :at",
		condition: "attribute_not_exists(#r) OR #r < :at",
		names:     map[string]string{"#r": revocationPrefix + r.User + separator + r.Session},
		values:    item{":at": millis(r.At)},
	}.run(ctx, s.client, "revoke")
}

// tooLarge reports whether an update failed because the item would exceed 400 KB.
// DynamoDB has no separate code for it, only the message "Item size to update has
// exceeded the maximum allowed size".
func tooLarge(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "ValidationException" && strings.Contains(api.ErrorMessage(), "size")
}

// drop removes old revocations unless one of them has been moved meanwhile.
func (s *Revocations) drop(ctx context.Context, shard int, list item) error {
	names, values := map[string]string{}, item{}
	var removes, conditions []string
	oldest := s.clock.Now().Add(-s.memory)
	for _, name := range slices.Sorted(maps.Keys(list)) {
		if !strings.HasPrefix(name, revocationPrefix) || !timeOf(list, name).Before(oldest) || len(removes) == dropped {
			continue
		}
		n := "o" + strconv.Itoa(len(removes))
		names["#"+n], values[":"+n] = name, list[name]
		removes = append(removes, "#"+n)
		conditions = append(conditions, "#"+n+" = :"+n)
	}
	if len(removes) == 0 {
		return nil
	}
	_, err := update{
		table: s.table, key: revocationKey(shard), set: "REMOVE " + strings.Join(removes, ", "),
		condition: strings.Join(conditions, " AND "), names: names, values: values,
	}.run(ctx, s.client, "drop old revocations")
	_, err = existing(err)
	return err
}

// Revocations reads a shard: 0.5 RRU per 4 KB begun.
func (s *Revocations) Revocations(ctx context.Context, shard int, since time.Time) (revocation.List, error) {
	found, err := get(ctx, s.client, s.table, revocationKey(shard), false, "read revocations")
	if err != nil {
		return nil, err
	}
	var list revocation.List
	for name := range found {
		who, ok := strings.CutPrefix(name, revocationPrefix)
		if !ok {
			continue
		}
		user, session, _ := strings.Cut(who, separator)
		r := revocation.Revocation{User: user, Session: session, At: timeOf(found, name)}
		if r.At.IsZero() {
			// An unreadable time revokes everything, because the item was meant
			// to revoke something.
			r.At = s.clock.Now()
		}
		if !r.At.Before(since) {
			list = append(list, r)
		}
	}
	return list, nil
}
