//go:build infra

package main

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// gateway is the WebSocket API with its stage.
type gateway struct {
	api    awsapigatewayv2.WebSocketApi
	stage  awsapigatewayv2.WebSocketStage
	routes []constructs.IConstruct
	domain awsapigatewayv2.DomainName
}

const (
	routeConnect    = "$connect"
	routeDisconnect = "$disconnect"
	routeDefault    = "$default"
	// answered is the key of a route response, and the expression that turns
	// it on
	// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-response.html).
	answered = "$default"
)

// addGateway adds the API. Integrations and routes are the CloudFormation
// resources themselves: the constructs above them know no integration response,
// and permit only the first route of an integration to invoke its function.
func (a *application) addGateway() {
	name := "gapless-" + a.options.Stage
	a.gateway.api = awsapigatewayv2.NewWebSocketApi(a.stack, jsii.String("api"), &awsapigatewayv2.WebSocketApiProps{
		ApiName: jsii.String(name), Description: jsii.String("Gapless, stage " + a.options.Stage),
		RouteSelectionExpression: jsii.String("$request.body.action"),
	})
	connect := a.addProxy("connect", routeConnect)
	disconnect := a.addProxy("disconnect", routeDisconnect)
	message := a.addProxy("message", "*")
	a.addRoute(routeConnect, "connect", connect, false)
	a.addRoute(routeDisconnect, "disconnect", disconnect, false)
	a.addRoute(routeDefault, "default", message, true)
	for _, action := range protocol.Actions() {
		a.addRoute(string(action), string(action), message, true)
	}
	a.addRoute(string(protocol.ActionPing), string(protocol.ActionPing), a.addPong(), true)
	a.addStage()
	for _, f := range []string{"broadcast", "sweep"} {
		a.functions[f].lambda.AddEnvironment(jsii.String(endpointVariable), a.gateway.stage.CallbackUrl(), nil)
	}
}

// addProxy integrates a function and lets the routes with the given key invoke
// it.
func (a *application) addProxy(name, route string) awsapigatewayv2.CfnIntegration {
	f := a.functions[name].lambda
	f.AddPermission(jsii.String("api"), &awslambda.Permission{
		Principal: awsiam.NewServicePrincipal(jsii.String("apigateway.amazonaws.com"), nil),
		SourceArn: a.stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("execute-api"), Resource: a.gateway.api.ApiId(),
			ResourceName: jsii.String(a.options.Stage + "/" + route),
		}),
	})
	return awsapigatewayv2.NewCfnIntegration(a.stack, jsii.String(name+"-integration"), &awsapigatewayv2.CfnIntegrationProps{
		ApiId: a.gateway.api.ApiId(), IntegrationType: jsii.String("AWS_PROXY"),
		IntegrationUri: awscdk.Fn_Join(jsii.String(""), jsii.Strings(
			"arn:", *a.stack.Partition(), ":apigateway:", *a.stack.Region(), ":lambda:path/2015-03-31/functions/", *f.FunctionArn(), "/invocations")),
	})
}

// addPong integrates what answers a ping: no function, one integration response
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mock.html).
func (a *application) addPong() awsapigatewayv2.CfnIntegration {
	ping := awsapigatewayv2.NewCfnIntegration(a.stack, jsii.String("ping-integration"), &awsapigatewayv2.CfnIntegrationProps{
		ApiId: a.gateway.api.ApiId(), IntegrationType: jsii.String("MOCK"),
		RequestTemplates: map[string]string{answered: `{"statusCode":200}`},
	})
	response := awsapigatewayv2.NewCfnIntegrationResponse(a.stack, jsii.String("ping-integration-response"), &awsapigatewayv2.CfnIntegrationResponseProps{
		ApiId: a.gateway.api.ApiId(), IntegrationId: ping.Ref(), IntegrationResponseKey: jsii.String(answered),
		TemplateSelectionExpression: jsii.String(`\$default`),
		ResponseTemplates:           map[string]string{answered: protocol.Pong},
	})
	a.gateway.routes = append(a.gateway.routes, response)
	return ping
}

// addRoute routes a key to an integration. With a response, what the
// integration answers is sent to the client.
func (a *application) addRoute(key, id string, to awsapigatewayv2.CfnIntegration, response bool) {
	props := &awsapigatewayv2.CfnRouteProps{
		ApiId: a.gateway.api.ApiId(), RouteKey: jsii.String(key), AuthorizationType: jsii.String("NONE"),
		Target: awscdk.Fn_Join(jsii.String("/"), jsii.Strings("integrations", *to.Ref())),
	}
	if response {
		props.RouteResponseSelectionExpression = jsii.String(answered)
	}
	route := awsapigatewayv2.NewCfnRoute(a.stack, jsii.String(id+"-route"), props)
	a.gateway.routes = append(a.gateway.routes, route)
	if response {
		a.gateway.routes = append(a.gateway.routes, awsapigatewayv2.NewCfnRouteResponse(a.stack, jsii.String(id+"-route-response"), &awsapigatewayv2.CfnRouteResponseProps{
			ApiId: a.gateway.api.ApiId(), RouteId: route.Ref(), RouteResponseKey: jsii.String(answered),
		}))
	}
}

// accessLog is what is logged of each request. Nothing in it can hold a token:
// those travel in headers and bodies, of which there is neither
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-mapping-template-reference.html).
var accessLog = []string{
	"requestId", "requestTimeEpoch", "connectionId", "routeKey", "eventType", "status",
	"integrationLatency", "integration.status", "error.responseType", "identity.sourceIp",
}

func accessLogFormat() string {
	format := map[string]string{}
	for _, name := range accessLog {
		format[strings.ReplaceAll(name, ".", "_")] = "$context." + name
	}
	b, _ := json.Marshal(format) // strings always marshal
	return string(b)
}

// addStage adds the stage, with throttles and access logs. Execution logs stay
// off: they would hold bodies and headers, and so tokens.
func (a *application) addStage() {
	logs := awslogs.NewLogGroup(a.stack, jsii.String("access-logs"), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String("/aws/apigateway/gapless-" + a.options.Stage),
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	logs.Node().DefaultChild().(awslogs.CfnLogGroup).SetRetentionInDays(jsii.Number(a.options.LogDays))
	a.gateway.stage = awsapigatewayv2.NewWebSocketStage(a.stack, jsii.String("stage"), &awsapigatewayv2.WebSocketStageProps{
		WebSocketApi: a.gateway.api, StageName: jsii.String(a.options.Stage), AutoDeploy: jsii.Bool(true),
	})
	stage := a.gateway.stage.Node().DefaultChild().(awsapigatewayv2.CfnStage)
	stage.SetAccessLogSettings(&awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
		DestinationArn: logs.LogGroupArn(), Format: jsii.String(accessLogFormat()),
	})
	stage.SetDefaultRouteSettings(&awsapigatewayv2.CfnStage_RouteSettingsProperty{
		ThrottlingRateLimit: jsii.Number(a.options.ThrottleRate), ThrottlingBurstLimit: jsii.Number(a.options.ThrottleBurst),
		LoggingLevel: jsii.String("OFF"), DataTraceEnabled: jsii.Bool(false),
	})
	stage.SetRouteSettings(a.routeThrottles())
	// The first deployment must have all routes in it.
	for _, route := range a.gateway.routes {
		stage.Node().AddDependency(route)
	}
	if a.options.GatewayAccount {
		stage.Node().AddDependency(a.addAccount())
	}
}

// routeShares are the routes that take less than the others: how many times
// less. Frames that are no command, an attacker's cheapest, must not buy a
// function each; and what reads much must leave publishes their functions. A
// route that is throttled throttles all its clients, so these bounds protect
// the account, and the limits in the functions (package limit) each client.
var routeShares = map[string]int{
	routeDefault:                    20,
	string(protocol.ActionPresence): 4,
	string(protocol.ActionHistory):  2,
	string(protocol.ActionSync):     2,
}

// routeThrottles are the settings of single routes. Those that they do not name
// they take from the stage's default
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-stage.html).
func (a *application) routeThrottles() map[string]any {
	settings := map[string]any{}
	for route, share := range routeShares {
		settings[route] = map[string]any{
			"ThrottlingRateLimit":  max(1, a.options.ThrottleRate/share),
			"ThrottlingBurstLimit": max(1, a.options.ThrottleBurst/share),
			"LoggingLevel":         "OFF", "DataTraceEnabled": false,
		}
	}
	return settings
}

// addAccount lets API Gateway write logs, without which it refuses a stage with
// access logs. The setting is one per account and region, of which others'
// APIs make use: so it is made only if asked for, and outlives the stack and
// the option
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html).
func (a *application) addAccount() constructs.IDependable {
	role := awsiam.NewRole(a.stack, jsii.String("gateway-account-role"), &awsiam.RoleProps{
		AssumedBy:       awsiam.NewServicePrincipal(jsii.String("apigateway.amazonaws.com"), nil),
		Description:     jsii.String("Lets API Gateway write the logs of all APIs of this account and region"),
		ManagedPolicies: &[]awsiam.IManagedPolicy{awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String("service-role/AmazonAPIGatewayPushToCloudWatchLogs"))},
	})
	role.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN)
	suppress(role, false, map[string]string{
		"AwsSolutions-IAM4": "The policy that AWS made for this very role; it writes logs and nothing else",
	})
	account := awsapigateway.NewCfnAccount(a.stack, jsii.String("gateway-account"), &awsapigateway.CfnAccountProps{CloudWatchRoleArn: role.RoleArn()})
	account.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	return account
}
