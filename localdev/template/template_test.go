package template_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gapless-rooms/gapless/infra/assembly"
	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/schedule"
	"github.com/gapless-rooms/gapless/localdev/sns"
	"github.com/gapless-rooms/gapless/localdev/template"
	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

const secret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:gapless/local/tokens-local0" //nolint:gosec // its name

// parse reads the committed templates.
func parse(t *testing.T, options template.Options) *template.Template {
	t.Helper()
	// The order of the templates does not matter.
	out, err := template.Parse(options, assembly.App, assembly.Data)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAPI(t *testing.T) {
	t.Parallel()
	proxy := func(name string) gateway.Integration {
		return gateway.Integration{Type: gateway.IntegrationProxy, Function: name}
	}
	want := gateway.API{
		ID: "local", Stage: "local", Region: "us-east-1", AccountID: "000000000000",
		ProtocolType: "WEBSOCKET", RouteSelectionExpression: "$request.body.action",
		DefaultThrottle: gateway.Throttle{Rate: 2000, Burst: 1000},
		RouteThrottles: map[string]gateway.Throttle{
			"$default": {Rate: 100, Burst: 50}, "history": {Rate: 1000, Burst: 500},
			"presence": {Rate: 500, Burst: 250}, "sync": {Rate: 1000, Burst: 500},
		},
		Routes: map[string]gateway.Route{
			"$connect":    {Integration: "connectintegration", AuthorizationType: "NONE"},
			"$disconnect": {Integration: "disconnectintegration", AuthorizationType: "NONE"},
			"$default":    {Integration: "messageintegration", AuthorizationType: "NONE", RouteResponse: true},
			"ping":        {Integration: "pingintegration", AuthorizationType: "NONE", RouteResponse: true},
		},
		Integrations: map[string]gateway.Integration{
			"connectintegration": proxy("connect"), "disconnectintegration": proxy("disconnect"), "messageintegration": proxy("message"),
			"pingintegration": {
				Type:             gateway.IntegrationMock,
				RequestTemplates: map[string]string{"$default": `{"statusCode":200}`},
				Responses: map[string]gateway.IntegrationResponse{"$default": {
					TemplateSelectionExpression: `\$default`,
					ResponseTemplates:           map[string]string{"$default": protocol.Pong},
				}},
			},
		},
	}
	for _, action := range protocol.Actions() {
		want.Routes[string(action)] = gateway.Route{Integration: "messageintegration", AuthorizationType: "NONE", RouteResponse: true}
	}
	if diff := cmp.Diff(want, parse(t, template.Options{}).API); diff != "" {
		t.Error(diff)
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	var want []template.Table
	for _, table := range dynamo.Schema() {
		sort := types.ScalarAttributeTypeS
		if table.NumericSort {
			sort = types.ScalarAttributeTypeN
		}
		want = append(want, template.Table{
			Create: dynamodb.CreateTableInput{
				TableName: aws.String("gapless-local-" + table.Name), BillingMode: types.BillingModePayPerRequest,
				AttributeDefinitions: []types.AttributeDefinition{
					{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS},
					{AttributeName: aws.String("sk"), AttributeType: sort},
				},
				KeySchema: []types.KeySchemaElement{
					{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash},
					{AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange},
				},
			},
			TTLAttribute: "x",
		})
	}
	byName := cmpopts.SortSlices(func(a, b template.Table) bool { return *a.Create.TableName < *b.Create.TableName })
	ignore := cmpopts.IgnoreUnexported(dynamodb.CreateTableInput{}, types.AttributeDefinition{}, types.KeySchemaElement{})
	if diff := cmp.Diff(want, parse(t, template.Options{}).Tables, byName, ignore); diff != "" {
		t.Error(diff)
	}
}

func TestWakeAndSchedule(t *testing.T) {
	t.Parallel()
	got := parse(t, template.Options{QueueURL: func(name string) string { return "http://queues/" + name }})
	want := &template.Template{
		Topics: []template.Topic{{Name: "gapless-local-wake", ARN: "arn:aws:sns:us-east-1:000000000000:gapless-local-wake", Policy: template.ResourcePolicy{
			overTLS("AllowPublishThroughSSLOnly", "sns:Publish", "arn:aws:sns:us-east-1:000000000000:gapless-local-wake"),
		}}},
		Queues: []template.Queue{{
			Name: "gapless-local-dead-letters", ARN: "arn:aws:sqs:us-east-1:000000000000:gapless-local-dead-letters",
			URL: "http://queues/gapless-local-dead-letters",
			Attributes: map[string]string{
				"MessageRetentionPeriod": "1209600", "SqsManagedSseEnabled": "true", "VisibilityTimeout": "60",
			},
			Policy: template.ResourcePolicy{
				overTLS("", "sqs:*", "arn:aws:sqs:us-east-1:000000000000:gapless-local-dead-letters"),
				{
					Statement: template.Statement{
						Actions: []string{"sqs:SendMessage"}, Resources: []string{"arn:aws:sqs:us-east-1:000000000000:gapless-local-dead-letters"},
					},
					Principals: []string{"sns.amazonaws.com"},
					Conditions: []template.Condition{{
						Operator: "ArnEquals", Key: "aws:SourceArn", Values: []string{"arn:aws:sns:us-east-1:000000000000:gapless-local-wake"},
					}},
				},
			},
		}},
		Secrets: []template.Secret{{Name: "gapless/local/tokens", ARN: secret}},
		Subscriptions: []sns.Subscription{{
			TopicARN: "arn:aws:sns:us-east-1:000000000000:gapless-local-wake", Protocol: "lambda",
			Endpoint:      "arn:aws:lambda:us-east-1:000000000000:function:broadcast",
			DeadLetterARN: "arn:aws:sqs:us-east-1:000000000000:gapless-local-dead-letters",
		}},
		Rules: []schedule.Rule{{Name: "sweep", Expression: "rate(1 minute)", Function: "sweep"}},
	}
	only := cmpopts.IgnoreFields(template.Template{}, "API", "Tables", "Functions", "Outputs")
	if diff := cmp.Diff(want, got, only); diff != "" {
		t.Error(diff)
	}
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	got := parse(t, template.Options{GatewayURL: "http://localhost:3001"})
	var names []string
	for _, f := range got.Functions {
		names = append(names, f.Name)
	}
	if want := []string{"broadcast", "connect", "disconnect", "message", "sweep"}; !slices.Equal(names, want) {
		t.Fatalf("functions are %v, want %v", names, want)
	}
	broadcast, _ := got.Function("broadcast")
	zero := 0
	sweep, _ := got.Function("sweep")
	checks := []struct{ what, got, want any }{
		{"full name", broadcast.FullName, "gapless-local-broadcast"},
		{"timeout", broadcast.Timeout, time.Minute},
		{"memory", broadcast.MemoryMB, 256},
		{"dead letters", broadcast.DeadLetterARN, "arn:aws:sqs:us-east-1:000000000000:gapless-local-dead-letters"},
		{"retries", broadcast.MaxRetries, (*int)(nil)},
		{"sweeper's retries", sweep.MaxRetries, &zero},
		{"sweeper's event age", sweep.MaxEventAge, time.Minute},
		{"environment", broadcast.Env, map[string]string{
			"GAPLESS_CONNECTIONS_TABLE": "gapless-local-connections", "GAPLESS_ROOMS_TABLE": "gapless-local-rooms",
			"GAPLESS_LOG_TABLE": "gapless-local-log", "GAPLESS_GATEWAY_ENDPOINT": "http://localhost:3001/local",
			"GAPLESS_WAKE_TOPIC": "arn:aws:sns:us-east-1:000000000000:gapless-local-wake",
			"GAPLESS_LOG_LEVEL":  "info", "GAPLESS_POSTS_PER_SECOND": "2000", "GAPLESS_RETENTION": "24h",
		}},
		{"sweeper's queue", sweep.Env["GAPLESS_DEAD_LETTER_QUEUE"], "https://sqs.us-east-1.amazonaws.com/000000000000/gapless-local-dead-letters"},
		{"url", got.Outputs["Url"], "wss://local.execute-api.us-east-1.amazonaws.com/local"},
		{"management endpoint", got.Outputs["ManagementEndpoint"], "http://localhost:3001/local"},
		{"table output", got.Outputs["LogTable"], "gapless-local-log"},
	}
	for _, name := range []string{"connect", "message"} {
		f, _ := got.Function(name)
		checks = append(checks, struct{ what, got, want any }{name + "'s secret", f.Env["GAPLESS_AUTH_SECRET_ARN"], secret})
	}
	for _, c := range checks {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: %s", c.what, diff)
		}
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	got := parse(t, template.Options{})
	const aws = "us-east-1:000000000000:"
	table := func(name string) string { return "arn:aws:dynamodb:" + aws + "table/gapless-local-" + name }
	post := "arn:aws:execute-api:" + aws + "local/local/POST/@connections/pI7SR9vliC4leWg="
	tests := []struct {
		function, action, resource string
		want                       bool
	}{
		{"connect", "dynamodb:PutItem", table("connections"), true},
		{"connect", "dynamodb:putitem", table("connections"), true},
		{"connect", "dynamodb:DeleteItem", table("connections"), false},
		{"connect", "dynamodb:PutItem", table("rooms"), false},
		{"connect", "secretsmanager:GetSecretValue", secret, true},
		{"broadcast", "secretsmanager:GetSecretValue", secret, false},
		{"message", "sns:Publish", "arn:aws:sns:" + aws + "gapless-local-wake", true},
		{"message", "execute-api:ManageConnections", post, false},
		{"broadcast", "execute-api:ManageConnections", post, true},
		{"broadcast", "execute-api:ManageConnections", strings.Replace(post, "POST", "DELETE", 1), false},
		{"sweep", "execute-api:ManageConnections", strings.Replace(post, "POST", "DELETE", 1), true},
		{"sweep", "sqs:ReceiveMessage", "arn:aws:sqs:" + aws + "gapless-local-dead-letters", true},
		{"sweep", "sqs:SendMessage", "arn:aws:sqs:" + aws + "gapless-local-dead-letters", false},
	}
	for _, test := range tests {
		f, _ := got.Function(test.function)
		if allowed := f.Policy.Allows(test.action, test.resource); allowed != test.want {
			t.Errorf("%s: %s on %s: %v, want %v", test.function, test.action, test.resource, allowed, test.want)
		}
		if without := f.Policy.Without(test.action, test.resource); test.want && test.action == "dynamodb:PutItem" && without.Allows(test.action, test.resource) {
			t.Errorf("%s: %s on %s is allowed without its grant", test.function, test.action, test.resource)
		}
	}
}

func TestPolicyEvaluation(t *testing.T) {
	t.Parallel()
	allow := func(action, resource string) template.Statement {
		return template.Statement{Actions: []string{action}, Resources: []string{resource}}
	}
	deny := allow("s3:DeleteObject", "arn:b/*")
	deny.Deny = true
	p := template.Policy{allow("s3:*Object", "arn:?/x*z"), deny}
	for call, want := range map[[2]string]bool{
		{"s3:GetObject", "arn:a/xyz"}: true, {"s3:GetObject", "arn:a/xz"}: true, {"s3:GetObject", "arn:ab/xz"}: false,
		{"s3:GetObject", "arn:a/xzy"}: false, {"s3:ListBucket", "arn:a/xz"}: false, {"s3:DeleteObject", "arn:b/xz"}: false,
		{"s3:GetObject", "ARN:a/xz"}: false, {"s3:DeleteObject", "arn:a/xz"}: true,
	} {
		if got := p.Allows(call[0], call[1]); got != want {
			t.Errorf("%v: %v, want %v", call, got, want)
		}
	}
}

// edit changes the app's template and returns what reading it fails with.
func edit(t *testing.T, change func(template map[string]any)) error {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(assembly.App, &doc); err != nil {
		t.Fatal(err)
	}
	change(doc)
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	_, err = template.Parse(template.Options{}, assembly.Data, b)
	return err
}

// TestUnknownIsRefused changes the template in ways that must not be passed
// over, and wants each to be named.
func TestUnknownIsRefused(t *testing.T) {
	t.Parallel()
	resources := func(doc map[string]any) map[string]any { return doc["Resources"].(map[string]any) }
	first := func(doc map[string]any, kind string) map[string]any {
		for _, id := range slices.Sorted(maps.Keys(resources(doc))) {
			if r := resources(doc)[id].(map[string]any); r["Type"] == kind {
				return r["Properties"].(map[string]any)
			}
		}
		t.Errorf("no %s", kind)
		return nil
	}
	set := func(kind, property string, value any) func(map[string]any) {
		return func(doc map[string]any) { first(doc, kind)[property] = value }
	}
	add := func(kind string) func(map[string]any) {
		return func(doc map[string]any) { resources(doc)["new"] = map[string]any{"Type": kind} }
	}
	tests := map[string]struct {
		change func(map[string]any)
		is     error
		names  string
	}{
		"resource type":     {add("AWS::Kinesis::Stream"), template.ErrUnknownType, "AWS::Kinesis::Stream"},
		"second API":        {add("AWS::ApiGatewayV2::Api"), template.ErrUnsupported, "second API"},
		"property":          {set("AWS::Lambda::Function", "VpcConfig", map[string]any{}), template.ErrUnsupported, "VpcConfig"},
		"runtime":           {set("AWS::Lambda::Function", "Runtime", "python3.13"), template.ErrUnsupported, "python3.13"},
		"event pattern":     {set("AWS::Events::Rule", "EventPattern", map[string]any{}), template.ErrUnsupported, "EventPattern"},
		"inner property":    {set("AWS::Events::Rule", "Targets", []any{map[string]any{"Arn": "a", "InputPath": "$.x"}}), template.ErrUnsupported, "InputPath"},
		"FIFO":              {set("AWS::SNS::Topic", "FifoTopic", true), template.ErrUnsupported, "FifoTopic"},
		"managed policy":    {set("AWS::IAM::Role", "ManagedPolicyArns", []any{"arn:aws:iam::aws:policy/AdministratorAccess"}), template.ErrUnsupported, "AdministratorAccess"},
		"attribute":         {set("AWS::SNS::Subscription", "Endpoint", map[string]any{"Fn::GetAtt": []any{"stage0661E4AC", "Arn"}}), template.ErrUnsupported, "stage0661E4AC.Arn"},
		"intrinsic":         {set("AWS::SNS::Topic", "TopicName", map[string]any{"Fn::If": []any{"a", "b", "c"}}), template.ErrUnsupported, "Fn::If"},
		"missing resource":  {set("AWS::SNS::Subscription", "TopicArn", map[string]any{"Ref": "nowhere"}), nil, "nowhere"},
		"missing export":    {set("AWS::SNS::Topic", "TopicName", map[string]any{"Fn::ImportValue": "nothing"}), nil, "nothing"},
		"dynamic reference": {set("AWS::SNS::Topic", "DisplayName", "{{resolve:ssm:/a}}"), template.ErrUnsupported, "ssm"},
		"conditions":        {func(doc map[string]any) { doc["Conditions"] = map[string]any{"a": true} }, template.ErrUnsupported, "Conditions"},
		"condition on a grant": {func(doc map[string]any) {
			statements := first(doc, "AWS::IAM::Policy")["PolicyDocument"].(map[string]any)["Statement"].([]any)
			statements[0].(map[string]any)["Condition"] = map[string]any{"Bool": map[string]any{"aws:SecureTransport": "true"}}
		}, template.ErrUnsupported, "Condition"},
		"condition on a queue": {func(doc map[string]any) {
			statements := first(doc, "AWS::SQS::QueuePolicy")["PolicyDocument"].(map[string]any)["Statement"].([]any)
			statements[0].(map[string]any)["Condition"] = map[string]any{"IpAddress": map[string]any{"aws:SourceIp": "192.0.2.0/24"}}
		}, template.ErrUnsupported, "IpAddress of aws:SourceIp"},
		"route to nowhere": {set("AWS::ApiGatewayV2::Route", "Target", "integrations/nowhere"), nil, "nowhere"},
	}
	for name, test := range tests {
		err := edit(t, test.change)
		if err == nil || (test.is != nil && !errors.Is(err, test.is)) || !strings.Contains(err.Error(), test.names) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPermissionsAreNeeded takes each permission to invoke a function away: on
// AWS that would show only when the function is to run.
func TestPermissionsAreNeeded(t *testing.T) {
	t.Parallel()
	var doc struct {
		Resources map[string]struct{ Type string }
	}
	if err := json.Unmarshal(assembly.App, &doc); err != nil {
		t.Fatal(err)
	}
	taken := 0
	for id, r := range doc.Resources {
		if r.Type != "AWS::Lambda::Permission" {
			continue
		}
		taken++
		err := edit(t, func(doc map[string]any) { delete(doc["Resources"].(map[string]any), id) })
		if !errors.Is(err, template.ErrNotPermitted) {
			t.Errorf("without %s: %v", id, err)
		}
	}
	if taken != 5 {
		t.Errorf("%d permissions, want 5", taken)
	}
}

// TestIntrinsics resolves what CDK writes in other templates than ours.
func TestIntrinsics(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`{"Ref":"AWS::Region"}`:                                    "eu-central-1",
		`{"Ref":"Parameter"}`:                                      "7",
		`{"Fn::Sub":"${AWS::AccountId}-${t}-${!kept}"}`:            "000000000000-arn:aws:sns:eu-central-1:000000000000:t-${kept}",
		`{"Fn::Sub":["${a}/${t.TopicName}",{"a":{"Ref":"q"}}]}`:    "https://sqs.eu-central-1.amazonaws.com/000000000000/q/t",
		`{"Fn::Join":["-",["a",{"Fn::Select":["1",["x","y"]]}]]}`:  "a-y",
		`{"Fn::GetAtt":"q.Arn"}`:                                   "arn:aws:sqs:eu-central-1:000000000000:q",
		`{"Fn::ImportValue":{"Fn::Sub":"${AWS::Partition}:name"}}`: "arn:aws:sns:eu-central-1:000000000000:t",
	} {
		source := `{"Parameters":{"Parameter":{"Type":"Number","Default":7}},
			"Resources":{"t":{"Type":"AWS::SNS::Topic"},"q":{"Type":"AWS::SQS::Queue"}},
			"Outputs":{"Exported":{"Value":{"Ref":"t"},"Export":{"Name":"aws:name"}},"Got":{"Value":` + expression + `}}}`
		got, err := template.Parse(template.Options{Region: "eu-central-1"}, []byte(source))
		if err != nil || got.Outputs["Got"] != want {
			t.Errorf("%s: %v, %v, want %s", expression, got, err, want)
		}
	}
}

// overTLS is the statement that cdk-nag asks for.
func overTLS(sid, action, resource string) template.ResourceStatement {
	return template.ResourceStatement{
		Statement:  template.Statement{Sid: sid, Deny: true, Actions: []string{action}, Resources: []string{resource}},
		Principals: []string{"*"},
		Conditions: []template.Condition{{Operator: "Bool", Key: "aws:SecureTransport", Values: []string{"false"}}},
	}
}
