//go:build infra

package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
)

// data is the stack of what must survive.
type data struct {
	stack  awscdk.Stack
	tables map[string]awsdynamodb.Table // by the name in dynamo.Schema
	secret awssecretsmanager.Secret     // signs tokens (HS256)
}

// secretLength is twice the 32 characters that package auth asks for at least.
const secretLength = 64

func newData(s awscdk.Stack, o Options) *data {
	d := &data{stack: s, tables: map[string]awsdynamodb.Table{}}
	removal := awscdk.RemovalPolicy_DESTROY
	if o.Protect {
		removal = awscdk.RemovalPolicy_RETAIN
	}
	for _, t := range dynamo.Schema() {
		sort := awsdynamodb.AttributeType_STRING
		if t.NumericSort {
			sort = awsdynamodb.AttributeType_NUMBER
		}
		d.tables[t.Name] = awsdynamodb.NewTable(s, jsii.String(t.Name), &awsdynamodb.TableProps{
			TableName:    jsii.String("gapless-" + o.Stage + "-" + t.Name),
			PartitionKey: &awsdynamodb.Attribute{Name: jsii.String(dynamo.PartitionKey), Type: awsdynamodb.AttributeType_STRING},
			SortKey:      &awsdynamodb.Attribute{Name: jsii.String(dynamo.SortKey), Type: sort},
			BillingMode:  awsdynamodb.BillingMode_PAY_PER_REQUEST,
			// Encrypted at rest with a key that DynamoDB owns: free, and no KMS
			// call per table and environment.
			Encryption:          awsdynamodb.TableEncryption_DEFAULT,
			TimeToLiveAttribute: jsii.String(dynamo.TTLAttribute),
			PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
				PointInTimeRecoveryEnabled: jsii.Bool(o.Protect),
			},
			DeletionProtection: jsii.Bool(o.Protect),
			RemovalPolicy:      removal,
		})
		output(s, title(t.Name)+"Table", d.tables[t.Name].TableName(), "DynamoDB table of "+t.Name)
	}
	d.secret = awssecretsmanager.NewSecret(s, jsii.String("tokens"), &awssecretsmanager.SecretProps{
		SecretName:  jsii.String("gapless/" + o.Stage + "/tokens"),
		Description: jsii.String("Signs and checks the tokens of Gapless' clients (HS256)"),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			PasswordLength: jsii.Number(secretLength), ExcludePunctuation: jsii.Bool(true),
		},
		RemovalPolicy: removal,
	})
	d.export()
	output(s, "TokenSecret", d.secret.SecretArn(), "ARN of the secret that signs tokens")
	suppressData(d, o)
	return d
}

// export exports all that an app stack may want, whether the options of this
// one make it want it or not: the data stack is updated first, and
// CloudFormation refuses to take away what the app stack still imports
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html).
func (d *data) export() {
	for _, t := range dynamo.Schema() {
		d.stack.ExportValue(d.tables[t.Name].TableName(), nil)
		d.stack.ExportValue(d.tables[t.Name].TableArn(), nil)
	}
	d.stack.ExportValue(d.secret.SecretArn(), nil)
}
