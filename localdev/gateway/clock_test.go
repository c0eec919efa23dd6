package gateway_test

import (
	"encoding/json"
	"time"

	"github.com/gapless-rooms/gapless/localdev/clock"
)

// stopped is a clock at which no time passes.
type stopped struct{}

var epoch = time.Date(2026, 1, 19, 21, 13, 26, 345e6, time.UTC)

func (stopped) Now() time.Time { return epoch }

func (stopped) AfterFunc(d time.Duration, f func()) clock.Timer {
	if d <= 0 {
		go f()
	}
	return idleTimer{}
}

type idleTimer struct{}

func (idleTimer) Stop() bool               { return true }
func (idleTimer) Reset(time.Duration) bool { return true }

// connectionID reads the id out of an event.
func connectionID(payload []byte) string {
	var e struct {
		RequestContext struct {
			ConnectionID string `json:"connectionId"`
		} `json:"requestContext"`
	}
	_ = json.Unmarshal(payload, &e)
	return e.RequestContext.ConnectionID
}
