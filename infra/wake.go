//go:build infra

package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// wake is how broadcasters are started: a topic, and a queue for the wake-ups
// that could not be handed over or whose broadcaster failed each time. The
// sweeper puts those back.
type wake struct {
	topic       awssns.Topic
	deadLetters awssqs.Queue
}

// letterLife is how long a dead letter waits for the sweeper: SQS' longest
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html).
const letterLife = 14

func (a *application) addWake() {
	a.wake.deadLetters = awssqs.NewQueue(a.stack, jsii.String("dead-letters"), &awssqs.QueueProps{
		QueueName:       jsii.String("gapless-" + a.options.Stage + "-dead-letters"),
		Encryption:      awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:      jsii.Bool(true),
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(letterLife)),
		// As long as a sweep may take, so that no other sweep sees its letters.
		VisibilityTimeout: seconds(time.Minute),
	})
	a.wake.topic = awssns.NewTopic(a.stack, jsii.String("wake"), &awssns.TopicProps{
		TopicName:  jsii.String("gapless-" + a.options.Stage + "-wake"),
		EnforceSSL: jsii.Bool(true),
		// Wake-ups carry messages. The key is AWS' own, free of charge, and
		// usable by whoever may publish: no kms grant is needed
		// (https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html).
		MasterKey: awskms.Alias_FromAliasName(a.stack, jsii.String("sns-key"), jsii.String("alias/aws/sns")),
	})
}

// addSubscription lets the topic start broadcasters. A wake-up dies in the one
// queue in both ways: SNS could not hand it to Lambda, or Lambda ran it three
// times in vain.
func (a *application) addSubscription() {
	broadcast := a.functions["broadcast"].lambda
	a.wake.topic.AddSubscription(awssnssubscriptions.NewLambdaSubscription(broadcast, &awssnssubscriptions.LambdaSubscriptionProps{
		DeadLetterQueue: a.wake.deadLetters,
	}))
	broadcast.Node().DefaultChild().(awslambda.CfnFunction).SetDeadLetterConfig(&awslambda.CfnFunction_DeadLetterConfigProperty{
		TargetArn: a.wake.deadLetters.QueueArn(),
	})
}

// addSchedule runs the sweeper each minute. A tick that is late is worth
// nothing: the next one does its work.
func (a *application) addSchedule() {
	awsevents.NewRule(a.stack, jsii.String("sweep-schedule"), &awsevents.RuleProps{
		Description: jsii.String("Runs Gapless' sweeper"),
		Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(1))),
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(a.functions["sweep"].lambda, &awseventstargets.LambdaFunctionProps{
			RetryAttempts: jsii.Number(0), MaxEventAge: seconds(time.Minute),
		})},
	})
}
