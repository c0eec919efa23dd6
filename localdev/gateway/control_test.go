package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/inproc"
)

func TestControl(t *testing.T) {
	t.Parallel()
	b := setup(t, withAPI(func(api *gateway.API) {
		api.Authorizers = map[string]gateway.Authorizer{"who": {Function: "who", IdentitySource: []string{"route.request.querystring.t"}}}
		connect := api.Routes["$connect"]
		connect.Authorizer, connect.AuthorizationType = "who", "CUSTOM"
		api.Routes["$connect"] = connect
		api.DefaultThrottle = gateway.Throttle{Rate: 7}
	}))
	client := &http.Client{Transport: inproc.Transport{Handler: b.Control()}}
	get := func(method, path string) (int, map[string]any) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://gateway.local"+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		var answer map[string]any
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatalf("%s: %s", path, body)
		}
		if kind := response.Header.Get("X-Amzn-Errortype"); kind != "" {
			answer["error"] = kind
		}
		return response.StatusCode, answer
	}
	list := func(path, member string) []string {
		_, answer := get(http.MethodGet, path)
		var all []string
		for _, item := range answer["items"].([]any) {
			all = append(all, item.(map[string]any)[member].(string))
		}
		return all
	}
	for _, test := range []struct {
		path, member string
		want         []string
	}{
		{"/v2/apis", "apiId", []string{"abcdef1234"}},
		{"/v2/apis/abcdef1234/stages", "stageName", []string{"local"}},
		{"/v2/apis/abcdef1234/routes", "routeKey", []string{"$connect", "$default", "$disconnect", "echo", "ping", "silent"}},
		{"/v2/apis/abcdef1234/integrations", "integrationType", []string{"AWS_PROXY", "AWS_PROXY", "AWS_PROXY", "AWS_PROXY", "MOCK", "AWS_PROXY"}},
		{"/v2/apis/abcdef1234/authorizers", "name", []string{"who"}},
	} {
		if got := list(test.path, test.member); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v", test.path, got)
		}
	}
	for path, want := range map[string]map[string]any{
		"/v2/apis/abcdef1234":                      {"protocolType": "WEBSOCKET", "apiEndpoint": "ws://gateway.local"},
		"/v2/apis/abcdef1234/routes/$connect":      {"authorizationType": "CUSTOM", "authorizerId": "who", "target": "integrations/connect"},
		"/v2/apis/abcdef1234/integrations/connect": {"timeoutInMillis": 29000.0, "integrationUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:connect/invocations"},
	} {
		_, got := get(http.MethodGet, path)
		for member, value := range want {
			if got[member] != value {
				t.Errorf("%s: %s = %v, want %v", path, member, got[member], value)
			}
		}
	}
	for _, test := range []struct {
		method, path, want string
		status             int
	}{
		{http.MethodGet, "/v2/apis/other", "NotFoundException", 404},
		{http.MethodGet, "/v2/apis/abcdef1234/models", "NotFoundException", 404},
		{http.MethodGet, "/v2/apis/abcdef1234/routes/nope", "NotFoundException", 404},
		{http.MethodGet, "/v2/domainnames", "UnsupportedByLocalAWSException", 501},
		{http.MethodPost, "/v2/apis", "UnsupportedByLocalAWSException", 501},
	} {
		if status, got := get(test.method, test.path); status != test.status || got["error"] != test.want {
			t.Errorf("%s %s: %d %v", test.method, test.path, status, got)
		}
	}
}
