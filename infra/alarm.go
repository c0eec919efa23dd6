//go:build infra

package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/jsii-runtime-go"

	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// alarm is a condition under which somebody must look.
type alarm struct {
	name, description string
	metric            awscloudwatch.IMetric
	above             float64
	// minutes is in how many the condition must hold. Default 1.
	minutes int
	// within is the minutes that are looked at. Default minutes: all in a row.
	within int
	// silence turns it round: it is an alarm if there is no data, or less than
	// above.
	silence bool
}

// Thresholds. Failures of ours should be none at all, so few are tolerated;
// clients err all the time.
const (
	errorsPerMinute       = 5
	clientErrorsPerMinute = 600
	// 80 % of the account's 500 new connections a second
	// (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
	connectsPerMinute = 500 * 60 * 8 / 10
	wakeLag           = 5 * time.Second
	// A member that takes nothing is given up after two seconds and a post's
	// three, so that one alone cannot make a drain seem as late as this.
	drainLag = 10 * time.Second
	// One member a second cannot keep up, or there is something about posting.
	behindPerMinute = 60
	// keyPendingDays is for how long a deleted key can be brought back: KMS'
	// least.
	keyPendingDays = 7
)

func (a *application) alarms() []alarm {
	out := []alarm{
		{name: "dead-letters", description: "Wake-ups wait in the dead-letter queue: the sweeper does not put them back",
			metric: a.queueMetric("ApproximateNumberOfMessagesVisible"), above: 0, minutes: 5},
		{name: "wake-lag", description: "Wake-ups wait before a broadcaster runs: messages arrive late",
			metric: a.functionMetric("broadcast", "AsyncEventAge", "Maximum"), above: float64(wakeLag.Milliseconds()), minutes: 3},
		{name: "drain-lag", description: "Broadcasters run and are behind: messages arrive late",
			metric: a.ownMetric("broadcast", telemetry.DrainLag, "Maximum"), above: float64(drainLag.Milliseconds()), minutes: 3, within: 5},
		{name: "members-behind", description: "Many members are too slow, or cannot be posted to",
			metric: a.ownMetric("broadcast", telemetry.MembersBehind, "Sum"), above: behindPerMinute, minutes: 3, within: 5},
		{name: "sweep-silence", description: "No sweep has looked through all connections: dead ones stay",
			metric: a.ownMetric("sweep", telemetry.OpenConnections, "SampleCount"), above: 1, minutes: 5, silence: true},
		{name: "open-connections", description: "More connections are open than are expected",
			metric: a.ownMetric("sweep", telemetry.OpenConnections, "Maximum"), above: float64(a.options.AlarmConnections), minutes: 3, within: 5},
		{name: "gateway-5xx", description: "The gateway fails in calling our functions",
			metric: a.gatewayMetric("IntegrationError"), above: errorsPerMinute},
		{name: "gateway-execution", description: "The gateway fails by itself",
			metric: a.gatewayMetric("ExecutionError"), above: errorsPerMinute},
		{name: "gateway-4xx", description: "Many requests are refused: a broken client, or an attack",
			metric: a.gatewayMetric("ClientError"), above: clientErrorsPerMinute, minutes: 5},
		{name: "connections", description: "New connections come near the account's 500 a second",
			metric: a.gatewayMetric("ConnectCount"), above: connectsPerMinute},
	}
	for _, d := range functions {
		failed := alarm{name: d.name + "-errors", description: "The function " + d.name + " fails",
			metric: a.functionMetric(d.name, "Errors", "Sum"), above: errorsPerMinute}
		refused := alarm{name: d.name + "-throttles", description: "Lambda refuses to run the function " + d.name,
			metric: a.functionMetric(d.name, "Throttles", "Sum"), above: errorsPerMinute}
		if d.once {
			// It runs once a minute and is not tried again: more than one failure a
			// minute cannot be. One alone is made up for by the next run.
			failed.above, failed.minutes, failed.within = 0, 3, 5
			refused.above, refused.minutes, refused.within = 0, 3, 5
		}
		out = append(out, failed, refused)
	}
	for _, t := range []string{"connections", "rooms", "log"} {
		out = append(out,
			alarm{name: t + "-read-throttles", description: "DynamoDB throttles reads of " + t,
				metric: a.tableMetric(t, "ReadThrottleEvents"), above: errorsPerMinute, minutes: 2},
			alarm{name: t + "-write-throttles", description: "DynamoDB throttles writes of " + t,
				metric: a.tableMetric(t, "WriteThrottleEvents"), above: errorsPerMinute, minutes: 2})
	}
	return out
}

// addAlarms adds the alarms, and somebody who hears them if there is one.
func (a *application) addAlarms() {
	var action awscloudwatch.IAlarmAction
	if a.options.AlarmEmail != "" {
		action = awscloudwatchactions.NewSnsAction(a.addAlarmTopic())
	}
	for _, want := range a.alarms() {
		props := &awscloudwatch.AlarmProps{
			AlarmName:        jsii.String("gapless-" + a.options.Stage + "-" + want.name),
			AlarmDescription: jsii.String(want.description),
			Metric:           want.metric, Threshold: jsii.Number(want.above),
			EvaluationPeriods:  jsii.Number(max(1, want.minutes, want.within)),
			DatapointsToAlarm:  jsii.Number(max(1, want.minutes)),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
			TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
		}
		if want.silence {
			props.ComparisonOperator = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
			props.TreatMissingData = awscloudwatch.TreatMissingData_BREACHING
		}
		made := awscloudwatch.NewAlarm(a.stack, jsii.String(want.name+"-alarm"), props)
		if action != nil {
			made.AddAlarmAction(action)
			made.AddOkAction(action)
		}
	}
}

// addAlarmTopic mails the alarms. CloudWatch cannot use AWS' own key for SNS,
// so the topic has one of its own
// (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html).
func (a *application) addAlarmTopic() awssns.Topic {
	key := awskms.NewKey(a.stack, jsii.String("alarm-key"), &awskms.KeyProps{
		Description: jsii.String("Encrypts Gapless' alarms"), EnableKeyRotation: jsii.Bool(true),
		// It holds nothing that is worth keeping and costs 1 USD a month. KMS
		// charges for none that waits to be deleted
		// (https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html).
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY, PendingWindow: awscdk.Duration_Days(jsii.Number(keyPendingDays)),
	})
	key.GrantEncryptDecrypt(awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil))
	topic := awssns.NewTopic(a.stack, jsii.String("alarms"), &awssns.TopicProps{
		TopicName: jsii.String("gapless-" + a.options.Stage + "-alarms"), MasterKey: key, EnforceSSL: jsii.Bool(true),
	})
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("sns:Publish"), Resources: jsii.Strings(*topic.TopicArn()),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": a.stack.Account()}},
	}))
	topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(a.options.AlarmEmail), nil))
	return topic
}
