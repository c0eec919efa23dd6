package iam

import (
	"encoding/json"
	"slices"
	"strings"
)

// Grants are what an identity is granted: the statements of its policies. They
// evaluate as IAM does for one account: a matching Deny refuses, a matching
// Allow grants, and without either it is refused
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
type Grants []Statement

var _ Policy = Grants(nil)

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
func (p Grants) Allows(action, resource string) bool {
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
	return slices.ContainsFunc(s.Actions, func(a string) bool { return Matches(strings.ToLower(a), strings.ToLower(action)) }) &&
		slices.ContainsFunc(s.Resources, func(r string) bool { return Matches(r, resource) })
}

// Without returns the policy with one action on one resource taken out of its
// statements, for tests that ask whether it is needed.
func (p Grants) Without(action, resource string) Grants {
	out := make(Grants, 0, len(p))
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

// Matches reports whether text has the form of a pattern, with * for any characters and ? for one.
func Matches(pattern, text string) bool {
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '*':
			for j := 0; j <= len(text); j++ {
				if Matches(pattern[i+1:], text[j:]) {
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

// OneOrMany is a list that may be written in JSON as its only element.
type OneOrMany []string

// UnmarshalJSON takes a string or a list of strings.
func (l *OneOrMany) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = OneOrMany{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}
