package chaos_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/gapless-rooms/gapless/localdev/chaos"
	"github.com/gapless-rooms/gapless/localdev/stack"
)

// TestFaultsStrikeWhileItRuns calls until each kind of fault has come by, and
// demands that none comes before and after.
func TestFaultsStrikeWhileItRuns(t *testing.T) {
	t.Parallel()
	faults := chaos.New(1, nil)
	s := stack.RunT(t, faults.Configure(stack.Config{NoSchedule: true}))
	db := awsdynamodb.NewFromConfig(s.AWS(), func(o *awsdynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	read := func() error {
		_, err := db.Scan(t.Context(), &awsdynamodb.ScanInput{TableName: aws.String("gapless-local-rooms")})
		return err
	}
	calm := func(when string) {
		t.Helper()
		for range 300 {
			if err := read(); err != nil {
				t.Fatalf("%s: %v", when, err)
			}
		}
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
	}
	calm("before")
	if n := len(faults.Counts()); n > 0 {
		t.Fatalf("%d kinds of faults before it ran", n)
	}

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		faults.Run(ctx, s.Stack)
	}()
	failed := 0
	for _, kind := range []string{
		"dynamodb: throttled", "dynamodb: fails before", "dynamodb: fails after its effect",
		"dynamodb: request lost", "dynamodb: answer lost",
	} {
		for faults.Counts()[kind] == 0 {
			if read() != nil {
				failed++
			}
		}
	}
	cancel()
	<-done
	if failed < 5 {
		t.Errorf("%d calls failed", failed)
	}
	calm("after")
}
