package schedule_test

import (
	"context"
	"fmt"
	"time"

	movable "github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/schedule"
)

// printer stands for a *lambda.Service.
type printer struct{}

func (printer) InvokeAsync(function string, payload []byte) (string, error) {
	fmt.Printf("%s %s\n", function, payload)
	return "request-1", nil
}

func Example() {
	clock := movable.NewMovable()
	s := schedule.New(schedule.Config{Clock: clock, Lambda: printer{}}) // in a test: schedule.RunT
	defer s.Close()
	err := s.Add(schedule.Rule{Name: "sweep", Expression: "rate(1 hour)", Function: "sweeper", Input: []byte(`{"all":true}`)})
	if err != nil {
		panic(err)
	}
	clock.Advance(time.Hour)
	if err := s.Idle(context.Background()); err != nil {
		panic(err)
	}
	// Output: sweeper {"all":true}
}
