package template

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gapless-rooms/gapless/localdev/gateway"
)

// The parts of an API come in any order; connect puts them together. They are
// referred to by logical id.

func readAPI(a *attributes) error {
	if a.out.API.RouteSelectionExpression != "" {
		return unsupported("a second API")
	}
	a.ignore("Name", "Description", "Tags")
	if err := a.only("ApiKeySelectionExpression", "$request.header.x-api-key"); err != nil {
		return err
	}
	a.out.API.ID, a.out.API.Region, a.out.API.AccountID = a.options.APIID, a.options.Region, a.options.AccountID
	return a.each(map[string]any{
		"ProtocolType": &a.out.API.ProtocolType, "RouteSelectionExpression": &a.out.API.RouteSelectionExpression,
	})
}

// settings are RouteSettings, of a stage or of one of its routes.
type settings struct {
	DataTraceEnabled, DetailedMetricsEnabled bool
	LoggingLevel                             string
	ThrottlingBurstLimit                     float64
	ThrottlingRateLimit                      float64
}

func (s settings) throttle() gateway.Throttle {
	return gateway.Throttle{Rate: s.ThrottlingRateLimit, Burst: s.ThrottlingBurstLimit}
}

func readStage(a *attributes) error {
	if a.out.API.Stage != "" {
		return unsupported("a second stage")
	}
	a.ignore("ApiId", "AccessLogSettings", "AutoDeploy", "DeploymentId", "Description", "Tags")
	var all settings
	routes := map[string]settings{}
	err := a.each(map[string]any{
		"StageName": &a.out.API.Stage, "StageVariables": &a.out.API.StageVariables,
		"DefaultRouteSettings": &all, "RouteSettings": &routes,
	})
	a.out.API.DefaultThrottle = all.throttle()
	for key, s := range routes {
		if a.out.API.RouteThrottles == nil {
			a.out.API.RouteThrottles = map[string]gateway.Throttle{}
		}
		a.out.API.RouteThrottles[key] = s.throttle()
	}
	return err
}

// route is a route until its response is known.
type route struct {
	key      string
	response bool // the expression asks for one
	gateway.Route
}

func readRoute(a *attributes) error {
	a.ignore("ApiId", "OperationName")
	r := route{}
	var target, authorization, response, authorizer string
	err := a.each(map[string]any{
		"RouteKey": &r.key, "Target": &target, "AuthorizationType": &authorization, "AuthorizerId": &authorizer,
		"RouteResponseSelectionExpression": &response, "ApiKeyRequired": &r.APIKeyRequired,
	})
	if err != nil {
		return err
	}
	integration, ok := strings.CutPrefix(target, "integrations/")
	if !ok {
		return unsupported("property Target = %s", target)
	}
	if response != "" && response != "$default" {
		return unsupported("property RouteResponseSelectionExpression = %s", response)
	}
	r.Integration, r.AuthorizationType, r.Authorizer, r.response = integration, authorization, authorizer, response != ""
	put(&a.wires.routes, a.id, r)
	return nil
}

func readRouteResponse(a *attributes) error {
	a.ignore("ApiId")
	var route string
	if err := a.into("RouteId", &route); err != nil {
		return err
	}
	if err := a.only("RouteResponseKey", "$default"); err != nil {
		return err
	}
	if a.wires.responses == nil {
		a.wires.responses = map[string]bool{}
	}
	a.wires.responses[route] = true
	return nil
}

// functionPath begins the path in an integration's URI, before the function's
// ARN
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-apigatewayv2-integration.html).
const functionPath = ":lambda:path/2015-03-31/functions/"

func functionOfURI(uri string) (string, error) {
	_, arn, ok := strings.Cut(uri, functionPath)
	arn, whole := strings.CutSuffix(arn, "/invocations")
	if !ok || !whole {
		return "", unsupported("integration URI %s", uri)
	}
	return functionOfARN(arn)
}

func functionOfARN(arn string) (string, error) {
	parts := strings.Split(arn, ":")
	if len(parts) != 7 || parts[2] != "lambda" || parts[5] != "function" {
		return "", unsupported("%s, which is no function's ARN", arn)
	}
	return parts[6], nil
}

func readIntegration(a *attributes) error {
	a.ignore("ApiId", "Description", "IntegrationMethod", "ContentHandlingStrategy")
	i := gateway.Integration{}
	var uri string
	var milliseconds int
	err := a.each(map[string]any{
		"IntegrationType": &i.Type, "IntegrationUri": &uri, "TimeoutInMillis": &milliseconds,
		"RequestTemplates": &i.RequestTemplates, "TemplateSelectionExpression": &i.TemplateSelectionExpression,
		"PassthroughBehavior": &i.PassthroughBehavior,
	})
	if err != nil {
		return err
	}
	i.Timeout = time.Duration(milliseconds) * time.Millisecond
	if i.Type == gateway.IntegrationProxy {
		if i.Function, err = functionOfURI(uri); err != nil {
			return err
		}
	}
	put(&a.wires.integrations, a.id, i)
	return nil
}

// integrationResponse is one until its integration is known.
type integrationResponse struct {
	integration, key string
	gateway.IntegrationResponse
}

func readIntegrationResponse(a *attributes) error {
	a.ignore("ApiId", "ContentHandlingStrategy")
	r := integrationResponse{}
	err := a.each(map[string]any{
		"IntegrationId": &r.integration, "IntegrationResponseKey": &r.key,
		"TemplateSelectionExpression": &r.TemplateSelectionExpression, "ResponseTemplates": &r.ResponseTemplates,
	})
	a.wires.integrationResponses = append(a.wires.integrationResponses, r)
	return err
}

func readAuthorizer(a *attributes) error {
	a.ignore("ApiId", "Name")
	if err := a.only("AuthorizerType", "REQUEST"); err != nil {
		return err
	}
	authorizer := gateway.Authorizer{}
	var uri string
	if err := a.each(map[string]any{"AuthorizerUri": &uri, "IdentitySource": &authorizer.IdentitySource}); err != nil {
		return err
	}
	function, err := functionOfURI(uri)
	if err != nil {
		return err
	}
	authorizer.Function = function
	if a.out.API.Authorizers == nil {
		a.out.API.Authorizers = map[string]gateway.Authorizer{}
	}
	a.out.API.Authorizers[a.id] = authorizer
	return nil
}

// connectAPI puts routes, integrations and their responses together.
func (p *parser) connectAPI() error {
	w, api := &p.wires, &p.out.API
	for _, r := range w.integrationResponses {
		i, ok := w.integrations[r.integration]
		if !ok {
			return fmt.Errorf("integration response of %s, which is no integration", r.integration)
		}
		if i.Responses == nil {
			i.Responses = map[string]gateway.IntegrationResponse{}
		}
		i.Responses[r.key] = r.IntegrationResponse
		w.integrations[r.integration] = i
	}
	api.Integrations = w.integrations
	for id, r := range w.routes {
		if _, ok := w.integrations[r.Integration]; !ok {
			return fmt.Errorf("route %s leads to %s, which is no integration", r.key, r.Integration)
		}
		if api.Routes == nil {
			api.Routes = map[string]gateway.Route{}
		}
		if _, twice := api.Routes[r.key]; twice {
			return fmt.Errorf("route %s is there twice", r.key)
		}
		// Without a RouteResponse the expression has no effect.
		r.RouteResponse = r.response && w.responses[id]
		api.Routes[r.key] = r.Route
	}
	return nil
}

// compact is JSON as SNS takes a policy.
func compact(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	if text, ok := v.(string); ok {
		return text, nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}
