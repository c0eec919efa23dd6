package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// authorization is what an authorizer granted. Its context goes with every
// event of the connection.
type authorization struct {
	context        json.RawMessage // {principalId, …}
	connectContext json.RawMessage // the same with integrationLatency
}

// authorize asks the authorizer of $connect, if there is one. A refusal has
// the status 401 (identity source missing, or the function threw
// "Unauthorized"), 403 (denied) or 500 (anything else).
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
func (s *session) authorize(h *handshake, rc requestContext) (*authorization, *refusal) {
	a := s.g.routing.authorizer
	if a == nil {
		return nil, nil
	}
	for _, source := range a.IdentitySource {
		if s.identityValue(h, source) == "" {
			return nil, s.refuse(http.StatusUnauthorized, "Unauthorized", rc.RequestID)
		}
	}
	payload, err := marshal(s.authorizerEvent(h, rc))
	if err != nil {
		s.g.log.Error("gateway: encode authorizer event", "connection", s.id, "error", err)
		return nil, s.refuse(http.StatusInternalServerError, "", rc.RequestID)
	}
	began := s.g.clock.Now()
	result, err := s.g.invoke(a.Function, payload, s.g.quirks.AuthorizerTimeout)
	took := s.g.clock.Now().Sub(began)
	if err != nil || result.FunctionError != "" {
		if errorMessage(result.Payload) == "Unauthorized" {
			return nil, s.refuse(http.StatusUnauthorized, "Unauthorized", rc.RequestID)
		}
		s.g.log.Warn("gateway: authorizer failed", "connection", s.id, "function", a.Function, "error", err)
		return nil, s.refuse(http.StatusInternalServerError, "", rc.RequestID)
	}
	granted, allowed, err := readAuthorizerResult(result.Payload, s.g.routing.api.methodARN(), took)
	switch {
	case err != nil:
		s.g.log.Warn("gateway: authorizer result refused", "connection", s.id, "function", a.Function, "error", err)
		return nil, s.refuse(http.StatusInternalServerError, "", rc.RequestID)
	case !allowed:
		return nil, s.refuse(http.StatusForbidden, "Forbidden", rc.RequestID)
	}
	return granted, nil
}

// errorMessage is the message of a function that threw.
func errorMessage(payload []byte) string {
	var thrown struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &thrown) != nil {
		return ""
	}
	return thrown.Message
}

func checkIdentitySource(source string) error {
	for _, prefix := range []string{"route.request.header.", "route.request.querystring.", "stageVariables.", "context."} {
		if name, ok := strings.CutPrefix(source, prefix); ok && name != "" {
			if prefix == "context." && !contextVariables[name] {
				return fmt.Errorf("identity source %q", source)
			}
			return nil
		}
	}
	return fmt.Errorf("identity source %q", source)
}

// identityValue is what the handshake brings for an identity source.
func (s *session) identityValue(h *handshake, source string) string {
	if name, ok := strings.CutPrefix(source, "route.request.header."); ok {
		return h.header(name)
	}
	if name, ok := strings.CutPrefix(source, "route.request.querystring."); ok {
		values, _ := h.query()
		return values.Get(name)
	}
	if name, ok := strings.CutPrefix(source, "stageVariables."); ok {
		return s.g.routing.api.StageVariables[name]
	}
	name, _ := strings.CutPrefix(source, "context.")
	return s.context(RouteConnect, eventConnect, "-").variable(name)
}

// policy is the policyDocument of an authorizer's answer.
type policy struct {
	Statement oneOrMany[statement] `json:"Statement"`
}

type statement struct {
	Effect   string            `json:"Effect"`
	Action   oneOrMany[string] `json:"Action"`
	Resource oneOrMany[string] `json:"Resource"`
}

// oneOrMany is a value that IAM lets stand alone or in a list.
type oneOrMany[T any] []T

func (o *oneOrMany[T]) UnmarshalJSON(data []byte) error {
	var many []T
	if err := json.Unmarshal(data, &many); err == nil {
		*o = many
		return nil
	}
	var one T
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*o = oneOrMany[T]{one}
	return nil
}

// readAuthorizerResult judges an authorizer's answer. An error means that it
// is malformed.
func readAuthorizerResult(payload []byte, arn string, took time.Duration) (granted *authorization, allowed bool, err error) {
	if len(payload) > MaxAuthorizerResultBytes {
		return nil, false, fmt.Errorf("result of %d bytes, at most %d", len(payload), MaxAuthorizerResultBytes)
	}
	var result struct {
		PrincipalID    *string        `json:"principalId"`
		PolicyDocument *policy        `json:"policyDocument"`
		Context        map[string]any `json:"context"`
	}
	if err := json.Unmarshal(payload, &result); err != nil {
		return nil, false, err
	}
	if result.PrincipalID == nil || result.PolicyDocument == nil || len(result.PolicyDocument.Statement) == 0 {
		return nil, false, errors.New("principalId and policyDocument are required")
	}
	context := map[string]any{"principalId": *result.PrincipalID}
	for name, v := range result.Context {
		switch v.(type) {
		case string, float64, bool:
			// Values are handed on as strings.
			context[name] = stringified(v)
		default:
			return nil, false, fmt.Errorf("context %q is neither string, number nor boolean", name)
		}
	}
	granted = &authorization{}
	if granted.context, err = marshal(context); err != nil {
		return nil, false, err
	}
	context["integrationLatency"] = took.Milliseconds()
	if granted.connectContext, err = marshal(context); err != nil {
		return nil, false, err
	}
	allowed, err = result.PolicyDocument.allows(arn)
	return granted, allowed, err
}

func stringified(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	text, _ := marshal(v) // a number or a boolean
	return string(text)
}

// allows reports whether p lets execute-api:Invoke through to arn: some
// statement allows and none denies.
func (p policy) allows(arn string) (bool, error) {
	allowed := false
	for _, st := range p.Statement {
		if st.Effect != "Allow" && st.Effect != "Deny" {
			return false, fmt.Errorf("policy effect %q", st.Effect)
		}
		if !matchesAny(st.Action, "execute-api:Invoke", true) || !matchesAny(st.Resource, arn, false) {
			continue
		}
		if st.Effect == "Deny" {
			return false, nil
		}
		allowed = true
	}
	return allowed, nil
}

// matchesAny reports whether one of the patterns, in which * and ? are
// wildcards, matches all of text.
func matchesAny(patterns []string, text string, fold bool) bool {
	for _, pattern := range patterns {
		quoted := regexp.QuoteMeta(pattern)
		quoted = strings.ReplaceAll(strings.ReplaceAll(quoted, `\*`, `.*`), `\?`, `.`)
		if fold {
			quoted = "(?i)" + quoted
		}
		if ok, err := regexp.MatchString("^(?s:"+quoted+")$", text); err == nil && ok {
			return true
		}
	}
	return false
}
