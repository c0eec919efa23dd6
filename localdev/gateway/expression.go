package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// expression is a compiled selection expression:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-selection-expressions.html
// Variables begin with "$", braces may mark their bounds, a dollar sign is
// escaped with a backslash, and evaluation happens once.
type expression struct {
	parts []part
}

// part is a literal, or the path of a variable inside the message.
type part struct {
	literal string
	path    path // nil for a literal
}

// bodyVariables is the prefix of the variables that a request's expressions
// may use.
const bodyVariables = "request.body"

// optionalExpression parses text, giving nil for an empty one.
func optionalExpression(text string) (*expression, error) {
	if text == "" {
		return nil, nil
	}
	e, err := parseExpression(text, bodyVariables)
	return &e, err
}

func parseExpression(text, prefix string) (expression, error) {
	var e expression
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			e.parts = append(e.parts, part{literal: literal.String()})
			literal.Reset()
		}
	}
	for i := 0; i < len(text); {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '$':
			literal.WriteByte('$')
			i += 2
		case text[i] == '$':
			// The bare name $default is a static value too.
			if text[i:] == RouteDefault {
				literal.WriteString(RouteDefault)
				i = len(text)
				continue
			}
			name, rest, err := variable(text[i+1:])
			if err != nil {
				return e, err
			}
			p, err := variablePath(name, prefix)
			if err != nil {
				return e, err
			}
			flush()
			e.parts = append(e.parts, part{path: p})
			i = len(text) - len(rest)
		default:
			literal.WriteByte(text[i])
			i++
		}
	}
	flush()
	return e, nil
}

// variable splits the text after a "$" into the variable's name and the rest.
func variable(text string) (name, rest string, err error) {
	if strings.HasPrefix(text, "{") {
		name, rest, ok := strings.Cut(text[1:], "}")
		if !ok {
			return "", "", errors.New("unclosed ${")
		}
		return name, rest, nil
	}
	n := 0
	for n < len(text) {
		if strings.HasPrefix(text[n:], "['") {
			end := strings.Index(text[n:], "']")
			if end < 0 {
				return "", "", errors.New("unclosed ['")
			}
			n += end + len("']")
			continue
		}
		if strings.IndexByte(nameBytes, text[n]) < 0 {
			break
		}
		n++
	}
	// A dot at the end belongs to the text.
	name = strings.TrimRight(text[:n], ".")
	return name, text[len(name):], nil
}

const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.[]"

func variablePath(name, prefix string) (path, error) {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return nil, fmt.Errorf("variable %q: only $%s is supported", "$"+name, prefix)
	}
	p, err := parsePath(rest)
	if err == nil && len(p) == 0 {
		err = fmt.Errorf("variable %q selects nothing", "$"+name)
	}
	return p, err
}

// eval returns the key that the expression selects in body. ok is false when
// body is not JSON or a variable is missing or no scalar; the route is then
// $default.
func (e expression) eval(body []byte) (key string, ok bool) {
	var b strings.Builder
	var value any
	parsed := false
	for _, p := range e.parts {
		if p.path == nil {
			b.WriteString(p.literal)
			continue
		}
		if !parsed {
			if value, parsed = parseJSON(body); !parsed {
				return "", false
			}
		}
		v, found := p.path.find(value)
		if !found {
			return "", false
		}
		text, scalar := scalarText(v)
		if !scalar {
			return "", false
		}
		b.WriteString(text)
	}
	return b.String(), true
}

// parseJSON parses exactly one JSON value, keeping numbers as written.
func parseJSON(body []byte) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, false
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, false
	}
	return v, true
}

func scalarText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	default:
		return "", false
	}
}

// path is a JSONPath of names and indices, the part of the language that
// selects one value.
type path []any // string or int

// parsePath parses what follows the root: ".a.b", "['a']", "[0]".
func parsePath(text string) (path, error) {
	p := path{}
	for text != "" {
		switch {
		case strings.HasPrefix(text, "['"):
			name, rest, ok := strings.Cut(text[2:], "']")
			if !ok {
				return nil, fmt.Errorf("path %q", text)
			}
			p, text = append(p, name), rest
		case text[0] == '[':
			digits, rest, ok := strings.Cut(text[1:], "]")
			n, err := strconv.Atoi(digits)
			if !ok || err != nil || n < 0 {
				return nil, fmt.Errorf("path %q: only names and indices are supported", text)
			}
			p, text = append(p, n), rest
		case text[0] == '.':
			end := strings.IndexAny(text[1:], ".[")
			if end < 0 {
				end = len(text) - 1
			}
			name := text[1 : 1+end]
			if name == "" || name == "*" {
				return nil, fmt.Errorf("path %q: only names and indices are supported", text)
			}
			p, text = append(p, name), text[1+end:]
		default:
			return nil, fmt.Errorf("path %q", text)
		}
	}
	return p, nil
}

func (p path) find(v any) (any, bool) {
	for _, step := range p {
		switch step := step.(type) {
		case string:
			object, ok := v.(map[string]any)
			if !ok {
				return nil, false
			}
			if v, ok = object[step]; !ok {
				return nil, false
			}
		case int:
			list, ok := v.([]any)
			if !ok || step >= len(list) {
				return nil, false
			}
			v = list[step]
		}
	}
	return v, true
}
