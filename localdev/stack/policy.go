package stack

import (
	"fmt"
	"net/http"

	"github.com/gapless-rooms/gapless/localdev/iam"
	"github.com/gapless-rooms/gapless/localdev/template"
)

// guard holds a function's calls against the policy of its role, and against
// those of topic and queue.
func (s *Stack) guard(f template.Function, next http.RoundTripper) http.RoundTripper {
	config := iam.Config{
		Policy: s.policy(f), Denies: func(call iam.Call) bool { return s.denies(f, call) }, Caller: caller(f),
		Region: region, AccountID: account, APIID: s.template.API.ID,
	}
	if s.config.OnCall != nil {
		config.OnCall = func(call iam.Call, granted bool) { s.config.OnCall(f.Name, call, granted) }
	}
	return iam.Transport(config, next)
}

// caller is a function as it calls: its role's session.
func caller(f template.Function) string {
	return "arn:aws:sts::" + account + ":assumed-role/" + f.FullName + "/" + f.FullName
}

const sendMessage = "sqs:SendMessage"

// maySend holds SNS against the policy of a queue
// (https://docs.aws.amazon.com/sns/latest/dg/sns-configure-dead-letter-queue.html).
func (s *Stack) maySend(topic, queue string) error {
	by := template.Caller{Principal: "sns.amazonaws.com", Source: topic}
	if !s.resourcePolicy(queue).Allows(by, sendMessage, queue) {
		return fmt.Errorf("the policy of %s does not let %s send to it", queue, topic)
	}
	return nil
}

// denies reports whether a resource's own policy refuses a function's call.
func (s *Stack) denies(f template.Function, call iam.Call) bool {
	return s.resourcePolicy(call.Resource).Denies(template.Caller{Principal: caller(f)}, call.Action, call.Resource)
}

// resourcePolicy is the policy of a topic or a queue; nil for anything else.
func (s *Stack) resourcePolicy(arn string) template.ResourcePolicy {
	var p template.ResourcePolicy
	for _, t := range s.template.Topics {
		if t.ARN == arn {
			p = t.Policy
		}
	}
	if queue := s.SQS.Policy(arn); queue != nil {
		p = queue // as it is now, whoever set it
	}
	if s.config.ResourcePolicy == nil {
		return p
	}
	return s.config.ResourcePolicy(arn, p)
}

// policy is what a function's role is granted.
func (s *Stack) policy(f template.Function) template.Policy {
	if s.config.Policy == nil {
		return f.Policy
	}
	return s.config.Policy(f.Name, f.Policy)
}
