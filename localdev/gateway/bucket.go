package gateway

import (
	"sync"
	"time"
)

// bucket is a token bucket, the throttle that API Gateway uses:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
// It starts full and is safe for concurrent use. A nil bucket never refuses.
type bucket struct {
	mu     sync.Mutex
	rate   float64 // tokens per second
	burst  float64
	tokens float64
	last   time.Time
}

// newBucket returns a full bucket, or nil for a rate of zero.
func newBucket(rate, burst float64, now time.Time) *bucket {
	if rate <= 0 {
		return nil
	}
	return &bucket{rate: rate, burst: burst, tokens: burst, last: now}
}

// take removes one token and reports whether there was one.
func (b *bucket) take(now time.Time) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if passed := now.Sub(b.last); passed > 0 {
		b.tokens = min(b.burst, b.tokens+passed.Seconds()*b.rate)
		b.last = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
