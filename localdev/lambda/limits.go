package lambda

import "time"

// Limits of the service. Sources:
//   - quotas: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
//   - retries: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
//   - dead letters: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
const (
	// maxSyncPayload is the largest request of a synchronous invocation, in bytes.
	maxSyncPayload = 6 << 20
	// maxResponse is the largest response; it is 100 bytes above the request's
	// limit, as the service's own message says.
	maxResponse = 6<<20 + 100
	// maxAsyncPayload is the largest event of an asynchronous invocation, in bytes.
	maxAsyncPayload = 1 << 20

	// initLimit bounds the init phase, in a process
	// (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html).
	initLimit = 10 * time.Second

	defaultTimeout  = 3 * time.Second
	minTimeout      = time.Second
	maxTimeout      = 15 * time.Minute
	defaultMemoryMB = 128
	minMemoryMB     = 128
	maxMemoryMB     = 10240

	// defaultConcurrency is the account's limit of concurrent executions.
	defaultConcurrency = 1000

	// defaultMaxRetries is how often a failed event is run again; the waits
	// before the first and the second retry are retryWaits.
	defaultMaxRetries = 2
	// defaultMaxEventAge and minEventAge bound how long an event may stay queued.
	defaultMaxEventAge = 6 * time.Hour
	minEventAge        = time.Minute

	// A throttled event is tried again after 1 s, doubling up to 5 min.
	throttleWaitMin = time.Second
	throttleWaitMax = 5 * time.Minute

	// maxDeadLetterMessage is where the ErrorMessage attribute is cut, in bytes.
	maxDeadLetterMessage = 1 << 10
)

// retryWaits is the wait before each retry after a function error.
var retryWaits = [defaultMaxRetries]time.Duration{time.Minute, 2 * time.Minute}
