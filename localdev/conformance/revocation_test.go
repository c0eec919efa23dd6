package conformance

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/storetest"
)

// revocations never drops any.
func (b backend) revocations() *dynamo.Revocations {
	return dynamo.NewRevocations(b.client, b.tables["connections"], clock.System(), 200*365*24*time.Hour)
}

func TestOldRevocationsAreDropped(t *testing.T) {
	t.Parallel()
	b, _ := onEngine(t)
	at := storetest.NewClock()
	s := dynamo.NewRevocations(b.client, b.tables["connections"], at, time.Hour)
	revoke := func(user string) {
		t.Helper()
		if err := s.Revoke(t.Context(), revocation.Revocation{User: user, At: at.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 120 {
		revoke(fmt.Sprint("old-", i))
	}
	at.Advance(time.Hour + time.Millisecond)
	for i := range 3 {
		revoke(fmt.Sprint("new-", i))
	}
	list, err := s.Revocations(t.Context(), time.Time{})
	if err != nil || len(list) != 3 {
		t.Errorf("%d are left, %v", len(list), err)
	}
}

// TestRevocationsUpToTheLimitOfAnItem fills the item. Each answer is the whole
// list, up to 400 KB.
func TestRevocationsUpToTheLimitOfAnItem(t *testing.T) {
	t.Parallel()
	b, _ := onEngine(t)
	s := b.revocations()
	var made int
	for ; made < 10_000; made++ {
		err := s.Revoke(t.Context(), revocation.Revocation{User: fmt.Sprint(made, strings.Repeat("u", 2000)), At: storetest.Start})
		if err != nil {
			if full := new(smithy.GenericAPIError); !errors.As(err, &full) || full.Code != "ValidationException" {
				t.Fatalf("after %d: %v", made, err)
			}
			break
		}
	}
	list, err := s.Revocations(t.Context(), time.Time{})
	if err != nil || len(list) != made || made < 195 || made > 205 {
		t.Errorf("%d made, %d stand: %v", made, len(list), err)
	}
}
