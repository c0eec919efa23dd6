// Package iam holds calls of AWS against the policy of their caller, as AWS
// does before a service looks at them: a call that is not granted fails with
// the service's own form of AccessDenied. The local stack puts it before each
// function's calls, with the policies of the template.
//
// It knows the services that functions call: DynamoDB's operations on one
// table, SNS' Publish and PublishBatch, SQS' operations on one queue, Secrets
// Manager's on one secret that is named by its ARN, and @connections. Any other
// call fails with ErrUnknownCall, which names it.
package iam

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"github.com/gapless-rooms/gapless/localdev/inproc"
	"github.com/gapless-rooms/gapless/localdev/service"
)

// Policy says what a caller may do.
type Policy interface {
	// Allows reports whether an action on a resource's ARN is granted.
	Allows(action, resource string) bool
}

// Call is what a request asks for, in the terms of a policy.
type Call struct {
	Action   string // like dynamodb:GetItem
	Resource string // an ARN
}

// Config says who calls. All but Denies and OnCall is required.
type Config struct {
	// Policy is the caller's.
	Policy Policy
	// Denies, if not nil, says whether the resource's own policy refuses the
	// caller whatever Policy grants.
	Denies func(call Call) bool
	// Caller is the caller's ARN, for error messages.
	Caller string
	// Region, AccountID and APIID go into ARNs.
	Region, AccountID, APIID string
	// OnCall, if not nil, is told of each call and whether it was granted. It is
	// called concurrently.
	OnCall func(call Call, granted bool)
}

// Transport returns next with each request held against the policy first. It
// is safe for concurrent use if next is.
func Transport(config Config, next http.RoundTripper) http.RoundTripper {
	return &transport{config, next}
}

type transport struct {
	Config
	next http.RoundTripper
}

// RoundTrip answers for a refused call, and passes a granted one on.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := take(r)
	if err != nil {
		return nil, err
	}
	if _, name, _ := service.Signed(r); name == "sts" {
		return t.next.RoundTrip(r) // everybody may ask who they are
	}
	denial, call, err := t.read(r, body)
	if err != nil {
		return nil, err
	}
	why := "because no identity-based policy allows the " + call.Action + " action"
	granted := t.Policy.Allows(call.Action, call.Resource)
	if t.Denies != nil && t.Denies(call) {
		granted, why = false, "with an explicit deny in a resource-based policy"
	}
	if t.OnCall != nil {
		t.OnCall(call, granted)
	}
	if granted {
		return t.next.RoundTrip(r)
	}
	return deny(r, *denial, fmt.Sprintf(
		"User: %s is not authorized to perform: %s on resource: %s %s", t.Caller, call.Action, call.Resource, why))
}

// take reads a request's body and puts it back.
func take(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	if err := r.Body.Close(); err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

// deny is the service's answer to a call that is not granted.
func deny(r *http.Request, denial service.Error, message string) (*http.Response, error) {
	denial.Message = message
	refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { service.Refuse(w, r, &denial, "denied") })
	return inproc.Transport{Handler: refuse}.RoundTrip(r)
}
