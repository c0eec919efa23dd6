package chaos

import (
	"net/http"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/sns"
)

// What may befall a single call. A zero fault in a list is a delay, which is given
// its length when it strikes. dynamodb.Conflict is not among them: it comes of
// transactions, and there are none.
var (
	databaseFaults = []option[dynamodb.Fault]{
		{"dynamodb: throttled", 2, dynamodb.Throttle},
		{"dynamodb: fails before", 2, dynamodb.FailBefore},
		{"dynamodb: fails after its effect", 2, dynamodb.FailAfter},
		{"dynamodb: request lost", 1, dynamodb.LoseRequest},
		{"dynamodb: answer lost", 2, dynamodb.LoseAnswer},
		{"dynamodb: part of a batch", 1, dynamodb.Partial},
	}
	functionFaults = []option[lambda.FaultPlan]{
		{"lambda: dies before", 3, lambda.FaultPlan{Fault: lambda.FaultDieBefore}},
		{"lambda: dies after", 3, lambda.FaultPlan{Fault: lambda.FaultDieAfter}},
		{"lambda: times out after", 0.5, lambda.FaultPlan{Fault: lambda.FaultTimeoutAfter}},
		{"lambda: throttled", 3, lambda.FaultPlan{Fault: lambda.FaultThrottle}},
		{"lambda: service fault", 2, lambda.FaultPlan{Fault: lambda.FaultService}},
		{"lambda: event twice", 10, lambda.FaultPlan{Duplicate: true}},
		{"lambda: slow", 10, lambda.FaultPlan{}},
	}
	deliveryFaults = []option[sns.DeliveryFault]{
		{"sns: duplicate", 30, sns.DeliveryFault{Duplicates: 1}},
		{"sns: dead letter", 3, sns.DeliveryFault{DeadLetter: true}},
		{"sns: late", 30, sns.DeliveryFault{}},
	}
	publishFaults = []option[sns.PublishFailure]{
		{"sns: publish fails before", 5, sns.PublishFailsBefore},
		{"sns: publish fails after its effect", 5, sns.PublishFailsAfter},
		{"sns: publish throttled", 5, sns.PublishThrottled},
	}
	managementFaults = []option[gateway.Verdict]{
		{"gateway: wrong 410", 2, gateway.Verdict{Status: http.StatusGone}},
		{"gateway: 429", 5, gateway.Verdict{Status: http.StatusTooManyRequests}},
		{"gateway: 500", 3, gateway.Verdict{Status: http.StatusInternalServerError}},
		{"gateway: answer lost", 3, gateway.Verdict{Status: http.StatusInternalServerError, AfterEffect: true}},
		{"gateway: slow post", 5, gateway.Verdict{}},
	}
	callFaults = []option[killing]{
		{"function killed before a call", 0.7, killBefore},
		{"function killed after a call", 0.7, killAfter},
	}
)

// killing says when a function's call kills it.
type killing int

const (
	killBefore killing = iota + 1
	killAfter
)
