package logs_test

import (
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/localdev/logs"
)

func Example() {
	s := logs.New(logs.Config{}) // in a test: logs.RunT(t, logs.Config{})
	s.Put("/aws/lambda/greet", "one", time.Unix(0, 0), "hello")
	for _, e := range s.Events("/aws/lambda/greet") {
		fmt.Println(e.Stream, e.Message)
	}
	// Output: one hello
}
