package gateway

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"unicode/utf8"
)

// schema is a compiled request model: the part of JSON schema draft 4 that
// looks at one value at a time. Keywords that it does not know are refused,
// so that a model never seems to hold while it is ignored.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings-models.html
type schema struct {
	types      []string
	enum       []any
	properties map[string]*schema
	required   []string
	others     *schema // additionalProperties as a schema
	closed     bool    // additionalProperties: false
	items      *schema
	pattern    *regexp.Regexp
	minLength  *int
	maxLength  *int
	minItems   *int
	maxItems   *int
	minimum    *big.Float
	maximum    *big.Float
}

func parseSchema(source []byte) (*schema, error) {
	var keywords map[string]json.RawMessage
	if err := json.Unmarshal(source, &keywords); err != nil {
		return nil, err
	}
	s := &schema{}
	for _, name := range slices.Sorted(maps.Keys(keywords)) {
		if err := s.keyword(name, keywords[name]); err != nil {
			return nil, fmt.Errorf("keyword %q: %w", name, err)
		}
	}
	return s, nil
}

func (s *schema) keyword(name string, raw json.RawMessage) (err error) {
	switch name {
	case "$schema", "id", "title", "description", "default", "definitions":
		return nil
	case "type":
		return json.Unmarshal(raw, (*oneOrMany[string])(&s.types))
	case "enum":
		v, ok := parseJSON(raw)
		list, isList := v.([]any)
		if !ok || !isList {
			return fmt.Errorf("not a list")
		}
		s.enum = list
		return nil
	case "required":
		return json.Unmarshal(raw, &s.required)
	case "properties":
		var all map[string]json.RawMessage
		if err := json.Unmarshal(raw, &all); err != nil {
			return err
		}
		s.properties = make(map[string]*schema, len(all))
		for key, source := range all {
			if s.properties[key], err = parseSchema(source); err != nil {
				return fmt.Errorf("%q: %w", key, err)
			}
		}
		return nil
	case "additionalProperties":
		var open bool
		if json.Unmarshal(raw, &open) == nil {
			s.closed = !open
			return nil
		}
		s.others, err = parseSchema(raw)
		return err
	case "items":
		s.items, err = parseSchema(raw)
		return err
	case "pattern":
		var source string
		if err := json.Unmarshal(raw, &source); err != nil {
			return err
		}
		s.pattern, err = regexp.Compile(source)
		return err
	case "minLength":
		return json.Unmarshal(raw, &s.minLength)
	case "maxLength":
		return json.Unmarshal(raw, &s.maxLength)
	case "minItems":
		return json.Unmarshal(raw, &s.minItems)
	case "maxItems":
		return json.Unmarshal(raw, &s.maxItems)
	case "minimum":
		s.minimum, err = parseNumber(string(raw))
		return err
	case "maximum":
		s.maximum, err = parseNumber(string(raw))
		return err
	default:
		return fmt.Errorf("not known")
	}
}

func parseNumber(text string) (*big.Float, error) {
	f, _, err := big.ParseFloat(text, 10, 200, big.ToNearestEven)
	return f, err
}

// valid reports whether v, from parseJSON, meets the schema.
func (s *schema) valid(v any) bool {
	if s.types != nil && !slices.ContainsFunc(s.types, func(t string) bool { return isType(v, t) }) {
		return false
	}
	if s.enum != nil && !slices.ContainsFunc(s.enum, func(e any) bool { return equalJSON(e, v) }) {
		return false
	}
	switch v := v.(type) {
	case map[string]any:
		return s.validObject(v)
	case []any:
		if s.minItems != nil && len(v) < *s.minItems || s.maxItems != nil && len(v) > *s.maxItems {
			return false
		}
		return s.items == nil || !slices.ContainsFunc(v, func(e any) bool { return !s.items.valid(e) })
	case string:
		n := utf8.RuneCountInString(v)
		return (s.minLength == nil || n >= *s.minLength) && (s.maxLength == nil || n <= *s.maxLength) &&
			(s.pattern == nil || s.pattern.MatchString(v))
	case json.Number:
		if s.minimum == nil && s.maximum == nil {
			return true
		}
		n, err := parseNumber(v.String())
		return err == nil && (s.minimum == nil || n.Cmp(s.minimum) >= 0) && (s.maximum == nil || n.Cmp(s.maximum) <= 0)
	}
	return true
}

func (s *schema) validObject(object map[string]any) bool {
	for _, name := range s.required {
		if _, ok := object[name]; !ok {
			return false
		}
	}
	for name, v := range object {
		switch property := s.properties[name]; {
		case property != nil:
			if !property.valid(v) {
				return false
			}
		case s.closed, s.others != nil && !s.others.valid(v):
			return false
		}
	}
	return true
}

func isType(v any, name string) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case json.Number:
		if name == "number" {
			return true
		}
		f, err := parseNumber(v.String())
		return name == "integer" && err == nil && f.IsInt()
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	default:
		return false
	}
}

func equalJSON(a, b any) bool {
	x, err := marshal(a)
	if err != nil {
		return false
	}
	y, err := marshal(b)
	return err == nil && string(x) == string(y)
}
