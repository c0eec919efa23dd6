package template

import (
	"fmt"
	"slices"
	"strings"
)

// Policy is what an identity is granted: the statements of its policies. It
// evaluates as IAM does for one account: a matching Deny refuses, a matching
// Allow grants, and without either it is refused
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
type Policy []Statement

// Statement grants or denies actions on resources. Both may hold the wildcards
// * and ?.
type Statement struct {
	Sid       string
	Deny      bool
	Actions   []string // like dynamodb:GetItem
	Resources []string // ARNs
}

// Allows reports whether the policy permits an action on a resource. Actions
// compare without regard to case, resources with.
func (p Policy) Allows(action, resource string) bool {
	allowed := false
	for _, s := range p {
		if !s.matches(action, resource) {
			continue
		}
		if s.Deny {
			return false
		}
		allowed = true
	}
	return allowed
}

func (s Statement) matches(action, resource string) bool {
	return slices.ContainsFunc(s.Actions, func(a string) bool { return like(strings.ToLower(a), strings.ToLower(action)) }) &&
		slices.ContainsFunc(s.Resources, func(r string) bool { return like(r, resource) })
}

// Without returns the policy with one action on one resource taken out of its
// statements, for tests that ask whether it is needed.
func (p Policy) Without(action, resource string) Policy {
	out := make(Policy, 0, len(p))
	for _, s := range p {
		if !slices.Contains(s.Actions, action) || !slices.Contains(s.Resources, resource) {
			out = append(out, s)
			continue
		}
		drop := func(list []string, v string) []string {
			return slices.DeleteFunc(slices.Clone(list), func(e string) bool { return e == v })
		}
		out = append(out,
			Statement{s.Sid, s.Deny, drop(s.Actions, action), s.Resources},
			Statement{s.Sid, s.Deny, []string{action}, drop(s.Resources, resource)})
	}
	return out
}

// like matches a pattern with * for any characters and ? for one.
func like(pattern, text string) bool {
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '*':
			for j := 0; j <= len(text); j++ {
				if like(pattern[i+1:], text[j:]) {
					return true
				}
			}
			return false
		case text == "" || (pattern[i] != '?' && pattern[i] != text[0]):
			return false
		}
		text = text[1:]
		pattern, i = pattern[i+1:], -1
	}
	return text == ""
}

// policyDocument is a policy as it is written.
type policyDocument struct {
	Version   string
	Statement []struct {
		Sid, Effect string
		Action      oneOrMany
		Resource    oneOrMany
		Condition   map[string]any
		NotAction   oneOrMany
		NotResource oneOrMany
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
