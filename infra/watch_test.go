//go:build infra

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// TestAlarms wants each alarm to watch what its name says, of this deployment,
// and to go off when it should: the list repeats what is meant.
func TestAlarms(t *testing.T) {
	app := synth(t, nil)["app"]
	got := map[string]string{}
	for _, r := range app.of("AWS::CloudWatch::Alarm") {
		p := r.Properties
		name := strings.TrimPrefix(p["AlarmName"].(string), "gapless-dev-")
		if len(p["Metrics"].([]any)) != 1 {
			t.Fatalf("%s watches %s", name, text(p["Metrics"]))
		}
		watched := p["Metrics"].([]any)[0].(map[string]any)["MetricStat"].(map[string]any)
		metric := watched["Metric"].(map[string]any)
		got[name] = fmt.Sprint(metric["Namespace"], " ", metric["MetricName"], " ", watched["Stat"], " ", watched["Period"], "s ",
			p["ComparisonOperator"], " ", p["Threshold"], " ", p["DatapointsToAlarm"], "/", p["EvaluationPeriods"], " ", p["TreatMissingData"])
		if metric["Dimensions"] == nil || p["AlarmDescription"] == nil {
			t.Errorf("%s watches everything, or does not say why: %s", name, text(p))
		}
		if p["ActionsEnabled"] == false {
			t.Errorf("%s is switched off", name)
		}
	}
	const above = "60s GreaterThanThreshold "
	want := map[string]string{
		"dead-letters":      "AWS/SQS ApproximateNumberOfMessagesVisible Maximum " + above + "0 5/5 notBreaching",
		"wake-lag":          "AWS/Lambda AsyncEventAge Maximum " + above + "5000 3/3 notBreaching",
		"drain-lag":         "Gapless DrainLag Maximum " + above + "10000 3/5 notBreaching",
		"members-behind":    "Gapless MembersBehind Sum " + above + "60 3/5 notBreaching",
		"open-connections":  "Gapless OpenConnections Maximum " + above + "10000 3/5 notBreaching",
		"sweep-silence":     "Gapless OpenConnections SampleCount 60s LessThanThreshold 1 5/5 breaching",
		"gateway-5xx":       "AWS/ApiGateway IntegrationError Sum " + above + "5 1/1 notBreaching",
		"gateway-execution": "AWS/ApiGateway ExecutionError Sum " + above + "5 1/1 notBreaching",
		"gateway-4xx":       "AWS/ApiGateway ClientError Sum " + above + "600 5/5 notBreaching",
		"connections":       "AWS/ApiGateway ConnectCount Sum " + above + "24000 1/1 notBreaching",
	}
	for _, name := range []string{"connect", "disconnect", "message", "broadcast"} {
		want[name+"-errors"] = "AWS/Lambda Errors Sum " + above + "5 1/1 notBreaching"
		want[name+"-throttles"] = "AWS/Lambda Throttles Sum " + above + "5 1/1 notBreaching"
	}
	// The sweeper fails once a minute at most.
	want["sweep-errors"] = "AWS/Lambda Errors Sum " + above + "0 3/5 notBreaching"
	want["sweep-throttles"] = "AWS/Lambda Throttles Sum " + above + "0 3/5 notBreaching"
	for _, table := range dynamo.Schema() {
		want[table.Name+"-read-throttles"] = "AWS/DynamoDB ReadThrottleEvents Sum " + above + "5 2/2 notBreaching"
		want[table.Name+"-write-throttles"] = "AWS/DynamoDB WriteThrottleEvents Sum " + above + "5 2/2 notBreaching"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestOwnMetricsAreThoseThatTheFunctionsWrite wants alarms and dashboard to
// look where package telemetry writes: by the same names, of the functions that
// write them under their own name.
func TestOwnMetricsAreThoseThatTheFunctionsWrite(t *testing.T) {
	app := synth(t, nil)["app"]
	writers := map[string]string{}
	for _, m := range []telemetry.Metric{telemetry.DrainLag, telemetry.MembersBehind} {
		writers[m.Name] = "broadcast"
	}
	writers[telemetry.OpenConnections.Name] = "sweep"
	ids := map[string]string{}
	for id, r := range app.of("AWS::Lambda::Function") {
		for name, f := range functionsOf(app) {
			if reflect.DeepEqual(f, r) {
				ids[name] = id
			}
		}
	}
	watched := map[string]bool{}
	for _, r := range app.of("AWS::CloudWatch::Alarm") {
		metric := r.Properties["Metrics"].([]any)[0].(map[string]any)["MetricStat"].(map[string]any)["Metric"].(map[string]any)
		if metric["Namespace"] != telemetry.Namespace {
			continue
		}
		name := metric["MetricName"].(string)
		watched[name] = true
		want := `[{"Name":"` + telemetry.Dimension + `","Value":{"Ref":"` + ids[writers[name]] + `"}}]`
		if got := text(metric["Dimensions"]); got != want {
			t.Errorf("%s: the alarm looks at %s, want %s", name, got, want)
		}
	}
	for name := range writers {
		if !watched[name] {
			t.Errorf("no alarm looks at %s", name)
		}
	}
}

// TestDashboard reads the dashboard as CloudWatch does
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html):
// each graph by its title, with what it shows of what, by the minute.
func TestDashboard(t *testing.T) {
	app := synth(t, nil)["app"]
	all := slices.Collect(maps.Values(app.of("AWS::CloudWatch::Dashboard")))
	if len(all) != 1 || all[0].Properties["DashboardName"] != "gapless-dev" {
		t.Fatalf("dashboards: %s", text(all))
	}
	var body struct {
		Widgets []struct {
			Type                string
			X, Y, Width, Height int
			Properties          struct {
				Title, Region string
				Metrics       [][]any
			}
		}
	}
	if err := json.Unmarshal([]byte(joined(t, all[0].Properties["DashboardBody"])), &body); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	places := map[[2]int]string{}
	for _, w := range body.Widgets {
		if w.Type != "metric" || w.Properties.Region != "AWS::Region" || w.X+w.Width > 24 || places[[2]int{w.X, w.Y}] != "" {
			t.Errorf("widget: %+v", w)
		}
		places[[2]int{w.X, w.Y}] = w.Properties.Title
		for _, m := range w.Properties.Metrics {
			how, _ := m[len(m)-1].(map[string]any)
			if how["period"] != 60.0 {
				t.Errorf("%s: %v", w.Properties.Title, m)
			}
			line := fmt.Sprint(how["stat"])
			for _, part := range m[:len(m)-1] {
				line += " " + hash.ReplaceAllString(fmt.Sprint(part), "")
			}
			got[w.Properties.Title] = append(got[w.Properties.Title], line)
		}
	}
	each := func(form string, names ...string) (out []string) {
		for _, name := range names {
			out = append(out, fmt.Sprintf(form, name))
		}
		return out
	}
	names := []string{"connect", "disconnect", "message", "broadcast", "sweep"}
	tables := func(metrics ...string) (out []string) {
		for _, table := range []string{"connections", "rooms", "log"} {
			for _, metric := range metrics {
				out = append(out, "Sum AWS/DynamoDB "+metric+" TableName gapless-dev-data:ExportsOutputRef"+table)
			}
		}
		return out
	}
	const gateway = "Sum AWS/ApiGateway %s ApiId api Stage dev"
	want := map[string][]string{
		"Open connections":              {"Maximum Gapless OpenConnections FunctionName sweep"},
		"New connections and messages":  each(gateway, "ConnectCount", "MessageCount"),
		"Refused and failed requests":   each(gateway, "ClientError", "IntegrationError", "ExecutionError"),
		"Drain lag above a second (ms)": {"Maximum Gapless DrainLag FunctionName broadcast"},
		"Wait for a broadcaster (ms)":   {"p50 AWS/Lambda AsyncEventAge FunctionName broadcast", "p99 AWS/Lambda AsyncEventAge FunctionName broadcast"},
		"Members given up as too slow":  {"Sum Gapless MembersBehind FunctionName broadcast"},
		"Invocations":                   each("Sum AWS/Lambda Invocations FunctionName %s", names...),
		"Duration, p99 (ms)":            each("p99 AWS/Lambda Duration FunctionName %s", names...),
		"Errors and throttles":          append(each("Sum AWS/Lambda Errors FunctionName %s", names...), each("Sum AWS/Lambda Throttles FunctionName %s", names...)...),
		"Capacity units written":        tables("ConsumedWriteCapacityUnits"),
		"Capacity units read":           tables("ConsumedReadCapacityUnits"),
		"Table throttles and dead letters": append(tables("ReadThrottleEvents", "WriteThrottleEvents"),
			"Maximum AWS/SQS ApproximateNumberOfMessagesVisible QueueName deadletters.QueueName"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// joined is a text that the template joins, with the names of what it refers
// to in the place of their values.
func joined(t *testing.T, v any) string {
	t.Helper()
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok {
			return ref
		}
		if name, ok := v["Fn::ImportValue"].(string); ok {
			return name
		}
		if of, ok := v["Fn::GetAtt"].([]any); ok {
			return fmt.Sprint(of[0], ".", of[1])
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			var out []string
			for _, part := range join[1].([]any) {
				out = append(out, joined(t, part))
			}
			return strings.Join(out, join[0].(string))
		}
	}
	t.Fatalf("cannot join %s", text(v))
	return ""
}
