package template

// readers are the resource types that become something here.
var readers = map[string]func(*attributes) error{
	"AWS::ApiGatewayV2::Api":                 readAPI,
	"AWS::ApiGatewayV2::Authorizer":          readAuthorizer,
	"AWS::ApiGatewayV2::Integration":         readIntegration,
	"AWS::ApiGatewayV2::IntegrationResponse": readIntegrationResponse,
	"AWS::ApiGatewayV2::Route":               readRoute,
	"AWS::ApiGatewayV2::RouteResponse":       readRouteResponse,
	"AWS::ApiGatewayV2::Stage":               readStage,
	"AWS::DynamoDB::Table":                   readTable,
	"AWS::Events::Rule":                      readRule,
	"AWS::IAM::Policy":                       readPolicy,
	"AWS::IAM::Role":                         readRole,
	"AWS::Lambda::EventInvokeConfig":         readEventInvokeConfig,
	"AWS::Lambda::Function":                  readFunction,
	"AWS::Lambda::Permission":                readPermission,
	"AWS::SNS::Subscription":                 readSubscription,
	"AWS::SNS::Topic":                        readTopic,
	"AWS::SNS::TopicPolicy":                  readResourcePolicy("Topics", itself),
	"AWS::SQS::Queue":                        readQueue,
	"AWS::SQS::QueuePolicy":                  readResourcePolicy("Queues", queueOfURL),
	"AWS::SecretsManager::Secret":            readSecret,
}

// inert are the resource types that are known to change nothing that a client
// or a function could notice here, with the reason.
var inert = map[string]string{
	"AWS::ApiGateway::Account":      "lets API Gateway write logs; the local gateway's log is the console",
	"AWS::ApiGatewayV2::ApiMapping": "no name but localhost leads here",
	"AWS::ApiGatewayV2::DomainName": "no name but localhost leads here",
	"AWS::CDK::Metadata":            "tells AWS which constructs were used",
	"AWS::CloudWatch::Alarm":        "there are no metrics here",
	"AWS::CloudWatch::Dashboard":    "there are no metrics here",
	"AWS::KMS::Key":                 "nothing is encrypted here",
	"AWS::Logs::LogGroup":           "logs go to the console",
}
