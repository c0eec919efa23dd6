package template

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/gapless-rooms/gapless/localdev/schedule"
	"github.com/gapless-rooms/gapless/localdev/sns"
)

// readTable takes what CreateTable takes: CloudFormation and the API call it
// the same
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-dynamodb-table.html).
func readTable(a *attributes) error {
	a.ignore("ContributorInsightsSpecification", "DeletionProtectionEnabled", "PointInTimeRecoverySpecification",
		"SSESpecification", "TableClass", "Tags")
	t := Table{}
	name, err := a.property(a.id, "TableName")
	if err != nil {
		return err
	}
	a.take("TableName")
	t.Create.TableName = aws.String(name)
	var life struct {
		AttributeName string
		Enabled       bool
	}
	err = a.each(map[string]any{
		"AttributeDefinitions": &t.Create.AttributeDefinitions, "KeySchema": &t.Create.KeySchema,
		"BillingMode": &t.Create.BillingMode, "GlobalSecondaryIndexes": &t.Create.GlobalSecondaryIndexes,
		"LocalSecondaryIndexes": &t.Create.LocalSecondaryIndexes, "TimeToLiveSpecification": &life,
	})
	if err != nil {
		return err
	}
	if life.Enabled {
		t.TTLAttribute = life.AttributeName
	}
	a.out.Tables = append(a.out.Tables, t)
	return nil
}

func readTopic(a *attributes) error {
	a.ignore("DisplayName", "KmsMasterKeyId", "Tags", "TopicName")
	name, err := a.property(a.id, "TopicName")
	a.out.Topics = append(a.out.Topics, Topic{Name: name, ARN: a.arn("sns", name)})
	return err
}

// queueAttributes are those that CreateQueue knows by the same name.
var queueAttributes = []string{
	"VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds", "ReceiveMessageWaitTimeSeconds", "MaximumMessageSize",
	"SqsManagedSseEnabled", "RedrivePolicy",
}

func readQueue(a *attributes) error {
	a.ignore("QueueName", "Tags")
	name, err := a.property(a.id, "QueueName")
	if err != nil {
		return err
	}
	q := Queue{Name: name, ARN: a.arn("sqs", name), URL: a.options.QueueURL(name), Attributes: map[string]string{}}
	for _, attribute := range queueAttributes {
		switch v := a.take(attribute).(type) {
		case nil:
		case map[string]any:
			if q.Attributes[attribute], err = compact(v); err != nil {
				return err
			}
		default:
			q.Attributes[attribute] = fmt.Sprint(v)
		}
	}
	a.out.Queues = append(a.out.Queues, q)
	return nil
}

// readSecret takes a secret's name. What CloudFormation would generate is up to
// whoever provisions.
func readSecret(a *attributes) error {
	a.ignore("Description", "GenerateSecretString", "KmsKeyId", "Name", "Tags")
	name, err := a.property(a.id, "Name")
	a.out.Secrets = append(a.out.Secrets, Secret{Name: name, ARN: a.secretARN(name)})
	return err
}

func readSubscription(a *attributes) error {
	if a.all["Protocol"] == "email" {
		a.ignore("Protocol", "Endpoint", "TopicArn") // nobody is written to from here
		return nil
	}
	s := sns.Subscription{}
	var redrive struct {
		Target string `json:"deadLetterTargetArn"`
	}
	err := a.each(map[string]any{
		"TopicArn": &s.TopicARN, "Protocol": &s.Protocol, "Endpoint": &s.Endpoint,
		"RawMessageDelivery": &s.RawDelivery, "FilterPolicyScope": &s.FilterPolicyScope, "RedrivePolicy": &redrive,
	})
	if err == nil {
		s.FilterPolicy, err = compact(a.take("FilterPolicy"))
	}
	if err != nil {
		return err
	}
	s.DeadLetterARN = redrive.Target
	a.out.Subscriptions = append(a.out.Subscriptions, s)
	return nil
}

// readRule takes a rule with a schedule, and makes one of each of its targets.
func readRule(a *attributes) error {
	a.ignore("Description", "Name", "Tags")
	var expression, state string
	var targets []struct {
		ID          string `json:"Id"`
		ARN         string `json:"Arn"`
		Input       string
		RetryPolicy json.RawMessage // Lambda takes an event at once here
	}
	if err := a.each(map[string]any{"ScheduleExpression": &expression, "State": &state, "Targets": &targets}); err != nil {
		return err
	}
	if expression == "" {
		return unsupported("a rule without ScheduleExpression")
	}
	for i, target := range targets {
		function, err := functionOfARN(target.ARN)
		if err != nil {
			return err
		}
		var input json.RawMessage
		if target.Input != "" {
			input = json.RawMessage(target.Input)
		}
		name := function
		if i > 0 {
			name = fmt.Sprintf("%s-%d", function, i)
		}
		a.out.Rules = append(a.out.Rules, schedule.Rule{
			Name: name, Expression: expression, Function: function,
			Input: input, Disabled: strings.EqualFold(state, "DISABLED"),
		})
		a.wires.invokers = append(a.wires.invokers, invoker{"events.amazonaws.com", a.arn("events", "rule/"+a.id), function})
	}
	return nil
}
