package conformance

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/storetest"
)

// revocations never drops any.
func (b backend) revocations() *dynamo.Revocations {
	return dynamo.NewRevocations(b.client, b.tables["connections"], clock.System(), 200*365*24*time.Hour)
}

// sharers are so many users of one shard, with names of about 2 KB.
func sharers(n int) (users []string) {
	for i := 0; len(users) < n; i++ {
		if user := fmt.Sprint(i, strings.Repeat("u", 2000)); revocation.Shard(user) == revocation.Shard("ada") {
			users = append(users, user)
		}
	}
	return users
}

func TestOldRevocationsAreDropped(t *testing.T) {
	t.Parallel()
	b, _ := onEngine(t)
	at := storetest.NewClock()
	s := dynamo.NewRevocations(b.client, b.tables["connections"], at, time.Hour)
	users := sharers(123)
	revoke := func(users []string) {
		t.Helper()
		for _, user := range users {
			if err := s.Revoke(t.Context(), revocation.Revocation{User: user, At: at.Now()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	revoke(users[3:])
	at.Advance(time.Hour + time.Millisecond)
	revoke(users[:3])
	list, err := s.Revocations(t.Context(), revocation.Shard("ada"), time.Time{})
	if err != nil || len(list) != 3 {
		t.Errorf("%d are left, %v", len(list), err)
	}
}

// TestRevocationsUpToTheLimitOfAnItem fills an item. Each answer is a whole
// shard, up to 400 KB. No more can be added until those are old, and others are
// not concerned.
func TestRevocationsUpToTheLimitOfAnItem(t *testing.T) {
	t.Parallel()
	b, _ := onEngine(t)
	at := storetest.NewClock()
	s := dynamo.NewRevocations(b.client, b.tables["connections"], at, time.Hour)
	revoke := func(user string) error {
		return s.Revoke(t.Context(), revocation.Revocation{User: user, At: at.Now()})
	}
	made, users := 0, sharers(300)
	for ; made < len(users); made++ {
		if err := revoke(users[made]); err != nil {
			if !errors.Is(err, revocation.ErrFull) {
				t.Fatalf("after %d: %v", made, err)
			}
			break
		}
	}
	list, err := s.Revocations(t.Context(), revocation.Shard("ada"), time.Time{})
	if err != nil || len(list) != made || made < 195 || made > 205 {
		t.Errorf("%d made, %d stand: %v", made, len(list), err)
	}
	other := "bob"
	if revocation.Shard(other) == revocation.Shard("ada") {
		t.Fatal("choose another")
	}
	if err := revoke(other); err != nil {
		t.Errorf("of another shard: %v", err)
	}
	at.Advance(time.Hour + time.Millisecond)
	for _, user := range users[made : made+20] {
		if err := revoke(user); err != nil {
			t.Fatalf("when those are old: %v", err)
		}
	}
	if list, err := s.Revocations(t.Context(), revocation.Shard("ada"), time.Time{}); err != nil || len(list) != 20 {
		t.Errorf("%d are left, %v", len(list), err)
	}
}
