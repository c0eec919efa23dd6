package dynamo

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/revocation"
)

var _ revocation.Store = (*Revocations)(nil)

// Revocations keeps revocations in one item of the connections table, one
// attribute each: named by user and session, its value the time. So all are
// read by one GetItem. DynamoDB takes 400 KB, some 4,000 of them; one more is
// refused until older ones have passed the memory. It is safe for concurrent
// use.
type Revocations struct {
	client API
	table  string
	clock  clock.Clock
	memory time.Duration
}

// NewRevocations returns Revocations over the connections table. Each Revoke
// drops those older than memory, which must be no shorter than tokens live.
func NewRevocations(client API, table string, c clock.Clock, memory time.Duration) *Revocations {
	return &Revocations{client, table, c, memory}
}

// revocationPrefix begins the names of the attributes that are revocations.
const revocationPrefix = "v#"

// separator stands between user and session. Neither holds control characters.
const separator = "\x00"

func revocationKey() item { return key("v#", text("v")) }

// dropped is how many old revocations one Revoke drops at most.
const dropped = 50

// Revoke adds a revocation: 1 WRU per KB of the whole list, and as many again
// if there are old ones to drop.
func (s *Revocations) Revoke(ctx context.Context, r revocation.Revocation) error {
	name := revocationPrefix + r.User + separator + r.Session
	list, err := update{
		table: s.table, key: revocationKey(), set: "SET #r = :at",
		condition: "attribute_not_exists(#r) OR #r < :at",
		names:     map[string]string{"#r": name}, values: item{":at": millis(r.At)},
	}.run(ctx, s.client, "revoke")
	if err != nil {
		_, err = standing(err) // refused: one as late stands already
		return err
	}
	return s.drop(ctx, list)
}

// drop removes old revocations unless one of them has been moved meanwhile.
func (s *Revocations) drop(ctx context.Context, list item) error {
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
		table: s.table, key: revocationKey(), set: "REMOVE " + strings.Join(removes, ", "),
		condition: strings.Join(conditions, " AND "), names: names, values: values,
	}.run(ctx, s.client, "drop old revocations")
	_, err = standing(err)
	return err
}

// Revocations reads the list: 0.5 RRU per 4 KB begun.
func (s *Revocations) Revocations(ctx context.Context, since time.Time) (revocation.List, error) {
	found, err := get(ctx, s.client, s.table, revocationKey(), false, "read revocations")
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
			// A time that cannot be read takes back everything: it was meant to
			// take back something.
			r.At = s.clock.Now()
		}
		if !r.At.Before(since) {
			list = append(list, r)
		}
	}
	return list, nil
}
