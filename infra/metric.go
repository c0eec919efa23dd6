//go:build infra

package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// The metrics that alarms and dashboard look at, by the minute:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-logging.html
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html

func metric(namespace, name, statistic, label string, dimensions map[string]*string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(namespace), MetricName: jsii.String(name), Statistic: jsii.String(statistic),
		Label: jsii.String(label), DimensionsMap: &dimensions, Period: seconds(time.Minute),
	})
}

func (a *application) functionMetric(function, name, statistic string) awscloudwatch.Metric {
	return metric("AWS/Lambda", name, statistic, function, map[string]*string{
		"FunctionName": a.functions[function].lambda.FunctionName(),
	})
}

// ownMetric is one that a function writes into its log.
func (a *application) ownMetric(function string, m telemetry.Metric, statistic string) awscloudwatch.Metric {
	return metric(telemetry.Namespace, m.Name, statistic, m.Name, map[string]*string{
		telemetry.Dimension: a.functions[function].lambda.FunctionName(),
	})
}

func (a *application) gatewayMetric(name string) awscloudwatch.Metric {
	return metric("AWS/ApiGateway", name, "Sum", name, map[string]*string{
		"ApiId": a.gateway.api.ApiId(), "Stage": jsii.String(a.options.Stage),
	})
}

func (a *application) tableMetric(table, name string) awscloudwatch.Metric {
	return metric("AWS/DynamoDB", name, "Sum", table, map[string]*string{
		"TableName": a.data.tables[table].TableName(),
	})
}

func (a *application) queueMetric(name string) awscloudwatch.Metric {
	return metric("AWS/SQS", name, "Maximum", name, map[string]*string{
		"QueueName": a.wake.deadLetters.QueueName(),
	})
}
