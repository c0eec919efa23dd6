//go:build infra

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// choices are the options that a stack may be deployed with and without, or
// with another value, while it stands: all but stage, which names another
// stack. Those that need each other are one choice.
var choices = []map[string]any{
	{"protect": "true"},
	{"retentionHours": "48"},
	{"openRooms": "true"},
	{"jwtIssuers": "https://id.example.com", "jwtAudiences": "rooms", "jwksUrl": "https://id.example.com/keys"},
	{"allowedOrigins": "https://app.example.com", "authCookie": "session"},
	{"publishRate": "7"},
	{"maxConnections": "-1"},
	{"postsPerSecond": "77"},
	{"logLevel": "debug"},
	{"logDays": "3"},
	{"throttleRate": "11"},
	{"throttleBurst": "12"},
	{"broadcastConcurrency": "9"},
	{"gatewayAccount": "true"},
	{"alarmEmail": "ops@example.com"},
	{"alarmConnections": "5"},
	{"customDomain": "rooms.example.com", "certificateArn": everything["certificateArn"]},
}

// pairwise returns sets of choices in which each two meet in all four ways: on
// and off, each with each. Any two numbers differ in a bit, so the choices
// whose number has that bit, and those whose number has not, separate them.
func pairwise(n int) [][]bool {
	row := func(on func(i int) bool) []bool {
		out := make([]bool, n)
		for i := range out {
			out[i] = on(i)
		}
		return out
	}
	rows := [][]bool{row(func(int) bool { return false }), row(func(int) bool { return true })}
	for bit := 1; bit < n; bit *= 2 {
		rows = append(rows, row(func(i int) bool { return i&bit != 0 }), row(func(i int) bool { return i&bit == 0 }))
	}
	return rows
}

func TestPairwise(t *testing.T) {
	t.Parallel()
	met := map[[4]int]bool{}
	number := map[bool]int{true: 1}
	for _, row := range pairwise(len(choices)) {
		for i := range row {
			for j := range i {
				met[[4]int{i, j, number[row[i]], number[row[j]]}] = true
			}
		}
	}
	if want := 4 * len(choices) * (len(choices) - 1) / 2; len(met) != want {
		t.Errorf("%d meetings, want %d", len(met), want)
	}
	chosen := map[string]bool{"stage": true}
	for _, c := range choices {
		for name := range c {
			chosen[name] = true
		}
	}
	var asked []string
	_, _ = readOptions(func(name string) (string, bool) { asked = append(asked, name); return "", false }, nil)
	for _, name := range asked {
		if !chosen[name] {
			t.Errorf("the option %s is in no choice", name)
		}
	}
}

// fixed are the properties of each type that cannot change on a resource that
// stands: CloudFormation would make another one, and then delete the first with
// what it holds. They are those that the reference of each type calls "Update
// requires: Replacement", as far as we may set them
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html).
var fixed = map[string][]string{
	"AWS::ApiGateway::Account":               {},
	"AWS::ApiGatewayV2::Api":                 {"ProtocolType"},
	"AWS::ApiGatewayV2::ApiMapping":          {"DomainName"},
	"AWS::ApiGatewayV2::DomainName":          {"DomainName"},
	"AWS::ApiGatewayV2::Integration":         {"ApiId"},
	"AWS::ApiGatewayV2::IntegrationResponse": {"ApiId", "IntegrationId"},
	"AWS::ApiGatewayV2::Route":               {"ApiId"},
	"AWS::ApiGatewayV2::RouteResponse":       {"ApiId", "RouteId"},
	"AWS::ApiGatewayV2::Stage":               {"ApiId", "StageName"},
	"AWS::CloudWatch::Alarm":                 {"AlarmName"},
	"AWS::CloudWatch::Dashboard":             {"DashboardName"},
	"AWS::DynamoDB::Table":                   {"TableName", "KeySchema", "LocalSecondaryIndexes"},
	"AWS::Events::Rule":                      {"Name", "EventBusName"},
	"AWS::IAM::Policy":                       {},
	"AWS::IAM::Role":                         {"RoleName", "Path"},
	"AWS::KMS::Key":                          {},
	"AWS::Lambda::EventInvokeConfig":         {"FunctionName", "Qualifier"},
	"AWS::Lambda::Function":                  {"FunctionName", "PackageType"},
	"AWS::Lambda::Permission":                {"FunctionName", "Action", "Principal", "SourceArn"},
	"AWS::Logs::LogGroup":                    {"LogGroupName"},
	"AWS::SNS::Subscription":                 {"TopicArn", "Protocol", "Endpoint"},
	"AWS::SNS::Topic":                        {"TopicName", "FifoTopic"},
	"AWS::SNS::TopicPolicy":                  {},
	"AWS::SQS::Queue":                        {"QueueName", "FifoQueue"},
	"AWS::SQS::QueuePolicy":                  {},
	"AWS::SecretsManager::Secret":            {"Name"},
}

// TestOptionsCanBeChangedOnAStackThatStands synthesises each two options on and
// off, and holds each result against the one with none: the app stack imports
// what the data stack exports, so none of that may go; and what holds data or
// has a name is updated in place, not made anew.
func TestOptionsCanBeChangedOnAStackThatStands(t *testing.T) {
	none := synth(t, nil)
	named := map[string]string{} // type and name → logical id
	for _, row := range pairwise(len(choices)) {
		context := map[string]any{}
		for i, c := range choices {
			if row[i] {
				maps.Copy(context, c)
			}
		}
		stacks := synth(t, context)
		if want, got := text(exportsOf(none["data"])), text(exportsOf(stacks["data"])); got != want {
			t.Errorf("%v: the data stack exports %s, want %s", context, got, want)
		}
		for _, name := range []string{"data", "app"} {
			for id, was := range none[name].Resources {
				is, ok := stacks[name].Resources[id]
				if !ok {
					t.Errorf("%v: %s (%s) is gone", context, id, was.Type)
					continue
				}
				if is.Type != was.Type {
					t.Errorf("%v: %s is a %s, and was a %s", context, id, is.Type, was.Type)
				}
				for _, property := range fixed[is.Type] {
					if want, got := text(was.Properties[property]), text(is.Properties[property]); got != want {
						t.Errorf("%v: %s (%s) is made anew: %s is %s, and was %s", context, id, is.Type, property, got, want)
					}
				}
			}
			for id, is := range stacks[name].Resources {
				properties, known := fixed[is.Type]
				if !known {
					t.Errorf("%v: nothing is said of what is fixed about a %s", context, is.Type)
				}
				for _, property := range properties {
					value := is.Properties[property]
					if value == nil || !strings.HasSuffix(property, "Name") || is.Type == "AWS::Lambda::Permission" {
						continue // there are several permissions for one function
					}
					what := fmt.Sprint(is.Type, " ", property, " ", text(value))
					if first, ok := named[what]; ok && first != id {
						t.Errorf("%v: %s is called what %s is called elsewhere: %s", context, id, first, what)
					}
					named[what] = id
				}
			}
		}
	}
	if len(named) < 30 {
		t.Errorf("only %d names were looked at: %v", len(named), slices.Sorted(maps.Keys(named)))
	}
}

// exportsOf are a stack's exports: name and value.
func exportsOf(s template) map[string]any {
	out := map[string]any{}
	for _, o := range s.Outputs {
		if export, ok := o["Export"].(map[string]any); ok {
			out[export["Name"].(string)] = o["Value"]
		}
	}
	return out
}
