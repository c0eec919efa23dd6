package stack_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/localdev/iam"
	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/sns"
	"github.com/gapless-rooms/gapless/localdev/sqs"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/localdev/template"
)

const (
	deadLetters = "gapless-local-dead-letters"
	lettersARN  = "arn:aws:sqs:us-east-1:000000000000:" + deadLetters
	wakeARN     = "arn:aws:sns:us-east-1:000000000000:gapless-local-wake"
)

// letters publishes a message whose wake-up SNS cannot hand to Lambda, and
// returns the dead letters of that.
func letters(t *testing.T, config stack.Config) []sqs.StoredMessage {
	t.Helper()
	config.NoSchedule = true
	s, err := stack.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	d := driver{t, s}
	d.connect("a", true)
	d.message("a", `{"action":"join","room":"lobby"}`)
	s.SNS.FailDeliveries(1, sns.DeliveryFault{DeadLetter: true})
	d.message("a", `{"action":"publish","room":"lobby","data":1}`)
	found, err := s.SQS.Messages(deadLetters)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestTheQueueLetsTheTopicSend takes the statements of the queue's policy away
// in turn: without the one for the topic the dead letter is lost, as on AWS.
func TestTheQueueLetsTheTopicSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if found := letters(t, stack.Config{}); len(found) != 1 || !strings.Contains(found[0].Body, "lobby") {
			t.Errorf("dead letters: %+v", found)
		}
		without := func(gone func(s template.ResourceStatement) bool) int {
			return len(letters(t, stack.Config{ResourcePolicy: func(arn string, p template.ResourcePolicy) template.ResourcePolicy {
				if arn != lettersARN {
					return p
				}
				return slices.DeleteFunc(slices.Clone(p), gone)
			}}))
		}
		if n := without(func(s template.ResourceStatement) bool { return !s.Deny }); n != 0 {
			t.Errorf("%d dead letters without the queue's leave", n)
		}
		if n := without(func(s template.ResourceStatement) bool { return s.Deny }); n != 1 {
			t.Errorf("%d dead letters without the statement on TLS", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		elsewhere := func(_ string, p template.ResourcePolicy) template.ResourcePolicy {
			out := slices.Clone(p)
			for i, s := range out {
				out[i].Conditions = slices.Clone(s.Conditions)
				for j, k := range s.Conditions {
					if k.Key == "aws:SourceArn" {
						out[i].Conditions[j].Values = []string{"arn:aws:sns:us-east-1:000000000000:another"}
					}
				}
			}
			return out
		}
		if found := letters(t, stack.Config{ResourcePolicy: elsewhere}); len(found) != 0 {
			t.Errorf("dead letters of another topic's: %+v", found)
		}
	})
}

// TestResourcesRefuse wants what topic and queue deny to be denied, whatever
// the roles grant.
func TestResourcesRefuse(t *testing.T) {
	t.Parallel()
	for arn, action := range map[string]string{wakeARN: "sns:Publish", lettersARN: "sqs:ReceiveMessage"} {
		synctest.Test(t, func(t *testing.T) {
			refused := 0
			s, err := stack.New(stack.Config{
				NoSchedule: true,
				ResourcePolicy: func(of string, p template.ResourcePolicy) template.ResourcePolicy {
					if of != arn {
						return p
					}
					return append(slices.Clone(p), template.ResourceStatement{
						Statement:  template.Statement{Deny: true, Actions: []string{action}, Resources: []string{arn}},
						Principals: []string{"*"},
					})
				},
				OnCall: func(_ string, call iam.Call, granted bool) {
					if !granted && call.Action == action && call.Resource == arn {
						refused++ // the functions run one after the other
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			d := driver{t, s}
			d.connect("a", true)
			d.message("a", `{"action":"join","room":"lobby"}`)
			if err := s.Sweep(t.Context()); err == nil && action == "sqs:ReceiveMessage" {
				t.Error("the sweeper has read letters")
			}
			if refused == 0 {
				t.Errorf("%s on %s is not refused", action, arn)
			}
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDeadLetterOfAFunctionSaysWhy wants the attributes that Lambda sets, by
// which whoever reads the queue learns which invocation it was
// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html).
func TestDeadLetterOfAFunctionSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := stack.New(stack.Config{NoSchedule: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		driver{t, s}.fail()
		found, err := s.SQS.Messages(deadLetters)
		if err != nil || len(found) != 1 {
			t.Fatalf("%+v, %v", found, err)
		}
		a := found[0].Attributes
		if a["ErrorCode"].String != "200" || a["ErrorCode"].Type != "Number" || a["RequestID"].String == "" || a["ErrorMessage"].String == "" {
			t.Errorf("attributes: %+v", a)
		}
	})
}

// fail fails a broadcaster each time that Lambda tries.
func (d driver) fail() {
	d.s.Lambda.SetFault(func(inv lambda.Invocation) lambda.FaultPlan {
		if inv.Function == "broadcast" {
			return lambda.FaultPlan{Fault: lambda.FaultDieBefore}
		}
		return lambda.FaultPlan{}
	})
	if _, err := d.s.Lambda.InvokeAsync("broadcast", []byte(`{"Records":[]}`)); err != nil {
		d.t.Fatal(err)
	}
	for range 4 {
		d.idle()
		d.s.Advance(3 * time.Minute)
	}
	d.idle()
	d.s.Lambda.SetFault(nil)
}
