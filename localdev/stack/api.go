package stack

import (
	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Stage is the stage of the local API: ws://host/local.
const Stage = "local"

// api is the WebSocket API: every action on the message function with a route
// response, ping on a mock.
func api() gateway.API {
	routes := map[string]gateway.Route{
		gateway.RouteConnect:        {Integration: "connect"},
		gateway.RouteDisconnect:     {Integration: "disconnect"},
		gateway.RouteDefault:        {Integration: "message", RouteResponse: true},
		string(protocol.ActionPing): {Integration: "ping", RouteResponse: true},
	}
	for _, action := range protocol.Actions() {
		routes[string(action)] = gateway.Route{Integration: "message", RouteResponse: true}
	}
	integrations := map[string]gateway.Integration{
		"ping": {
			Type:             gateway.IntegrationMock,
			RequestTemplates: map[string]string{"$default": `{"statusCode":200}`},
			Responses: map[string]gateway.IntegrationResponse{"$default": {
				TemplateSelectionExpression: `\$default`,
				ResponseTemplates:           map[string]string{"$default": protocol.Pong},
			}},
		},
	}
	for _, function := range []string{"connect", "disconnect", "message"} {
		integrations[function] = gateway.Integration{Type: gateway.IntegrationProxy, Function: function}
	}
	return gateway.API{
		Stage: Stage, RouteSelectionExpression: "$request.body.action",
		Routes: routes, Integrations: integrations,
	}
}
