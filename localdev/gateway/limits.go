package gateway

import "time"

// The quotas of API Gateway WebSocket APIs. Those without another source are
// from "Quotas for configuring and running a WebSocket API",
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
const (
	// MaxMessageBytes is the largest message either way. A larger one from
	// the client closes the connection with 1009; a larger POST is a 413.
	MaxMessageBytes = 128 << 10
	// MaxFrameBytes is the largest frame either way. A larger one from the
	// client closes the connection with 1009; a longer message to the client
	// is sent as several frames.
	MaxFrameBytes = 32 << 10
	// BillingUnitBytes is the size that one billed message covers, started
	// units counting whole: https://aws.amazon.com/api-gateway/pricing/
	BillingUnitBytes = 32 << 10
	// MaxURLBytes is the longest URL of a handshake, scheme and host included.
	MaxURLBytes = 4096
	// MaxAuthorizerResultBytes is the largest answer of a Lambda authorizer.
	MaxAuthorizerResultBytes = 8 << 10
	// MaxRoutes and MaxIntegrations bound an API.
	MaxRoutes       = 300
	MaxIntegrations = 300
	// MinIntegrationTimeout and MaxIntegrationTimeout bound an integration's
	// timeout.
	MinIntegrationTimeout = 50 * time.Millisecond
	MaxIntegrationTimeout = 29 * time.Second
)

// Limits are the quotas that act over time or per account, so that a test or a
// simulation may tighten them. A zero field takes the default, which is the
// value on AWS; the source is the quota table cited above, except where given.
type Limits struct {
	// IdleTimeout closes a connection without messages with 1001. Default
	// 10 minutes.
	IdleTimeout time.Duration
	// Lifetime closes every connection with 1001. Default 2 hours.
	Lifetime time.Duration
	// ConnectRate is how many new connections an account may make per second;
	// the burst equals it. Default 500. More are answered 429.
	ConnectRate float64
	// RequestRate and RequestBurst are the account's token bucket, shared by
	// messages and @connections calls. Defaults 10,000 per second and 5,000:
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
	RequestRate  float64
	RequestBurst float64
}

// WithDefaults returns l with the defaults in the place of zero fields.
func (l Limits) WithDefaults() Limits {
	def(&l.IdleTimeout, 10*time.Minute)
	def(&l.Lifetime, 2*time.Hour)
	def(&l.ConnectRate, 500)
	def(&l.RequestRate, 10_000)
	def(&l.RequestBurst, 5_000)
	return l
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
