//go:build infra

package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// rights is what one function may do, action by action. The fields are read
// off its constructor in pkg/app: which stores it has, and which of their
// methods it calls.
type rights struct {
	tables      map[string]string // table → actions of DynamoDB
	connections string            // verbs of @connections
	wakes       bool              // publishes to the topic
	letters     string            // actions of SQS on the dead letters
	secret      bool              // reads the secret that signs tokens
}

// granted is the whole of the permissions. No table has an index, so no grant
// names one.
var granted = map[string]rights{
	"connect": {
		tables: map[string]string{"connections": "PutItem UpdateItem"},
		secret: true,
	},
	"disconnect": {
		tables: map[string]string{"connections": "GetItem UpdateItem DeleteItem", "rooms": "DeleteItem"},
		wakes:  true,
	},
	"message": {
		tables: map[string]string{
			"connections": "GetItem UpdateItem",
			"rooms":       "GetItem PutItem UpdateItem Query",
			"log":         "PutItem UpdateItem Query",
		},
		wakes:  true,
		secret: true,
	},
	"broadcast": {
		tables: map[string]string{
			"connections": "UpdateItem",
			"rooms":       "UpdateItem DeleteItem Query",
			"log":         "PutItem Query",
		},
		connections: "POST GET",
		wakes:       true,
	},
	"sweep": {
		tables:      map[string]string{"connections": "GetItem UpdateItem DeleteItem Query", "rooms": "GetItem UpdateItem DeleteItem"},
		connections: "POST GET DELETE",
		wakes:       true,
		letters:     "ReceiveMessage DeleteMessage",
	},
}

// grant gives each function its rights, and its own log.
func (a *application) grant() {
	for _, d := range functions {
		f, r := a.functions[d.name], granted[d.name]
		// PublishBatch needs sns:Publish
		// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html).
		allow(f, "Logs", []string{"logs:CreateLogStream", "logs:PutLogEvents"}, *f.logs.LogGroupArn())
		for _, t := range []string{"connections", "rooms", "log"} {
			if actions := r.tables[t]; actions != "" {
				allow(f, "Table"+title(t), prefixed("dynamodb:", actions), *a.data.tables[t].TableArn())
			}
		}
		if r.wakes {
			allow(f, "Wake", []string{"sns:Publish"}, *a.wake.topic.TopicArn())
		}
		if r.letters != "" {
			allow(f, "Letters", prefixed("sqs:", r.letters), *a.wake.deadLetters.QueueArn())
		}
		if r.secret && a.options.signs() {
			// Encrypted with AWS' own key for Secrets Manager, which needs no grant
			// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html).
			allow(f, "Secret", []string{"secretsmanager:GetSecretValue"}, *a.data.secret.SecretArn())
		}
		if d.name == "broadcast" {
			allow(f, "Bury", []string{"sqs:SendMessage"}, *a.wake.deadLetters.QueueArn())
		}
		if r.connections != "" {
			allow(f, "ManageConnections", []string{"execute-api:ManageConnections"}, a.connectionARNs(r.connections)...)
		}
		suppressFunction(a, d.name)
	}
}

// connectionARNs names @connections of this stage, verb by verb
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html).
func (a *application) connectionARNs(verbs string) []string {
	var arns []string
	for verb := range strings.FieldsSeq(verbs) {
		arns = append(arns, *a.stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("execute-api"), Resource: a.gateway.api.ApiId(),
			ResourceName: jsii.String(a.options.Stage + "/" + verb + "/@connections/*"),
		}))
	}
	return arns
}

func prefixed(prefix, actions string) []string {
	var out []string
	for action := range strings.FieldsSeq(actions) {
		out = append(out, prefix+action)
	}
	return out
}

func allow(f function, sid string, actions []string, resources ...string) {
	f.role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String(sid), Effect: awsiam.Effect_ALLOW,
		Actions: jsii.Strings(actions...), Resources: jsii.Strings(resources...),
	}))
}
