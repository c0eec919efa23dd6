package stack_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/stack"
)

// What a developer tries first answers, and what is not there says so in the
// form of the caller's protocol.
func TestEndpoint(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	const query = "application/x-www-form-urlencoded"
	for _, test := range []struct {
		name, key, service, method, path, contentType, target, body string
		status                                                      int
		want                                                        string
	}{
		{"identity", "x", "sts", "POST", "/", query, "", "Action=GetCallerIdentity&Version=2011-06-15", 200, "<Arn>arn:aws:iam::000000000000:root</Arn>"},
		{"a function's identity", "ASIALOCALMESSAGE", "sts", "POST", "/", query, "", "Action=GetCallerIdentity", 200, "<Arn>arn:aws:sts::000000000000:assumed-role/gapless-local-message/gapless-local-message</Arn>"},
		{"other action of STS", "x", "sts", "POST", "/", query, "", "Action=GetSessionToken", 400, "<Code>InvalidAction</Code>"},
		{"functions", "x", "lambda", "GET", "/2015-03-31/functions/", "", "", "", 200, `"FunctionName":"gapless-local-message"`},
		{"function", "x", "lambda", "GET", "/2015-03-31/functions/message", "", "", "", 200, `"FunctionName":"gapless-local-message"`},
		{"APIs", "x", "apigateway", "GET", "/v2/apis", "", "", "", 200, `"protocolType":"WEBSOCKET"`},
		{"log groups", "x", "logs", "POST", "/", "application/x-amz-json-1.1", "Logs_20140328.DescribeLogGroups", "{}", 200, `"logGroupName":"/aws/lambda/gapless-local-sweep"`},
		{"secrets", "x", "secretsmanager", "POST", "/", "application/x-amz-json-1.1", "secretsmanager.ListSecrets", "{}", 200, stack.TokenSecret},
		{"no service, JSON", "x", "kms", "POST", "/", "application/x-amz-json-1.1", "TrentService.ListKeys", "{}", 501, `{"__type":"UnsupportedByLocalAWSException","message":"the local AWS has no service kms"}`},
		{"no service, Query", "x", "cloudformation", "POST", "/", query, "", "Action=ListStacks", 501, "<Code>UnsupportedByLocalAWSException</Code>"},
		{"no service, REST", "x", "s3", "GET", "/", "", "", "", 501, "<Error><Code>UnsupportedByLocalAWSException</Code>"},
		{"unknown call of a function", "ASIALOCALMESSAGE", "sns", "POST", "/", query, "", "Action=ListTopics", 501, "<Code>UnsupportedByLocalAWSException</Code>"},
		{"denied call of a function", "ASIALOCALMESSAGE", "dynamodb", "POST", "/", "application/x-amz-json-1.0", "DynamoDB_20120810.Scan", `{"TableName":"gapless-local-log"}`, 400, `"__type":"AccessDeniedException"`},
		{"a table by its ARN", "ASIALOCALMESSAGE", "dynamodb", "POST", "/", "application/x-amz-json-1.0", "DynamoDB_20120810.Scan", `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/gapless-local-log"}`, 400, `on resource: arn:aws:dynamodb:us-east-1:000000000000:table/gapless-local-log because`},
		{"unsigned", "", "", "POST", "/", "application/x-amz-json-1.0", "DynamoDB_20120810.ListTables", "{}", 403, `"__type":"MissingAuthenticationToken"`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, server.URL+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		if test.key != "" {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+test.key+"/20251123/us-east-1/"+test.service+"/aws4_request, SignedHeaders=host, Signature=x")
		}
		r.Header.Set("Content-Type", test.contentType)
		if test.target != "" {
			r.Header.Set("X-Amz-Target", test.target)
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != test.status || !strings.Contains(string(body), test.want) {
			t.Errorf("%s: %d %s", test.name, response.StatusCode, body)
		}
	}
}

// The log of a function is where `aws logs tail` looks.
func TestFunctionsAreLogged(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range s.Logs.Events("/aws/lambda/gapless-local-sweep") {
		all.WriteString(e.Message + "\n")
	}
	for _, want := range []string{"START RequestId: ", `"msg":"swept"`, "END RequestId: ", "REPORT RequestId: "} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no %q in %s", want, all.String())
		}
	}
}

// Nothing that a function is told leads to AWS.
func TestEnvironmentsNameNoHostOfAWS(t *testing.T) {
	t.Parallel()
	environments, err := stack.Outside("http://localhost:3002")
	if err != nil {
		t.Fatal(err)
	}
	for function, environ := range environments {
		for name, value := range environ {
			if strings.Contains(value, "amazonaws.com") {
				t.Errorf("%s: %s=%s", function, name, value)
			}
		}
	}
	if got, want := environments["sweep"]["GAPLESS_DEAD_LETTER_QUEUE"], "http://localhost:3002/000000000000/gapless-local-dead-letters"; got != want {
		t.Errorf("the queue's URL is %s, want %s", got, want)
	}
}
