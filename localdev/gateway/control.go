package gateway

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gapless-rooms/gapless/localdev/service"
)

// Control serves the reading half of API Gateway's own API, apigatewayv2, as far
// as it describes the one API that the gateway serves: GetApis, GetApi,
// GetStages, GetStage, GetRoutes, GetRoute, GetIntegrations, GetIntegration,
// GetAuthorizers
// (https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html).
// Signatures are not checked. Anything else is refused by name.
func (g *Gateway) Control() http.Handler { return http.HandlerFunc(g.serveControl) }

func (g *Gateway) serveControl(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", g.ids.next())
	path, ok := strings.CutPrefix(strings.TrimSuffix(r.URL.Path, "/"), "/v2/apis")
	if !ok || r.Method != http.MethodGet {
		service.RefuseREST(w, &service.Error{
			Status: http.StatusNotImplemented, Code: "UnsupportedByLocalAWSException",
			Message: "the local AWS does not support " + r.Method + " " + r.URL.Path + " of API Gateway",
		})
		return
	}
	found := g.describe(r, strings.Split(strings.TrimPrefix(path, "/"), "/"))
	if found == nil {
		service.RefuseREST(w, &service.Error{Status: http.StatusNotFound, Code: "NotFoundException", Message: "Invalid API identifier or resource specified"})
		return
	}
	service.WriteJSON(w, http.StatusOK, "application/json", found)
}

// describe is what a path below /v2/apis names; nil for nothing.
func (g *Gateway) describe(r *http.Request, path []string) any {
	api := g.routing.api
	if path[0] == "" {
		return items([]object{g.describeAPI(r)})
	}
	if path[0] != api.ID || len(path) > 3 {
		return nil
	}
	if len(path) == 1 {
		return g.describeAPI(r)
	}
	list, id := g.resources(path[1])
	if list == nil {
		return nil
	}
	if len(path) == 2 {
		return items(list)
	}
	if i := slices.IndexFunc(list, func(o object) bool { return o[id] == path[2] }); i >= 0 {
		return list[i]
	}
	return nil
}

// object is a resource as the API shows it.
type object map[string]any

func items(list []object) object { return object{"items": list} }

func (g *Gateway) describeAPI(r *http.Request) object {
	api := g.routing.api
	g.mu.Lock()
	host := cmp.Or(g.address, r.Host)
	g.mu.Unlock()
	return object{
		"apiId": api.ID, "name": api.ID, "protocolType": "WEBSOCKET", "apiEndpoint": "ws://" + host,
		"routeSelectionExpression": api.RouteSelectionExpression, "apiKeySelectionExpression": "$request.header.x-api-key",
		"disableExecuteApiEndpoint": false,
	}
}

// resources lists one kind of resources of the API, and names the member that
// has their id; nil for an unknown kind.
func (g *Gateway) resources(kind string) (list []object, id string) {
	api := g.routing.api
	list = []object{}
	switch kind {
	case "stages":
		return append(list, object{
			"stageName": api.Stage, "autoDeploy": true, "stageVariables": api.StageVariables,
			"defaultRouteSettings": settings(api.DefaultThrottle),
		}), "stageName"
	case "routes":
		for _, key := range slices.Sorted(maps.Keys(api.Routes)) {
			list = append(list, describeRoute(key, api.Routes[key]))
		}
		return list, "routeId"
	case "integrations":
		for _, name := range slices.Sorted(maps.Keys(api.Integrations)) {
			list = append(list, describeIntegration(api, name))
		}
		return list, "integrationId"
	case "authorizers":
		for _, name := range slices.Sorted(maps.Keys(api.Authorizers)) {
			a := api.Authorizers[name]
			list = append(list, object{
				"authorizerId": name, "name": name, "authorizerType": "REQUEST",
				"authorizerUri": invocationURI(api, a.Function), "identitySource": a.IdentitySource,
			})
		}
		return list, "authorizerId"
	}
	return nil, ""
}

func settings(t Throttle) object {
	if t.Rate == 0 {
		return object{}
	}
	return object{"throttlingRateLimit": t.Rate, "throttlingBurstLimit": int(t.Burst)}
}

// describeRoute is a route. Its key, which is unique, serves as its id.
func describeRoute(key string, r Route) object {
	o := object{"routeId": key, "routeKey": key, "target": "integrations/" + r.Integration, "apiKeyRequired": r.APIKeyRequired, "authorizationType": "NONE"}
	if r.RouteResponse {
		o["routeResponseSelectionExpression"] = RouteDefault
	}
	if r.Authorizer != "" {
		o["authorizationType"], o["authorizerId"] = "CUSTOM", r.Authorizer
	}
	if r.ModelSelectionExpression != "" {
		o["modelSelectionExpression"] = r.ModelSelectionExpression
	}
	return o
}

func describeIntegration(api API, name string) object {
	i := api.Integrations[name]
	o := object{"integrationId": name, "integrationType": i.Type, "timeoutInMillis": cmp.Or(i.Timeout, MaxIntegrationTimeout).Milliseconds()}
	if i.Function != "" {
		o["integrationUri"], o["integrationMethod"] = invocationURI(api, i.Function), http.MethodPost
	}
	if len(i.RequestTemplates) > 0 {
		o["requestTemplates"] = i.RequestTemplates
	}
	return o
}

// invocationURI is how API Gateway writes a function.
func invocationURI(api API, function string) string {
	return fmt.Sprintf("arn:aws:apigateway:%s:lambda:path/2015-03-31/functions/arn:aws:lambda:%s:%s:function:%s/invocations",
		api.Region, api.Region, api.AccountID, function)
}
