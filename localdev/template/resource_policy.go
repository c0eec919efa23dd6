package template

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// ResourcePolicy is the policy of a topic or a queue: who else may do what with
// it. A function of the same account needs no statement here, its role grants;
// a service does
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html).
type ResourcePolicy []ResourceStatement

// ResourceStatement grants or denies to principals, if all its conditions hold.
type ResourceStatement struct {
	Statement
	Principals []string // services like sns.amazonaws.com, ARNs, or * for all
	Conditions []Condition
}

// Condition compares what is known of a call with values, of which one must
// match.
type Condition struct {
	Operator, Key string
	Values        []string
}

// Caller is who calls a topic or a queue. All calls here count as if they came
// over TLS: they do not leave this machine.
type Caller struct {
	// Principal is a service like sns.amazonaws.com, or a role's ARN.
	Principal string
	// Source is the ARN on whose behalf a service calls; empty if there is none.
	Source string
}

// Allows reports whether the policy lets the caller act. A service, which has
// no policy of its own, may do nothing else.
func (p ResourcePolicy) Allows(c Caller, action, resource string) bool {
	return !p.Denies(c, action, resource) && p.any(false, c, action, resource)
}

// Denies reports whether the policy refuses the caller whatever else grants it.
func (p ResourcePolicy) Denies(c Caller, action, resource string) bool {
	return p.any(true, c, action, resource)
}

func (p ResourcePolicy) any(deny bool, c Caller, action, resource string) bool {
	return slices.ContainsFunc(p, func(s ResourceStatement) bool {
		return s.Deny == deny && s.matches(action, resource) &&
			slices.ContainsFunc(s.Principals, func(p string) bool { return p == "*" || p == c.Principal }) &&
			!slices.ContainsFunc(s.Conditions, func(k Condition) bool { return !k.holds(c) })
	})
}

// keys are what is known of a call, by the names that conditions use.
var keys = map[string]func(Caller) string{
	"aws:SecureTransport": func(Caller) string { return "true" },
	"aws:SourceArn":       func(c Caller) string { return c.Source },
}

// operators compare a value of a condition with what is known
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
var operators = map[string]func(value, known string) bool{
	"Bool":         strings.EqualFold,
	"StringEquals": func(value, known string) bool { return value == known },
	"ArnEquals":    like, // which is the same as ArnLike
	"ArnLike":      like,
}

func (k Condition) holds(c Caller) bool {
	known := keys[k.Key](c)
	return slices.ContainsFunc(k.Values, func(value string) bool { return operators[k.Operator](value, known) })
}

// resourceDocument is such a policy as it is written.
type resourceDocument struct {
	Version   string
	Statement []struct {
		Sid, Effect      string
		Action, Resource oneOrMany
		Principal        principals
		Condition        map[string]map[string]oneOrMany
	}
}

// principals is * or lists by kind.
type principals []string

// UnmarshalJSON takes both.
func (p *principals) UnmarshalJSON(b []byte) error {
	var all string
	if json.Unmarshal(b, &all) == nil {
		*p = principals{all}
		return nil
	}
	var kinds map[string]oneOrMany
	if err := json.Unmarshal(b, &kinds); err != nil {
		return err
	}
	for _, list := range kinds {
		*p = append(*p, list...)
	}
	return nil
}

func (d resourceDocument) policy() (ResourcePolicy, error) {
	var out ResourcePolicy
	for _, s := range d.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" {
			return nil, fmt.Errorf("policy statement %s has the effect %q", s.Sid, s.Effect)
		}
		statement := ResourceStatement{
			Statement:  Statement{Sid: s.Sid, Deny: s.Effect == "Deny", Actions: s.Action, Resources: s.Resource},
			Principals: s.Principal,
		}
		for operator, of := range s.Condition {
			for key, values := range of {
				if keys[key] == nil || operators[operator] == nil {
					return nil, unsupported("condition %s of %s in a policy", operator, key)
				}
				statement.Conditions = append(statement.Conditions, Condition{operator, key, values})
			}
		}
		out = append(out, statement)
	}
	return out, nil
}

// readResourcePolicy takes the policy of queues or topics, which the property
// of that name lists.
func readResourcePolicy(list string, arn func(a *attributes, one string) string) func(*attributes) error {
	return func(a *attributes) error {
		var document resourceDocument
		var of []string
		if err := a.each(map[string]any{"PolicyDocument": &document, list: &of}); err != nil {
			return err
		}
		policy, err := document.policy()
		for _, one := range of {
			// CloudFormation keeps only one of two policies of the same resource.
			put(&a.wires.resourcePolicies, arn(a, one), policy)
		}
		return err
	}
}

// queueOfURL is the ARN of the queue that a Ref, which is its URL, stands for.
func queueOfURL(a *attributes, url string) string { return a.arn("sqs", path.Base(url)) }

func itself(_ *attributes, arn string) string { return arn }
