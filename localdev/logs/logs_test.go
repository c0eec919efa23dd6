package logs_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/localdev/logs"
)

const group = "/aws/lambda/f"

// setup has six lines of two streams, a second apart.
func setup(t *testing.T) *logs.Service {
	t.Helper()
	s := logs.RunT(t, logs.Config{Keep: 6})
	s.CreateGroup("/aws/lambda/empty")
	for i := range 9 { // of which the first three go
		s.Put(group, fmt.Sprint("s", i%2), time.UnixMilli(int64(i)*1000), fmt.Sprint("line ", i))
	}
	return s
}

// call does an operation and returns its answer, or the error's name.
func call(t *testing.T, s *logs.Service, operation, body string) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://logs.local", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "Logs_20140328."+operation)
	response, err := s.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return answer
}

func messages(answer map[string]any) []string {
	texts := []string{}
	for _, e := range answer["events"].([]any) {
		texts = append(texts, e.(map[string]any)["message"].(string))
	}
	return texts
}

func TestFilterLogEvents(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, test := range []struct {
		body string
		want []string
	}{
		{`{}`, []string{"line 3", "line 4", "line 5", "line 6", "line 7", "line 8"}},
		{`{"startTime":5000,"endTime":7000}`, []string{"line 5", "line 6"}},
		{`{"logStreamNames":["s0"],"interleaved":true}`, []string{"line 4", "line 6", "line 8"}},
		{`{"logStreamNamePrefix":"s1"}`, []string{"line 3", "line 5", "line 7"}},
		{`{"filterPattern":"line -5 -6 ?3 ?7"}`, []string{"line 3", "line 7"}},
		{`{"filterPattern":"\"line 4\""}`, []string{"line 4"}},
	} {
		body := strings.Replace(test.body, "{", `{"logGroupName":"`+group+`",`, 1)
		body = strings.Replace(body, ",}", "}", 1)
		if diff := cmp.Diff(test.want, messages(call(t, s, "FilterLogEvents", body))); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	var all []string
	token := ""
	for {
		answer := call(t, s, "FilterLogEvents", fmt.Sprintf(`{"logGroupIdentifier":%q,"limit":4%s}`, s.ARN(group), token))
		all = append(all, messages(answer)...)
		next, more := answer["nextToken"]
		if !more {
			break
		}
		token = fmt.Sprintf(`,"nextToken":%q`, next)
	}
	if diff := cmp.Diff([]string{"line 3", "line 4", "line 5", "line 6", "line 7", "line 8"}, all); diff != "" {
		t.Error(diff)
	}
}

func TestGetLogEvents(t *testing.T) {
	t.Parallel()
	s := setup(t)
	get := func(more string) map[string]any {
		return call(t, s, "GetLogEvents", `{"logGroupName":"`+group+`","logStreamName":"s0","limit":2`+more+`}`)
	}
	last := get("")
	if diff := cmp.Diff([]string{"line 6", "line 8"}, messages(last)); diff != "" {
		t.Error(diff)
	}
	before := get(fmt.Sprintf(`,"nextToken":%q`, last["nextBackwardToken"]))
	if diff := cmp.Diff([]string{"line 4"}, messages(before)); diff != "" {
		t.Error(diff)
	}
	first := get(`,"startFromHead":true`)
	if diff := cmp.Diff([]string{"line 4", "line 6"}, messages(first)); diff != "" {
		t.Error(diff)
	}
	after := get(fmt.Sprintf(`,"nextToken":%q`, first["nextForwardToken"]))
	if diff := cmp.Diff([]string{"line 8"}, messages(after)); diff != "" {
		t.Error(diff)
	}
	// At the end a client gets the token that it had.
	end := get(fmt.Sprintf(`,"nextToken":%q`, after["nextForwardToken"]))
	if len(messages(end)) != 0 || end["nextForwardToken"] != after["nextForwardToken"] {
		t.Errorf("at the end: %v", end)
	}
}

func TestGroupsAndStreams(t *testing.T) {
	t.Parallel()
	s := setup(t)
	groups := call(t, s, "DescribeLogGroups", `{"logGroupNamePrefix":"/aws/lambda/","limit":1}`)
	if first := groups["logGroups"].([]any)[0].(map[string]any); first["logGroupName"] != "/aws/lambda/empty" || groups["nextToken"] == nil {
		t.Errorf("%v", groups)
	}
	groups = call(t, s, "DescribeLogGroups", `{"logGroupNamePattern":"Lambda/F"}`)
	if first := groups["logGroups"].([]any)[0].(map[string]any); first["logGroupArn"] != s.ARN(group) || first["arn"] != s.ARN(group)+":*" {
		t.Errorf("%v", groups)
	}
	streams := call(t, s, "DescribeLogStreams", `{"logGroupName":"`+group+`","orderBy":"LastEventTime","descending":true}`)["logStreams"].([]any)
	if newest := streams[0].(map[string]any); len(streams) != 2 || newest["logStreamName"] != "s0" || newest["lastEventTimestamp"] != 8000.0 || newest["firstEventTimestamp"] != 4000.0 {
		t.Errorf("%v", streams)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, test := range []struct{ operation, body, want string }{
		{"FilterLogEvents", `{"logGroupName":"nope"}`, "ResourceNotFoundException"},
		{"GetLogEvents", `{"logGroupName":"` + group + `","logStreamName":"nope"}`, "ResourceNotFoundException"},
		{"FilterLogEvents", `{"logGroupName":"` + group + `","filterPattern":"{ $.x = 1 }"}`, "InvalidParameterException"},
		{"FilterLogEvents", `{"logGroupName":"` + group + `","limit":0}`, "InvalidParameterException"},
		{"GetLogEvents", `{"logGroupName":"` + group + `","logStreamName":"s0","nextToken":"x"}`, "InvalidParameterException"},
		{"DescribeLogGroups", `{"includeLinkedAccounts":true}`, "UnsupportedOperationException"},
		{"PutLogEvents", `{}`, "UnsupportedOperationException"},
	} {
		if got := call(t, s, test.operation, test.body); got["__type"] != test.want {
			t.Errorf("%s %s: %v", test.operation, test.body, got)
		}
	}
}
