//go:build infra

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestGrants holds each role against a list that was written by reading what
// the functions do: every action on every resource, and nothing else.
func TestGrants(t *testing.T) {
	log := "log-group: logs:CreateLogStream logs:PutLogEvents"
	want := map[string][]string{
		"connect": {log, "connections: dynamodb:PutItem dynamodb:UpdateItem", "secret: secretsmanager:GetSecretValue"},
		"disconnect": {
			log, "connections: dynamodb:DeleteItem dynamodb:GetItem dynamodb:UpdateItem",
			"rooms: dynamodb:DeleteItem", "wake: sns:Publish",
		},
		"message": {
			log, "connections: dynamodb:GetItem dynamodb:UpdateItem",
			"rooms: dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem",
			"log: dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem", "wake: sns:Publish",
			"secret: secretsmanager:GetSecretValue",
		},
		"broadcast": {
			log, "connections: dynamodb:UpdateItem",
			"rooms: dynamodb:DeleteItem dynamodb:Query dynamodb:UpdateItem",
			"log: dynamodb:PutItem dynamodb:Query", "wake: sns:Publish",
			"dead-letters: sqs:SendMessage", "GET POST: execute-api:ManageConnections",
		},
		"sweep": {
			log, "connections: dynamodb:DeleteItem dynamodb:GetItem dynamodb:Query dynamodb:UpdateItem",
			"rooms: dynamodb:DeleteItem dynamodb:GetItem dynamodb:UpdateItem", "wake: sns:Publish",
			"dead-letters: sqs:DeleteMessage sqs:ReceiveMessage", "DELETE GET POST: execute-api:ManageConnections",
		},
	}
	app := synth(t, nil)["app"]
	for name, f := range functionsOf(app) {
		role := f.Properties["Role"].(map[string]any)["Fn::GetAtt"].([]any)[0].(string)
		if p := app.Resources[role].Properties; p["ManagedPolicyArns"] != nil || p["Policies"] != nil {
			t.Errorf("%s has more than its policy: %s", name, text(p))
		}
		var got []string
		sids := map[string]bool{}
		for _, p := range app.of("AWS::IAM::Policy") {
			if !strings.Contains(text(p.Properties["Roles"]), `"`+role+`"`) {
				continue
			}
			for _, s := range p.Properties["PolicyDocument"].(map[string]any)["Statement"].([]any) {
				s := s.(map[string]any)
				if sids[s["Sid"].(string)] {
					t.Errorf("%s: %s is there twice, which IAM refuses", name, s["Sid"])
				}
				sids[s["Sid"].(string)] = true
				got = append(got, subject(t, text(s["Resource"]))+": "+strings.Join(list(s["Action"]), " "))
			}
		}
		slices.Sort(got)
		expected := slices.Sorted(slices.Values(want[name]))
		if !slices.Equal(got, expected) {
			t.Errorf("%s may\n %s\nwant\n %s", name, strings.Join(got, "\n "), strings.Join(expected, "\n "))
		}
	}
}

var (
	verb  = regexp.MustCompile(`/dev/([A-Z]+)/@connections/\*"`)
	table = regexp.MustCompile(`ExportsOutputFnGetAtt(connections|rooms|log)[0-9A-F]{8}Arn`)
)

// subject says what a resource is.
func subject(t *testing.T, resource string) string {
	t.Helper()
	switch m := table.FindStringSubmatch(resource); {
	case m != nil:
		return m[1]
	case strings.Contains(resource, "@connections"):
		var verbs []string
		for _, v := range verb.FindAllStringSubmatch(resource, -1) {
			verbs = append(verbs, v[1])
		}
		return strings.Join(verbs, " ")
	case strings.Contains(resource, "ExportsOutputReftokens"):
		return "secret"
	case strings.Contains(resource, "logs"):
		return "log-group"
	case strings.Contains(resource, "deadletters"):
		return "dead-letters"
	case strings.Contains(resource, "wake"):
		return "wake"
	}
	t.Errorf("unknown resource %s", resource)
	return resource
}

// list takes what IAM writes as one or as a list.
func list(v any) []string {
	var out []string
	if all, ok := v.([]any); ok {
		for _, one := range all {
			out = append(out, fmt.Sprint(one))
		}
		return out
	}
	return []string{fmt.Sprint(v)}
}
