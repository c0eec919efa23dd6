package gateway

import "time"

// The predefined route keys:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
const (
	RouteConnect    = "$connect"
	RouteDisconnect = "$disconnect"
	RouteDefault    = "$default"
)

// API describes one WebSocket API with its stage, in the terms of the
// CloudFormation resources AWS::ApiGatewayV2::Api, Stage, Route, Integration,
// IntegrationResponse, RouteResponse and Authorizer. The names under which
// integrations and authorizers are referred to are the caller's choice (their
// ids on AWS).
type API struct {
	// ID is apiId in events. Default "local".
	ID string
	// Stage is the stage's name, the first segment of every path. Required.
	Stage string
	// DomainName is domainName in events. Default: the Host of the handshake,
	// which is the same on AWS without a custom domain.
	DomainName string
	// Region and AccountID appear in an authorizer's methodArn. Defaults
	// "us-east-1" and "000000000000".
	Region    string
	AccountID string
	// RouteSelectionExpression selects a message's route, like
	// "$request.body.action". Required.
	RouteSelectionExpression string
	// Routes are the API's routes by route key. $connect, $disconnect and
	// $default are optional.
	Routes map[string]Route
	// Integrations are referred to by Route.Integration.
	Integrations map[string]Integration
	// Authorizers are referred to by Route.Authorizer.
	Authorizers map[string]Authorizer
	// StageVariables are handed to functions with $connect events, and to
	// identity sources.
	StageVariables map[string]string
	// DefaultThrottle is the stage's DefaultRouteSettings; RouteThrottles are
	// its RouteSettings by route key.
	DefaultThrottle Throttle
	RouteThrottles  map[string]Throttle
	// ProtocolType must be empty or "WEBSOCKET".
	ProtocolType string
}

// Throttle limits one route of a stage. The zero value does not limit.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
type Throttle struct {
	Rate  float64 // requests per second
	Burst float64 // default: the rate, at least 1
}

// Route is what happens to the messages that select its key.
type Route struct {
	// Integration names an entry of API.Integrations. Required.
	Integration string
	// RouteResponse sends what the integration answers back to the client
	// (RouteResponseSelectionExpression "$default" with a RouteResponse
	// "$default"). Without it nothing is sent back.
	RouteResponse bool
	// Authorizer names an entry of API.Authorizers; on $connect only.
	Authorizer string
	// ModelSelectionExpression and RequestModels validate the body: the
	// expression selects a model (a JSON schema, draft 4), falling back to
	// "$default". Without an expression nothing is validated. See README.md
	// for the keywords that are supported.
	ModelSelectionExpression string
	RequestModels            map[string]string
	// APIKeyRequired and AuthorizationType other than "", "NONE" and "CUSTOM"
	// are refused.
	APIKeyRequired    bool
	AuthorizationType string
}

// The supported integration types.
const (
	// IntegrationProxy invokes a Lambda function with the whole event.
	IntegrationProxy = "AWS_PROXY"
	// IntegrationMock answers from templates without a function.
	IntegrationMock = "MOCK"
)

// Integration is a backend.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-apigatewayv2-integration.html
type Integration struct {
	// Type is IntegrationProxy or IntegrationMock. AWS, HTTP and HTTP_PROXY
	// are refused.
	Type string
	// Function is what the Invoker is asked for. Required for AWS_PROXY.
	Function string
	// Timeout is between 50 ms and 29 s. Default 29 s.
	Timeout time.Duration
	// RequestTemplates are templates by key, for MOCK: the result is a JSON
	// object with statusCode. See README.md for what a template may use.
	RequestTemplates map[string]string
	// TemplateSelectionExpression selects among them. Without a match
	// "$default" is used, as PassthroughBehavior permits.
	TemplateSelectionExpression string
	// PassthroughBehavior is WHEN_NO_MATCH (default), WHEN_NO_TEMPLATES or
	// NEVER: whether the message itself takes a missing template's place.
	PassthroughBehavior string
	// Responses are the integration responses by IntegrationResponseKey:
	// "$default", or a pattern like "/2\\d\\d/" for the status code. MOCK
	// only; a proxy integration answers for itself.
	Responses map[string]IntegrationResponse
}

// IntegrationResponse turns a backend's answer into the route response.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-apigatewayv2-integrationresponse.html
type IntegrationResponse struct {
	// TemplateSelectionExpression is static, like "\\$default".
	TemplateSelectionExpression string
	// ResponseTemplates are templates by key.
	ResponseTemplates map[string]string
}

// Authorizer is a Lambda REQUEST authorizer.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
type Authorizer struct {
	// Function is what the Invoker is asked for. Required.
	Function string
	// IdentitySource lists what a handshake must bring, or it is refused with
	// 401 and the function is not asked: route.request.header.NAME,
	// route.request.querystring.NAME, stageVariables.NAME, context.NAME.
	IdentitySource []string
}

// withDefaults returns a with the stated defaults.
func (a API) withDefaults() API {
	def(&a.ID, "local")
	def(&a.Region, "us-east-1")
	def(&a.AccountID, "000000000000")
	return a
}
