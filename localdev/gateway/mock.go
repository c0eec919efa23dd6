package gateway

import (
	"encoding/json"
	"errors"
	"strconv"
)

var (
	errMockStatus    = errors.New("unable to parse statusCode: it should be an integer that is defined in the request template")
	errNoMapping     = errors.New("no match for output mapping and no default output mapping configured")
	errNoPassthrough = errors.New("no request template matches and passthrough is not permitted")
)

// mock answers without a function: the request template names a status, the
// status selects an integration response, and its template makes the body.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-data-transformations.html
func (b *backend) mock(rc requestContext, body []byte) (answer, error) {
	in := templateInput{body: body, context: rc.variable}
	request := body
	if t := selectTemplate(b.selection, b.templates, body); t != nil {
		request = []byte(t.run(in))
	} else if b.passthrough == "NEVER" || b.passthrough == "WHEN_NO_TEMPLATES" && len(b.templates) > 0 {
		return answer{}, errNoPassthrough
	}
	var answered struct {
		StatusCode json.RawMessage `json:"statusCode"`
	}
	if json.Unmarshal(request, &answered) != nil {
		return answer{}, errMockStatus
	}
	status, ok := statusCode(answered.StatusCode)
	if !ok {
		return answer{}, errMockStatus
	}
	for _, r := range b.responses {
		if r.status != nil && !r.status.MatchString(strconv.Itoa(status)) {
			continue
		}
		a := answer{status: status}
		if t := selectTemplate(r.selection, r.templates, body); t != nil {
			a.body = []byte(t.run(in))
		}
		return a, nil
	}
	return answer{}, errNoMapping
}

// selectTemplate evaluates a template selection expression, with $default as
// the catch-all; nil means that no template matches.
func selectTemplate(e *expression, templates map[string]*template, body []byte) *template {
	if e != nil {
		if key, ok := e.eval(body); ok && templates[key] != nil {
			return templates[key]
		}
	}
	return templates[RouteDefault]
}
