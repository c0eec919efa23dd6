package sqs

import "time"

// Limits of the service. Sources:
//   - https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
//   - https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
//   - https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
const (
	// maxMessage is the largest message with its attributes, in bytes, and the
	// largest batch.
	maxMessage     = 1 << 20
	minMessageSize = 1 << 10 // smallest value of MaximumMessageSize
	maxBatch       = 10
	maxAttributes  = 10
	// maxInFlight is the number of received and not yet deleted messages.
	maxInFlight = 120_000
	// maxRequest is where the emulator stops reading a request, in bytes.
	maxRequest = 8 << 20

	defaultVisibility = 30 * time.Second
	maxVisibility     = 12 * time.Hour
	defaultRetention  = 4 * 24 * time.Hour
	minRetention      = time.Minute
	maxRetention      = 14 * 24 * time.Hour
	maxDelay          = 15 * time.Minute
	maxWait           = 20 * time.Second
	maxReceiveCount   = 1000
	// purgeInterval must pass between two purges of a queue.
	purgeInterval = time.Minute
)
