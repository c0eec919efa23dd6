package gateway_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/gateway"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	route := func(key string, change func(*gateway.Route)) func(*gateway.API) {
		return func(a *gateway.API) {
			r := a.Routes[key]
			change(&r)
			a.Routes[key] = r
		}
	}
	integration := func(name string, change func(*gateway.Integration)) func(*gateway.API) {
		return func(a *gateway.API) {
			i := a.Integrations[name]
			change(&i)
			a.Integrations[name] = i
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*gateway.API)
		want   error
		names  string
	}{
		{"protocol", func(a *gateway.API) { a.ProtocolType = "HTTP" }, gateway.ErrUnsupported, "HTTP"},
		{"no stage", func(a *gateway.API) { a.Stage = "" }, gateway.ErrInvalid, "stage"},
		{"stage with a slash", func(a *gateway.API) { a.Stage = "a/b" }, gateway.ErrInvalid, "a/b"},
		{"no expression", func(a *gateway.API) { a.RouteSelectionExpression = "" }, gateway.ErrInvalid, "expression"},
		{"wrong expression", func(a *gateway.API) { a.RouteSelectionExpression = "$request.header.x" }, gateway.ErrInvalid, "$request.header.x"},
		{"no integration", route("echo", func(r *gateway.Route) { r.Integration = "none" }), gateway.ErrInvalid, "none"},
		{"reserved key", func(a *gateway.API) { a.Routes["$other"] = a.Routes["echo"] }, gateway.ErrInvalid, "$other"},
		{"API key", route("echo", func(r *gateway.Route) { r.APIKeyRequired = true }), gateway.ErrUnsupported, "API key"},
		{"IAM", route("$connect", func(r *gateway.Route) { r.AuthorizationType = "AWS_IAM" }), gateway.ErrUnsupported, "AWS_IAM"},
		{"authorizer elsewhere", route("echo", func(r *gateway.Route) { r.Authorizer = "a" }), gateway.ErrInvalid, "$connect"},
		{"no authorizer", route("$connect", func(r *gateway.Route) { r.Authorizer = "a" }), gateway.ErrInvalid, `"a"`},
		{"HTTP integration", integration("echo", func(i *gateway.Integration) { i.Type = "HTTP" }), gateway.ErrUnsupported, "HTTP"},
		{"AWS integration", integration("echo", func(i *gateway.Integration) { i.Type = "AWS" }), gateway.ErrUnsupported, "AWS"},
		{"no function", integration("echo", func(i *gateway.Integration) { i.Function = "" }), gateway.ErrInvalid, "function"},
		{"short timeout", integration("echo", func(i *gateway.Integration) { i.Timeout = 49 * time.Millisecond }), gateway.ErrInvalid, "49ms"},
		{"long timeout", integration("echo", func(i *gateway.Integration) { i.Timeout = 30 * time.Second }), gateway.ErrInvalid, "30s"},
		{"directive", integration("ping", func(i *gateway.Integration) {
			i.RequestTemplates = map[string]string{"$default": "#if(true)x#end"}
		}), gateway.ErrUnsupported, "#if"},
		{"passthrough", integration("ping", func(i *gateway.Integration) { i.PassthroughBehavior = "SOMETIMES" }), gateway.ErrInvalid, "SOMETIMES"},
		{"model", route("echo", func(r *gateway.Route) {
			r.ModelSelectionExpression = "$default"
			r.RequestModels = map[string]string{"$default": `{"oneOf":[]}`}
		}), gateway.ErrUnsupported, "oneOf"},
		{"identity source", func(a *gateway.API) {
			withAuthorizerSource(a, "method.request.header.X")
		}, gateway.ErrInvalid, "method.request.header.X"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := chatAPI()
			tt.change(&api)
			_, err := gateway.New(gateway.Config{API: api, Invoke: newFunctions()})
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.names) {
				t.Errorf("got %v, want %v naming %s", err, tt.want, tt.names)
			}
		})
	}
	if _, err := gateway.New(gateway.Config{API: chatAPI()}); !errors.Is(err, gateway.ErrInvalid) {
		t.Errorf("without an Invoker: %v", err)
	}
}

func withAuthorizerSource(a *gateway.API, source string) {
	a.Authorizers = map[string]gateway.Authorizer{"auth": {Function: "auth", IdentitySource: []string{source}}}
	r := a.Routes["$connect"]
	r.Authorizer = "auth"
	a.Routes["$connect"] = r
}
