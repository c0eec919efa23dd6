//go:build infra

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// of returns the resources of a type by logical id.
func (t template) of(kind string) map[string]resource {
	out := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			out[id] = r
		}
	}
	return out
}

// text encodes any part of a template, to look for something in it.
func text(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// functionsOf returns the functions by the name of their folder.
func functionsOf(app template) map[string]resource {
	out := map[string]resource{}
	for _, r := range app.of("AWS::Lambda::Function") {
		for _, tag := range r.Properties["Tags"].([]any) {
			if tag := tag.(map[string]any); tag["Key"] == functionTag {
				out[tag["Value"].(string)] = r
			}
		}
	}
	return out
}

func TestStages(t *testing.T) {
	dev, local, prod := synth(t, nil), synth(t, committed), synth(t, everything)
	t.Run("dev and local differ in the name only", func(t *testing.T) {
		for _, s := range []string{"data", "app"} {
			if diff := cmp.Diff(anonymous(dev[s], "dev"), anonymous(local[s], "local")); diff != "" {
				t.Errorf("stack %s: %s", s, diff)
			}
		}
	})
	t.Run("data is protected outside trials", func(t *testing.T) {
		for id, r := range prod["data"].of("AWS::DynamoDB::Table") {
			if r.DeletionPolicy != "Retain" || r.Properties["DeletionProtectionEnabled"] != true ||
				!strings.Contains(text(r.Properties["PointInTimeRecoverySpecification"]), "true") {
				t.Errorf("%s is not protected: %s", id, text(r))
			}
		}
		for id, r := range prod["data"].of("AWS::SecretsManager::Secret") {
			if r.DeletionPolicy != "Retain" {
				t.Errorf("%s goes with its stack", id)
			}
		}
		for id, r := range dev["data"].of("AWS::DynamoDB::Table") {
			if r.DeletionPolicy != "Delete" || r.Properties["DeletionProtectionEnabled"] != false ||
				strings.Contains(text(r.Properties["PointInTimeRecoverySpecification"]), "true") {
				t.Errorf("%s survives its stack", id)
			}
		}
	})
	t.Run("reserved concurrency", func(t *testing.T) {
		for name, f := range functionsOf(prod["app"]) {
			want := map[string]any{"broadcast": 50.0, "sweep": 1.0}[name]
			if got := f.Properties["ReservedConcurrentExecutions"]; got != want {
				t.Errorf("%s reserves %v, want %v", name, got, want)
			}
		}
		for name, f := range functionsOf(dev["app"]) {
			if got := f.Properties["ReservedConcurrentExecutions"]; got != nil {
				t.Errorf("%s reserves %v in dev", name, got)
			}
		}
	})
	t.Run("logs are kept for as long as is chosen", func(t *testing.T) {
		for s, days := range map[*template]float64{ptr(dev["app"]): 7, ptr(prod["app"]): 30} {
			groups := s.of("AWS::Logs::LogGroup")
			if len(groups) != len(functions)+1 {
				t.Errorf("%d log groups, want one a function and one of the gateway's", len(groups))
			}
			for id, r := range groups {
				if r.Properties["RetentionInDays"] != days {
					t.Errorf("%s is kept %v days, want %v", id, r.Properties["RetentionInDays"], days)
				}
			}
		}
	})
	t.Run("custom domain", func(t *testing.T) {
		domains := prod["app"].of("AWS::ApiGatewayV2::DomainName")
		if len(domains) != 1 || len(prod["app"].of("AWS::ApiGatewayV2::ApiMapping")) != 1 {
			t.Fatalf("domains: %s", text(domains))
		}
		for _, d := range domains {
			if !strings.Contains(text(d), "TLS_1_2") || d.Properties["DomainName"] != "rooms.example.com" {
				t.Errorf("domain: %s", text(d))
			}
		}
		if got := prod["app"].Outputs["Url"]["Value"]; got != "wss://rooms.example.com" {
			t.Errorf("url: %v", got)
		}
	})
	t.Run("alarms are mailed", func(t *testing.T) {
		if !strings.Contains(text(prod["app"].of("AWS::SNS::Subscription")), "ops@example.com") {
			t.Error("nobody is subscribed")
		}
		for id, r := range prod["app"].of("AWS::CloudWatch::Alarm") {
			if r.Properties["AlarmActions"] == nil || r.Properties["OKActions"] == nil {
				t.Errorf("%s tells nobody", id)
			}
		}
	})
}

func ptr[T any](v T) *T { return &v }

var hash = regexp.MustCompile(`[0-9A-F]{8,}|[0-9a-f]{64}`)

// anonymous is a template's resources in order, with neither the stage nor
// what CDK hashes it into.
func anonymous(t template, stage string) []string {
	var out []string
	for _, r := range t.Resources {
		out = append(out, strings.ReplaceAll(hash.ReplaceAllString(r.Type+" "+text(r.Properties), ""), stage, "STAGE"))
	}
	slices.Sort(out)
	return out
}

func TestData(t *testing.T) {
	data := synth(t, nil)["data"]
	tables := map[string]resource{}
	for _, r := range data.of("AWS::DynamoDB::Table") {
		tables[r.Properties["TableName"].(string)] = r
	}
	for _, want := range dynamo.Schema() {
		p := tables["gapless-dev-"+want.Name].Properties
		if p == nil {
			t.Errorf("no table %s", want.Name)
			continue
		}
		sort := "S"
		if want.NumericSort {
			sort = "N"
		}
		checks := map[string]string{
			"BillingMode":             `"PAY_PER_REQUEST"`,
			"AttributeDefinitions":    `[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"` + sort + `"}]`,
			"KeySchema":               `[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]`,
			"TimeToLiveSpecification": `{"AttributeName":"x","Enabled":true}`,
		}
		for property, value := range checks {
			if got := text(p[property]); got != value {
				t.Errorf("%s: %s is %s, want %s", want.Name, property, got, value)
			}
		}
	}
	if len(tables) != len(dynamo.Schema()) {
		t.Errorf("%d tables, want %d", len(tables), len(dynamo.Schema()))
	}
	for _, output := range []string{"ConnectionsTable", "RoomsTable", "LogTable", "TokenSecret"} {
		if data.Outputs[output] == nil {
			t.Errorf("no output %s", output)
		}
	}
}

// TestWhatMustSurviveHasAStackOfItsOwn wants what holds data in the one stack,
// nothing else there, and none of it in the other.
func TestWhatMustSurviveHasAStackOfItsOwn(t *testing.T) {
	stateful := []string{"AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"}
	stacks := synth(t, everything)
	for id, r := range stacks["data"].Resources {
		if !slices.Contains(stateful, r.Type) {
			t.Errorf("the data stack has %s, a %s", id, r.Type)
		}
	}
	for _, kind := range stateful {
		if left := stacks["app"].of(kind); len(left) > 0 || len(stacks["data"].of(kind)) == 0 {
			t.Errorf("%s: in the app stack %d, in the data stack %d", kind, len(left), len(stacks["data"].of(kind)))
		}
	}
}

// TestEncryption wants every store to be encrypted at rest: tables by
// DynamoDB's own key, which is there whatever is said
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/EncryptionAtRest.html),
// the rest as it says. TestWake looks at topic and queue.
func TestEncryption(t *testing.T) {
	stacks := synth(t, everything)
	for id, r := range stacks["data"].of("AWS::DynamoDB::Table") {
		if got := text(r.Properties["SSESpecification"]); got != `{"SSEEnabled":false}` { // that is, not with a key of KMS
			t.Errorf("%s has another key than DynamoDB's own: %s", id, got)
		}
	}
	for id, r := range stacks["app"].of("AWS::SNS::Topic") {
		if r.Properties["KmsMasterKeyId"] == nil {
			t.Errorf("%s is not encrypted", id)
		}
	}
	for id, r := range stacks["app"].of("AWS::KMS::Key") {
		if r.Properties["EnableKeyRotation"] != true {
			t.Errorf("%s is not rotated", id)
		}
		if r.DeletionPolicy != "Delete" || r.UpdateReplacePolicy != "Delete" || r.Properties["PendingWindowInDays"] != 7.0 {
			t.Errorf("%s outlives its stack, and costs: %s", id, text(r))
		}
	}
}

func TestFunctions(t *testing.T) {
	app := synth(t, nil)["app"]
	made := functionsOf(app)
	logs := app.of("AWS::Logs::LogGroup")
	for _, d := range functions {
		f, ok := made[d.name]
		if !ok {
			t.Errorf("no function %s", d.name)
			continue
		}
		p := f.Properties
		for property, want := range map[string]any{
			"Runtime": "provided.al2023", "Handler": "bootstrap", "FunctionName": "gapless-dev-" + d.name,
			"Timeout": d.timeout.Seconds(), "MemorySize": float64(d.memoryMB),
		} {
			if p[property] != want {
				t.Errorf("%s: %s is %v, want %v", d.name, property, p[property], want)
			}
		}
		if text(p["Architectures"]) != `["arm64"]` {
			t.Errorf("%s: architectures %v", d.name, p["Architectures"])
		}
		id := p["LoggingConfig"].(map[string]any)["LogGroup"].(map[string]any)["Ref"].(string)
		group := logs[id].Properties
		if group["LogGroupName"] != "/aws/lambda/gapless-dev-"+d.name || group["RetentionInDays"] != 7.0 {
			t.Errorf("%s: log group %s", d.name, text(group))
		}
	}
	if len(made) != len(functions) {
		t.Errorf("%d functions, want %d", len(made), len(functions))
	}
}

// TestEnvironment holds each function's environment against what it reads: no
// variable that it does not know, none missing that has no default.
func TestEnvironment(t *testing.T) {
	for name, f := range functionsOf(synth(t, nil)["app"]) {
		set := f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		known := map[string]bool{}
		for _, v := range variables(wants[name]) {
			known[v.name] = true
			if _, ok := set[v.name]; v.required && !ok {
				t.Errorf("%s: %s is not set and has no default", name, v.name)
			}
		}
		for variable := range set {
			if !known[variable] {
				t.Errorf("%s does not read %s", name, variable)
			}
		}
		secret, ok := set["GAPLESS_AUTH_SECRET_ARN"]
		if checks := known["GAPLESS_AUTH_SECRET_ARN"]; checks != ok {
			t.Errorf("%s gets the secret's name: %v, checks tokens: %v", name, ok, checks)
		}
		if ok && !strings.Contains(text(secret), "ExportsOutputReftokens") {
			t.Errorf("%s: not the secret's ARN: %v", name, secret)
		}
	}
}

// TestNoSecretIsWrittenOut wants no template to have CloudFormation put a
// secret's value anywhere: whoever may read a function's configuration could
// read it.
func TestNoSecretIsWrittenOut(t *testing.T) {
	for name, stack := range synth(t, everything) {
		if all := text(stack); strings.Contains(all, "{{resolve:") {
			t.Errorf("stack %s refers to a secret's value", name)
		}
	}
}

// TestIssuers wants either the secret or issuers, never both: the functions
// refuse that.
func TestIssuers(t *testing.T) {
	app := synth(t, map[string]any{
		"jwtIssuers": "https://id.example.com", "jwksUrl": "https://id.example.com/keys", "jwtAudiences": "rooms",
	})["app"]
	want := map[string]any{
		"GAPLESS_JWT_ISSUERS": "https://id.example.com", "GAPLESS_JWKS_URLS": "https://id.example.com/keys",
		"GAPLESS_JWT_AUDIENCES": "rooms", "GAPLESS_AUTH_SECRET_ARN": nil,
	}
	for _, name := range []string{"connect", "message"} {
		set := functionsOf(app)[name].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		for variable, value := range want {
			if set[variable] != value {
				t.Errorf("%s: %s is %v, want %v", name, variable, set[variable], value)
			}
		}
	}
	if strings.Contains(text(app), "secretsmanager:") {
		t.Error("somebody may read a secret that nobody uses")
	}
}

// TestAccess wants what pages may connect to reach the function that lets them.
func TestAccess(t *testing.T) {
	app := synth(t, map[string]any{"allowedOrigins": "https://a.example.com,https://b.example.com", "authCookie": "session"})["app"]
	set := functionsOf(app)["connect"].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
	if set["GAPLESS_ALLOWED_ORIGINS"] != "https://a.example.com,https://b.example.com" || set["GAPLESS_AUTH_COOKIE"] != "session" {
		t.Errorf("connect: %s", text(set))
	}
}

// TestOptionsReachWhatTheyAreAbout sets what no other test does.
func TestOptionsReachWhatTheyAreAbout(t *testing.T) {
	stacks := synth(t, map[string]any{
		"retentionHours": "48", "openRooms": "true", "postsPerSecond": "77", "logLevel": "debug", "logDays": "3",
		"throttleRate": "11", "alarmConnections": "5", "throttleBurst": "12", "broadcastConcurrency": "9", "gatewayAccount": "true", "protect": "true",
	})
	made := functionsOf(stacks["app"])
	for name, want := range map[string]string{
		"message": `"GAPLESS_RETENTION":"48h"`, "connect": `"GAPLESS_OPEN_ROOMS":"true"`,
		"broadcast": `"GAPLESS_POSTS_PER_SECOND":"77"`, "sweep": `"GAPLESS_LOG_LEVEL":"debug"`,
	} {
		if got := text(made[name].Properties["Environment"]); !strings.Contains(got, want) {
			t.Errorf("%s: no %s in %s", name, want, got)
		}
	}
	if got := made["broadcast"].Properties["ReservedConcurrentExecutions"]; got != 9.0 {
		t.Errorf("broadcast reserves %v", got)
	}
	kept := 0
	for id, r := range stacks["app"].Resources {
		if strings.HasPrefix(id, "gatewayaccount") && r.DeletionPolicy == "Retain" && r.UpdateReplacePolicy == "Retain" {
			kept++
		}
	}
	if kept != 2 {
		t.Error("the role that all APIs of the account log with, or its setting, goes with this stack")
	}
	for _, s := range stacks["app"].of("AWS::ApiGatewayV2::Stage") {
		if !slices.Contains(s.DependsOn, "gatewayaccount") {
			t.Errorf("the stage does not wait for the account's role: %v", s.DependsOn)
		}
	}
	if n := len(synth(t, nil)["app"].of("AWS::ApiGateway::Account")); n != 0 {
		t.Error("a setting of the whole account is changed without being asked for")
	}
	for kind, want := range map[string]string{
		"AWS::ApiGatewayV2::Stage": `"ThrottlingBurstLimit":12,"ThrottlingRateLimit":11`, "AWS::Logs::LogGroup": `"RetentionInDays":3`,
	} {
		for id, r := range stacks["app"].of(kind) {
			if got := text(r.Properties); !strings.Contains(got, want) {
				t.Errorf("%s: no %s in %s", id, want, got)
			}
		}
	}
	for _, r := range stacks["app"].of("AWS::CloudWatch::Alarm") {
		if r.Properties["AlarmName"] == "gapless-dev-open-connections" && r.Properties["Threshold"] != 5.0 {
			t.Errorf("open connections: %s", text(r.Properties))
		}
	}
	for id, r := range stacks["data"].of("AWS::DynamoDB::Table") {
		if r.Properties["DeletionProtectionEnabled"] != true {
			t.Errorf("%s is not protected", id)
		}
	}
}

func TestRoutes(t *testing.T) {
	app := synth(t, nil)["app"]
	for _, r := range app.of("AWS::ApiGatewayV2::Api") {
		if r.Properties["ProtocolType"] != "WEBSOCKET" || r.Properties["RouteSelectionExpression"] != "$request.body.action" {
			t.Errorf("API: %s", text(r.Properties))
		}
	}
	answered := map[string]bool{}
	for _, r := range app.of("AWS::ApiGatewayV2::RouteResponse") {
		if r.Properties["RouteResponseKey"] == "$default" {
			answered[r.Properties["RouteId"].(map[string]any)["Ref"].(string)] = true
		}
	}
	got := map[string]string{}
	for id, r := range app.of("AWS::ApiGatewayV2::Route") {
		target := r.Properties["Target"].(map[string]any)["Fn::Join"].([]any)[1].([]any)[1].(map[string]any)["Ref"].(string)
		got[r.Properties["RouteKey"].(string)] = fmt.Sprint(target, " ", answered[id] && r.Properties["RouteResponseSelectionExpression"] == "$default")
	}
	want := map[string]string{
		"$connect": "connectintegration false", "$disconnect": "disconnectintegration false",
		"$default": "messageintegration true", "ping": "pingintegration true",
	}
	for _, action := range protocol.Actions() {
		want[string(action)] = "messageintegration true"
	}
	if !maps.Equal(got, want) {
		t.Errorf("routes are %v, want %v", got, want)
	}
	ping := app.Resources["pingintegration"].Properties
	if ping["IntegrationType"] != "MOCK" || text(ping["RequestTemplates"]) != `{"$default":"{\"statusCode\":200}"}` {
		t.Errorf("ping: %s", text(ping))
	}
	pong := app.Resources["pingintegrationresponse"].Properties
	if pong["IntegrationResponseKey"] != "$default" || pong["TemplateSelectionExpression"] != `\$default` ||
		!reflect.DeepEqual(pong["ResponseTemplates"], map[string]any{"$default": protocol.Pong}) {
		t.Errorf("pong: %s", text(pong))
	}
}

// TestStage wants throttles, access logs that cannot hold a token, and the
// routes in the first deployment.
func TestStage(t *testing.T) {
	app := synth(t, nil)["app"]
	for _, s := range app.of("AWS::ApiGatewayV2::Stage") {
		if got, want := text(s.Properties["DefaultRouteSettings"]),
			`{"DataTraceEnabled":false,"LoggingLevel":"OFF","ThrottlingBurstLimit":1000,"ThrottlingRateLimit":2000}`; got != want {
			t.Errorf("settings are %s, want %s", got, want)
		}
		routes := s.Properties["RouteSettings"].(map[string]any)
		for route, want := range map[string]string{
			"$default": `{"DataTraceEnabled":false,"LoggingLevel":"OFF","ThrottlingBurstLimit":50,"ThrottlingRateLimit":100}`,
			"presence": `{"DataTraceEnabled":false,"LoggingLevel":"OFF","ThrottlingBurstLimit":250,"ThrottlingRateLimit":500}`,
			"history":  `{"DataTraceEnabled":false,"LoggingLevel":"OFF","ThrottlingBurstLimit":500,"ThrottlingRateLimit":1000}`,
			"sync":     `{"DataTraceEnabled":false,"LoggingLevel":"OFF","ThrottlingBurstLimit":500,"ThrottlingRateLimit":1000}`,
		} {
			if got := text(routes[route]); got != want {
				t.Errorf("route %s has %s, want %s", route, got, want)
			}
		}
		if len(routes) != 4 {
			t.Errorf("settings of %d routes", len(routes))
		}
		format := s.Properties["AccessLogSettings"].(map[string]any)["Format"].(string)
		var fields map[string]string
		if err := json.Unmarshal([]byte(format), &fields); err != nil {
			t.Fatal(err)
		}
		for _, value := range fields {
			if !slices.Contains(accessLog, strings.TrimPrefix(value, "$context.")) {
				t.Errorf("access log holds %s", value)
			}
		}
		for _, kind := range []string{"AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::RouteResponse", "AWS::ApiGatewayV2::IntegrationResponse"} {
			for id := range app.of(kind) {
				if !slices.Contains(s.DependsOn, id) {
					t.Errorf("the stage does not wait for %s", id)
				}
			}
		}
	}
}

func TestWake(t *testing.T) {
	app := synth(t, nil)["app"]
	for _, s := range app.of("AWS::SNS::Subscription") {
		if s.Properties["Protocol"] != "lambda" || !strings.Contains(text(s.Properties["RedrivePolicy"]), "deadletters") {
			t.Errorf("subscription: %s", text(s))
		}
	}
	if got := text(functionsOf(app)["broadcast"].Properties["DeadLetterConfig"]); !strings.Contains(got, "deadletters") {
		t.Errorf("the broadcaster's dead letters go to %s", got)
	}
	if got := text(app.of("AWS::SNS::Topic")); !strings.Contains(got, "alias/aws/sns") {
		t.Errorf("wake-ups are not encrypted: %s", got)
	}
	if got := text(app.of("AWS::SQS::Queue")); !strings.Contains(got, `"SqsManagedSseEnabled":true`) {
		t.Errorf("dead letters are not encrypted: %s", got)
	}
	for _, r := range app.of("AWS::Events::Rule") {
		if r.Properties["ScheduleExpression"] != "rate(1 minute)" || r.Properties["State"] != "ENABLED" ||
			!strings.Contains(text(r.Properties["Targets"]), "sweep") {
			t.Errorf("schedule: %s", text(r))
		}
	}
	for _, kind := range []string{"AWS::SNS::Subscription", "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::Events::Rule"} {
		if n := len(app.of(kind)); n != 1 {
			t.Errorf("%d of %s, want 1", n, kind)
		}
	}
}

func TestOutputs(t *testing.T) {
	outputs := synth(t, nil)["app"].Outputs
	for name, want := range map[string]*regexp.Regexp{
		"Url":                regexp.MustCompile(`"wss://".*execute-api.*/dev"`),
		"ManagementEndpoint": regexp.MustCompile(`"https://".*execute-api.*/dev"`),
		"DeadLetterQueue":    regexp.MustCompile(`deadletters`),
	} {
		if got := text(outputs[name]["Value"]); !want.MatchString(got) {
			t.Errorf("output %s is %s", name, got)
		}
	}
}
