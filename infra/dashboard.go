//go:build infra

package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// addDashboard shows a deployment on one page: clients above, functions in the
// middle, data below.
func (a *application) addDashboard() {
	each := func(name, statistic string) []awscloudwatch.IMetric {
		var out []awscloudwatch.IMetric
		for _, d := range functions {
			out = append(out, a.functionMetric(d.name, name, statistic))
		}
		return out
	}
	tables := func(names ...string) []awscloudwatch.IMetric {
		var out []awscloudwatch.IMetric
		for _, t := range []string{"connections", "rooms", "log"} {
			for _, name := range names {
				out = append(out, a.tableMetric(t, name))
			}
		}
		return out
	}
	dashboard := awscloudwatch.NewDashboard(a.stack, jsii.String("dashboard"), &awscloudwatch.DashboardProps{
		DashboardName: jsii.String("gapless-" + a.options.Stage),
	})
	dashboard.AddWidgets(
		graph("Open connections", a.ownMetric("sweep", telemetry.OpenConnections, "Maximum")),
		graph("New connections and messages", a.gatewayMetric("ConnectCount"), a.gatewayMetric("MessageCount")),
		graph("Refused and failed requests", a.gatewayMetric("ClientError"), a.gatewayMetric("IntegrationError"), a.gatewayMetric("ExecutionError")),
	)
	dashboard.AddWidgets(
		graph("Drain lag above a second (ms)", a.ownMetric("broadcast", telemetry.DrainLag, "Maximum")),
		graph("Wait for a broadcaster (ms)", a.functionMetric("broadcast", "AsyncEventAge", "p50"), a.functionMetric("broadcast", "AsyncEventAge", "p99")),
		graph("Members given up as too slow", a.ownMetric("broadcast", telemetry.MembersBehind, "Sum")),
	)
	dashboard.AddWidgets(
		graph("Invocations", each("Invocations", "Sum")...),
		graph("Duration, p99 (ms)", each("Duration", "p99")...),
		graph("Errors and throttles", append(each("Errors", "Sum"), each("Throttles", "Sum")...)...),
	)
	dashboard.AddWidgets(
		graph("Capacity units written", tables("ConsumedWriteCapacityUnits")...),
		graph("Capacity units read", tables("ConsumedReadCapacityUnits")...),
		graph("Table throttles and dead letters", append(tables("ReadThrottleEvents", "WriteThrottleEvents"), a.queueMetric("ApproximateNumberOfMessagesVisible"))...),
	)
}

// graphWidth gives three graphs to a row of CloudWatch's 24 columns.
const graphWidth = 8

func graph(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: jsii.String(title), Left: &metrics, Width: jsii.Number(graphWidth),
	})
}
