package template

import (
	"fmt"

	"github.com/gapless-rooms/gapless/localdev/secretsmanager"
)

// ref is what Ref gives: a pseudo parameter, a parameter's default, or what a
// resource calls itself.
func (s *scope) ref(id string) (any, error) {
	switch id {
	case "AWS::Region":
		return s.options.Region, nil
	case "AWS::AccountId":
		return s.options.AccountID, nil
	case "AWS::Partition":
		return "aws", nil
	case "AWS::URLSuffix":
		return "amazonaws.com", nil
	}
	if p, ok := s.document.Parameters[id]; ok {
		if p.Default == nil {
			return nil, unsupported("parameter %s without a default", id)
		}
		return p.Default, nil
	}
	r, ok := s.document.Resources[id]
	if !ok {
		return nil, fmt.Errorf("no such resource or parameter: Ref %s", id)
	}
	switch r.Type {
	case "AWS::ApiGatewayV2::Api":
		return s.options.APIID, nil
	case "AWS::ApiGatewayV2::Stage":
		return s.property(id, "StageName")
	case "AWS::DynamoDB::Table":
		return s.property(id, "TableName")
	case "AWS::Lambda::Function":
		return s.functionName(id)
	case "AWS::SNS::Topic":
		return s.arnOf(id, "sns", "TopicName", "")
	case "AWS::SQS::Queue":
		name, err := s.property(id, "QueueName")
		return s.options.QueueURL(name), err
	case "AWS::SecretsManager::Secret":
		name, err := s.property(id, "Name")
		return s.secretARN(name), err
	case "AWS::Logs::LogGroup":
		return s.property(id, "LogGroupName")
	default:
		// Routes, integrations and the like: what matters is that all
		// references to one agree.
		return id, nil
	}
}

// getAtt is what Fn::GetAtt gives.
func (s *scope) getAtt(id, attribute string) (any, error) {
	r, ok := s.document.Resources[id]
	if !ok {
		return nil, fmt.Errorf("Fn::GetAtt %s.%s: no such resource", id, attribute)
	}
	switch r.Type + "." + attribute {
	case "AWS::DynamoDB::Table.Arn":
		return s.arnOf(id, "dynamodb", "TableName", "table/")
	case "AWS::Lambda::Function.Arn":
		name, err := s.functionName(id)
		return s.arn("lambda", "function:"+name), err
	case "AWS::SNS::Topic.TopicArn":
		return s.arnOf(id, "sns", "TopicName", "")
	case "AWS::SNS::Topic.TopicName":
		return s.property(id, "TopicName")
	case "AWS::SQS::Queue.Arn":
		return s.arnOf(id, "sqs", "QueueName", "")
	case "AWS::SQS::Queue.QueueName":
		return s.property(id, "QueueName")
	case "AWS::Logs::LogGroup.Arn":
		arn, err := s.arnOf(id, "logs", "LogGroupName", "log-group:")
		return arn + ":*", err
	case "AWS::Events::Rule.Arn":
		return s.arn("events", "rule/"+id), nil
	case "AWS::IAM::Role.Arn":
		// Its end is the logical id, by which a function finds its role.
		return "arn:aws:iam::" + s.options.AccountID + ":role/" + id, nil
	default:
		return nil, unsupported("Fn::GetAtt %s.%s of a %s", id, attribute, r.Type)
	}
}

func (s *scope) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + s.options.Region + ":" + s.options.AccountID + ":" + rest
}

// secretARN ends as the local Secrets Manager has it.
func (s *scope) secretARN(name string) string {
	return s.arn("secretsmanager", "secret:"+name+secretsmanager.Suffix)
}

func (s *scope) arnOf(id, service, property, prefix string) (string, error) {
	name, err := s.property(id, property)
	return s.arn(service, prefix+name), err
}

// property is a property that names a resource. CloudFormation makes a name up
// where there is none; here it is the logical id.
func (s *scope) property(id, name string) (string, error) {
	v, ok := s.document.Resources[id].Properties[name]
	if !ok {
		return id, nil
	}
	return s.text(v)
}

// functionTag is the tag that carries a function's folder.
const functionTag = "gapless:function"

func (s *scope) functionName(id string) (string, error) {
	tags, _ := s.document.Resources[id].Properties["Tags"].([]any)
	for _, tag := range tags {
		if tag, ok := tag.(map[string]any); ok && tag["Key"] == functionTag {
			return s.text(tag["Value"])
		}
	}
	return s.property(id, "FunctionName")
}
