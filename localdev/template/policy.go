package template

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/gapless-rooms/gapless/localdev/iam"
)

// Policies are evaluated by package iam.
type (
	// Policy is what a function may do.
	Policy = iam.Grants
	// Statement is a part of a Policy.
	Statement = iam.Statement
	// ResourcePolicy says who may do what to a queue or topic.
	ResourcePolicy = iam.ResourcePolicy
	// ResourceStatement is a part of a ResourcePolicy.
	ResourceStatement = iam.ResourceStatement
	// Condition restricts a ResourceStatement.
	Condition = iam.Condition
	// Caller is who asks.
	Caller = iam.Caller
)

// policyDocument is a policy as it is written.
type policyDocument struct {
	Version   string
	Statement []struct {
		Sid, Effect string
		Action      iam.OneOrMany
		Resource    iam.OneOrMany
		Condition   map[string]any
		NotAction   iam.OneOrMany
		NotResource iam.OneOrMany
	}
}

func (d policyDocument) statements() ([]Statement, error) {
	var out []Statement
	for _, s := range d.Statement {
		switch {
		case len(s.Condition) > 0:
			return nil, unsupported("Condition in the policy statement %s", s.Sid)
		case len(s.NotAction)+len(s.NotResource) > 0:
			return nil, unsupported("NotAction and NotResource in the policy statement %s", s.Sid)
		case s.Effect != "Allow" && s.Effect != "Deny":
			return nil, fmt.Errorf("policy statement %s has the effect %q", s.Sid, s.Effect)
		}
		out = append(out, Statement{Sid: s.Sid, Deny: s.Effect == "Deny", Actions: s.Action, Resources: s.Resource})
	}
	return out, nil
}

func readRole(a *attributes) error {
	a.ignore("AssumeRolePolicyDocument", "Description", "Path", "RoleName", "Tags")
	var managed []string
	var inline []struct {
		PolicyName     string
		PolicyDocument policyDocument
	}
	if err := a.each(map[string]any{"ManagedPolicyArns": &managed, "Policies": &inline}); err != nil {
		return err
	}
	for _, arn := range managed {
		if !strings.HasSuffix(arn, "/AmazonAPIGatewayPushToCloudWatchLogs") {
			return unsupported("managed policy %s", arn)
		}
	}
	for _, p := range inline {
		statements, err := p.PolicyDocument.statements()
		if err != nil {
			return err
		}
		a.wires.roles[a.id] = append(a.wires.roles[a.id], statements...)
	}
	return nil
}

func readPolicy(a *attributes) error {
	a.ignore("PolicyName")
	var document policyDocument
	var roles []string
	if err := a.each(map[string]any{"PolicyDocument": &document, "Roles": &roles}); err != nil {
		return err
	}
	statements, err := document.statements()
	for _, role := range roles {
		a.wires.roles[role] = append(a.wires.roles[role], statements...)
	}
	return err
}

// readResourcePolicy takes the policy of queues or topics, which the property
// of that name lists.
func readResourcePolicy(list string, arn func(a *attributes, one string) string) func(*attributes) error {
	return func(a *attributes) error {
		var document json.RawMessage
		var of []string
		if err := a.each(map[string]any{"PolicyDocument": &document, list: &of}); err != nil {
			return err
		}
		policy, err := iam.ParseResourcePolicy(string(document))
		if err != nil {
			return unsupported("%v", err)
		}
		for _, one := range of {
			// CloudFormation keeps only one of two policies of the same resource.
			put(&a.wires.resourcePolicies, arn(a, one), policy)
		}
		return nil
	}
}

// queueOfURL is the ARN of the queue that a Ref, which is its URL, stands for.
func queueOfURL(a *attributes, url string) string { return a.arn("sqs", path.Base(url)) }

func itself(_ *attributes, arn string) string { return arn }
