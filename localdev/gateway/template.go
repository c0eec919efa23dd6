package gateway

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// template is a compiled mapping template. Of the Velocity Template Language
// it knows text and references, not directives:
//
//	$context.NAME  $input.body  $input.json('$.PATH')  $input.path('$.PATH')
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
type template struct {
	parts []templatePart
}

type templatePart struct {
	literal string
	render  func(templateInput) string // nil for a literal
}

// templateInput is what a template may look at.
type templateInput struct {
	body    []byte
	context func(name string) string
}

func compileTemplates(sources map[string]string) (map[string]*template, error) {
	templates := make(map[string]*template, len(sources))
	for _, key := range slices.Sorted(maps.Keys(sources)) {
		t, err := parseTemplate(sources[key])
		if err != nil {
			return nil, fmt.Errorf("template %q: %w", key, err)
		}
		templates[key] = t
	}
	return templates, nil
}

// parseTemplate refuses what it does not support with an error that names it.
func parseTemplate(source string) (*template, error) {
	t := &template{}
	literal := 0
	for i := 0; i < len(source); {
		switch source[i] {
		case '#':
			return nil, fmt.Errorf("directive or comment %q", clip(source[i:]))
		case '\\':
			if i+1 < len(source) && (source[i+1] == '$' || source[i+1] == '#') {
				return nil, fmt.Errorf("escape %q", clip(source[i:]))
			}
			i++
		case '$':
			render, n, err := parseReference(source[i:])
			if err != nil {
				return nil, err
			}
			if i > literal {
				t.parts = append(t.parts, templatePart{literal: source[literal:i]})
			}
			t.parts = append(t.parts, templatePart{render: render})
			i += n
			literal = i
		default:
			i++
		}
	}
	if literal < len(source) {
		t.parts = append(t.parts, templatePart{literal: source[literal:]})
	}
	return t, nil
}

// parseReference parses the reference at the beginning of text and returns its
// length.
func parseReference(text string) (render func(templateInput) string, length int, err error) {
	name, braces := text[1:], strings.HasPrefix(text, "${")
	if braces {
		name = text[2:]
	}
	rest := name
	switch {
	case strings.HasPrefix(name, "input.body"):
		rest = name[len("input.body"):]
		render = func(in templateInput) string { return string(in.body) }
	case strings.HasPrefix(name, "input.json("), strings.HasPrefix(name, "input.path("):
		raw := strings.HasPrefix(name, "input.json(")
		argument, after, ok := strings.Cut(name[len("input.json("):], ")")
		if !ok {
			return nil, 0, fmt.Errorf("reference %q", clip(text))
		}
		p, err := parseTemplatePath(argument)
		if err != nil {
			return nil, 0, fmt.Errorf("reference %q: %w", clip(text), err)
		}
		rest = after
		render = func(in templateInput) string { return renderPath(in.body, p, raw) }
	case strings.HasPrefix(name, "context."):
		n := len("context.")
		for n < len(name) && (isWord(name[n]) || name[n] == '.' && n+1 < len(name) && isWord(name[n+1])) {
			n++
		}
		key := name[len("context."):n]
		if !contextVariables[key] && !strings.HasPrefix(key, "authorizer.") {
			return nil, 0, fmt.Errorf("variable $context.%s", key)
		}
		rest = name[n:]
		render = func(in templateInput) string { return in.context(key) }
	default:
		return nil, 0, fmt.Errorf("reference %q", clip(text))
	}
	if braces {
		if !strings.HasPrefix(rest, "}") {
			return nil, 0, fmt.Errorf("reference %q", clip(text))
		}
		rest = rest[1:]
	}
	return render, len(text) - len(rest), nil
}

// contextVariables are the $context variables that a template may use, beside
// those of the authorizer.
var contextVariables = map[string]bool{
	"apiId": true, "connectedAt": true, "connectionId": true, "domainName": true,
	"eventType": true, "extendedRequestId": true, "identity.sourceIp": true,
	"identity.userAgent": true, "messageId": true, "requestId": true,
	"requestTime": true, "requestTimeEpoch": true, "routeKey": true, "stage": true,
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// parseTemplatePath parses a quoted JSONPath, '$' standing for the whole body.
func parseTemplatePath(argument string) (path, error) {
	argument = strings.TrimSpace(argument)
	if len(argument) < 3 || argument[0] != argument[len(argument)-1] ||
		argument[0] != '\'' && argument[0] != '"' || argument[1] != '$' {
		return nil, fmt.Errorf("path %s", argument)
	}
	return parsePath(argument[2 : len(argument)-1])
}

// renderPath renders what p selects: as JSON for $input.json, and for
// $input.path a string by its text. A missing value is empty.
func renderPath(body []byte, p path, asJSON bool) string {
	v, ok := parseJSON(body)
	if ok {
		v, ok = p.find(v)
	}
	if !ok {
		return ""
	}
	if s, text := v.(string); text && !asJSON {
		return s
	}
	out, err := marshal(v)
	if err != nil {
		return ""
	}
	return string(out)
}

func (t *template) run(in templateInput) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.render == nil {
			b.WriteString(p.literal)
		} else {
			b.WriteString(p.render(in))
		}
	}
	return b.String()
}

// clip shortens template text for an error.
func clip(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return text[:min(len(text), 32)]
}

// marshal is json.Marshal without the escaping of <, > and &, which AWS does
// not do.
func marshal(v any) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}
