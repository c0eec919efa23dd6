package gateway

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// routing is an API made ready to run: everything that can be refused has
// been.
type routing struct {
	api        API
	selection  expression
	routes     map[string]*route
	authorizer *Authorizer // of $connect, or nil
}

// route is a compiled Route.
type route struct {
	key       string
	respond   bool
	backend   *backend
	throttle  *bucket
	modelExpr *expression
	models    map[string]*schema
}

// backend is a compiled Integration.
type backend struct {
	kind        string
	function    string
	timeout     time.Duration
	passthrough string
	selection   *expression
	templates   map[string]*template
	responses   []response
}

// response is a compiled IntegrationResponse.
type response struct {
	status    *regexp.Regexp // nil for $default
	selection *expression
	templates map[string]*template
}

// compile checks api and makes it ready. Its errors wrap ErrInvalid or
// ErrUnsupported and name the part of the API that they are about.
func compile(api API, now time.Time) (*routing, error) {
	api = api.withDefaults()
	switch {
	case api.ProtocolType != "" && api.ProtocolType != "WEBSOCKET":
		return nil, unsupported("protocol type %q", api.ProtocolType)
	case !stagePattern.MatchString(api.Stage):
		return nil, invalid("stage %q", api.Stage)
	case len(api.Routes) > MaxRoutes:
		return nil, invalid("%d routes, at most %d", len(api.Routes), MaxRoutes)
	case len(api.Integrations) > MaxIntegrations:
		return nil, invalid("%d integrations, at most %d", len(api.Integrations), MaxIntegrations)
	}
	r := &routing{api: api, routes: make(map[string]*route, len(api.Routes))}
	var err error
	if r.selection, err = parseExpression(api.RouteSelectionExpression, bodyVariables); err != nil {
		return nil, invalid("route selection expression: %v", err)
	}
	if len(r.selection.parts) == 0 {
		return nil, invalid("route selection expression is empty")
	}
	backends := make(map[string]*backend, len(api.Integrations))
	for _, name := range slices.Sorted(maps.Keys(api.Integrations)) {
		if backends[name], err = compileIntegration(name, api.Integrations[name]); err != nil {
			return nil, err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(api.Routes)) {
		if err := r.addRoute(key, api.Routes[key], backends, now); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// stagePattern is what a stage may be called, $default excepted, which
// WebSocket APIs do not have.
var stagePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

func (r *routing) addRoute(key string, def Route, backends map[string]*backend, now time.Time) error {
	switch {
	case key == "":
		return invalid("route with an empty key")
	case strings.HasPrefix(key, "$") && key != RouteConnect && key != RouteDisconnect && key != RouteDefault:
		return invalid("route key %q", key)
	case backends[def.Integration] == nil:
		return invalid("route %q: no integration %q", key, def.Integration)
	case def.APIKeyRequired:
		return unsupported("route %q: an API key", key)
	case def.AuthorizationType != "" && def.AuthorizationType != "NONE" && def.AuthorizationType != "CUSTOM":
		return unsupported("route %q: authorization type %q", key, def.AuthorizationType)
	case def.AuthorizationType == "CUSTOM" && def.Authorizer == "":
		return invalid("route %q: no authorizer", key)
	case def.Authorizer != "" && key != RouteConnect:
		return invalid("route %q: an authorizer is for %s only", key, RouteConnect)
	}
	rt := &route{key: key, respond: def.RouteResponse, backend: backends[def.Integration]}
	if def.Authorizer != "" {
		a, ok := r.api.Authorizers[def.Authorizer]
		if !ok {
			return invalid("route %q: no authorizer %q", key, def.Authorizer)
		}
		if a.Function == "" {
			return invalid("authorizer %q: no function", def.Authorizer)
		}
		for _, source := range a.IdentitySource {
			if err := checkIdentitySource(source); err != nil {
				return invalid("authorizer %q: %v", def.Authorizer, err)
			}
		}
		r.authorizer = &a
	}
	if def.ModelSelectionExpression != "" {
		if err := rt.addModels(def); err != nil {
			return err
		}
	}
	throttle, ok := r.api.RouteThrottles[key]
	if !ok {
		throttle = r.api.DefaultThrottle
	}
	rt.throttle = newBucket(throttle.Rate, max(1, cmp.Or(throttle.Burst, throttle.Rate)), now)
	r.routes[key] = rt
	return nil
}

func (rt *route) addModels(def Route) error {
	expr, err := parseExpression(def.ModelSelectionExpression, bodyVariables)
	if err != nil {
		return invalid("route %q: model selection expression: %v", rt.key, err)
	}
	rt.modelExpr = &expr
	rt.models = make(map[string]*schema, len(def.RequestModels))
	for _, name := range slices.Sorted(maps.Keys(def.RequestModels)) {
		if rt.models[name], err = parseSchema([]byte(def.RequestModels[name])); err != nil {
			return unsupported("route %q: model %q: %v", rt.key, name, err)
		}
	}
	return nil
}

func compileIntegration(name string, def Integration) (*backend, error) {
	b := &backend{
		kind:        def.Type,
		function:    def.Function,
		timeout:     cmp.Or(def.Timeout, MaxIntegrationTimeout),
		passthrough: cmp.Or(def.PassthroughBehavior, "WHEN_NO_MATCH"),
	}
	switch {
	case def.Type == "AWS", def.Type == "HTTP", def.Type == "HTTP_PROXY":
		return nil, unsupported("integration %q: type %s", name, def.Type)
	case def.Type != IntegrationProxy && def.Type != IntegrationMock:
		return nil, invalid("integration %q: type %q", name, def.Type)
	case def.Type == IntegrationProxy && def.Function == "":
		return nil, invalid("integration %q: no function", name)
	case def.Type == IntegrationProxy && len(def.RequestTemplates)+len(def.Responses) > 0:
		return nil, unsupported("integration %q: templates on %s", name, def.Type)
	case b.timeout < MinIntegrationTimeout || b.timeout > MaxIntegrationTimeout:
		return nil, invalid("integration %q: timeout %v is not between %v and %v",
			name, b.timeout, MinIntegrationTimeout, MaxIntegrationTimeout)
	case b.passthrough != "WHEN_NO_MATCH" && b.passthrough != "WHEN_NO_TEMPLATES" && b.passthrough != "NEVER":
		return nil, invalid("integration %q: passthrough behavior %q", name, b.passthrough)
	}
	var err error
	if b.selection, err = optionalExpression(def.TemplateSelectionExpression); err != nil {
		return nil, invalid("integration %q: template selection expression: %v", name, err)
	}
	if b.templates, err = compileTemplates(def.RequestTemplates); err != nil {
		return nil, unsupported("integration %q: request %v", name, err)
	}
	for _, key := range slices.Sorted(maps.Keys(def.Responses)) {
		res, err := compileResponse(key, def.Responses[key])
		if err != nil {
			return nil, unsupported("integration %q: response %q: %v", name, key, err)
		}
		b.responses = append(b.responses, res)
	}
	// Patterns are tried before $default.
	slices.SortStableFunc(b.responses, func(x, y response) int {
		return cmp.Compare(b2i(x.status == nil), b2i(y.status == nil))
	})
	return b, nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func compileResponse(key string, def IntegrationResponse) (response, error) {
	var res response
	var err error
	if key != RouteDefault {
		pattern := regexp.QuoteMeta(key)
		if len(key) > 1 && strings.HasPrefix(key, "/") && strings.HasSuffix(key, "/") {
			pattern = key[1 : len(key)-1]
		}
		if res.status, err = regexp.Compile("^(?:" + pattern + ")$"); err != nil {
			return res, err
		}
	}
	if res.selection, err = optionalExpression(def.TemplateSelectionExpression); err != nil {
		return res, err
	}
	res.templates, err = compileTemplates(def.ResponseTemplates)
	return res, err
}
