package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrPolicy is returned for a policy that cannot be read or that says what is
// not evaluated here.
var ErrPolicy = errors.New("iam: policy not supported")

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
	"aws:SourceAccount": func(c Caller) string {
		const account = 4 // arn:aws:service:region:account:…
		if parts := strings.Split(c.Source, ":"); len(parts) > account {
			return parts[account]
		}
		return ""
	},
}

// operators compare a value of a condition with what is known
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
var operators = map[string]func(value, known string) bool{
	"Bool":         strings.EqualFold,
	"StringEquals": func(value, known string) bool { return value == known },
	"ArnEquals":    Matches, // which is the same as ArnLike
	"ArnLike":      Matches,
}

func (k Condition) holds(c Caller) bool {
	known := keys[k.Key](c)
	return slices.ContainsFunc(k.Values, func(value string) bool { return operators[k.Operator](value, known) })
}

// Document is the policy as JSON; empty if it has no statement.
func (p ResourcePolicy) Document() string {
	if len(p) == 0 {
		return ""
	}
	statements := make([]map[string]any, 0, len(p))
	for _, s := range p {
		statement := map[string]any{"Effect": "Allow", "Action": s.Actions, "Resource": s.Resources, "Principal": principals(s.Principals)}
		if s.Deny {
			statement["Effect"] = "Deny"
		}
		if s.Sid != "" {
			statement["Sid"] = s.Sid
		}
		conditions := map[string]map[string][]string{}
		for _, c := range s.Conditions {
			if conditions[c.Operator] == nil {
				conditions[c.Operator] = map[string][]string{}
			}
			conditions[c.Operator][c.Key] = c.Values
		}
		if len(conditions) > 0 {
			statement["Condition"] = conditions
		}
		statements = append(statements, statement)
	}
	document, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(fmt.Sprintf("iam: marshal policy: %v", err)) // strings always marshal
	}
	return string(document)
}

// ParseResourcePolicy reads a policy document. An empty one grants nothing. Its
// errors wrap ErrPolicy.
func ParseResourcePolicy(document string) (ResourcePolicy, error) {
	if document == "" {
		return nil, nil
	}
	var d resourceDocument
	decoder := json.NewDecoder(bytes.NewReader([]byte(document)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	return d.policy()
}

// resourceDocument is such a policy as it is written.
type resourceDocument struct {
	Version   string
	ID        string `json:"Id"`
	Statement resourceStatements
}

type resourceStatement struct {
	Sid, Effect      string
	Action, Resource OneOrMany
	Principal        principals
	Condition        map[string]map[string]OneOrMany
}

// resourceStatements is a list that may be written as its only element.
type resourceStatements []resourceStatement

// UnmarshalJSON takes both, and refuses members that mean nothing here.
func (l *resourceStatements) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		b = slices.Concat([]byte("["), b, []byte("]"))
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	return decoder.Decode((*[]resourceStatement)(l))
}

// principals is * or lists by kind.
type principals []string

// MarshalJSON writes * alone, services and ARNs by kind.
func (p principals) MarshalJSON() ([]byte, error) {
	kinds := map[string][]string{}
	for _, principal := range p {
		switch {
		case principal == "*":
			return []byte(`"*"`), nil
		case strings.HasPrefix(principal, "arn:"):
			kinds["AWS"] = append(kinds["AWS"], principal)
		default:
			kinds["Service"] = append(kinds["Service"], principal)
		}
	}
	return json.Marshal(kinds)
}

// UnmarshalJSON takes both.
func (p *principals) UnmarshalJSON(b []byte) error {
	var all string
	if json.Unmarshal(b, &all) == nil {
		*p = principals{all}
		return nil
	}
	var kinds map[string]OneOrMany
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
			return nil, fmt.Errorf("%w: statement %s has the effect %q", ErrPolicy, s.Sid, s.Effect)
		}
		statement := ResourceStatement{
			Statement:  Statement{Sid: s.Sid, Deny: s.Effect == "Deny", Actions: s.Action, Resources: s.Resource},
			Principals: s.Principal,
		}
		for operator, of := range s.Condition {
			for key, values := range of {
				if keys[key] == nil || operators[operator] == nil {
					return nil, fmt.Errorf("%w: condition %s of %s", ErrPolicy, operator, key)
				}
				statement.Conditions = append(statement.Conditions, Condition{operator, key, values})
			}
		}
		out = append(out, statement)
	}
	return out, nil
}
