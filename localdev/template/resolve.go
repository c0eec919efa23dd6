package template

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// resolve replaces every intrinsic function in v by its value
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html).
func (s *scope) resolve(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if name, argument, ok := intrinsic(v); ok {
			return s.call(name, argument)
		}
		out := make(map[string]any, len(v))
		for key, value := range v {
			resolved, err := s.resolve(value)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			out[key] = resolved
		}
		return out, nil
	case []any:
		out := make([]any, 0, len(v))
		for _, value := range v {
			resolved, err := s.resolve(value)
			if err != nil {
				return nil, err
			}
			out = append(out, resolved)
		}
		return out, nil
	case string:
		return s.dynamic(v)
	default:
		return v, nil
	}
}

// intrinsic takes an object with the one key Ref or Fn::… apart.
func intrinsic(v map[string]any) (name string, argument any, ok bool) {
	if len(v) != 1 {
		return "", nil, false
	}
	for name, argument := range v {
		if name == "Ref" || strings.HasPrefix(name, "Fn::") || name == "Condition" {
			return name, argument, true
		}
	}
	return "", nil, false
}

func (s *scope) call(name string, argument any) (any, error) {
	switch name {
	case "Ref":
		id, _ := argument.(string)
		return s.ref(id)
	case "Fn::GetAtt":
		id, attribute, err := getAttArguments(argument)
		if err != nil {
			return nil, err
		}
		return s.getAtt(id, attribute)
	case "Fn::Join":
		return s.join(argument)
	case "Fn::Sub":
		return s.sub(argument)
	case "Fn::Select":
		return s.choose(argument)
	case "Fn::ImportValue":
		return s.importValue(argument)
	default:
		return nil, unsupported("intrinsic function %s", name)
	}
}

func getAttArguments(argument any) (id, attribute string, err error) {
	switch a := argument.(type) {
	case string:
		id, attribute, _ = strings.Cut(a, ".")
	case []any:
		if len(a) == 2 {
			id, _ = a[0].(string)
			attribute, _ = a[1].(string)
		}
	}
	if id == "" || attribute == "" {
		return "", "", fmt.Errorf("Fn::GetAtt of %v: needs a logical id and an attribute", argument)
	}
	return id, attribute, nil
}

// text resolves a value that must be a string.
func (s *scope) text(v any) (string, error) {
	resolved, err := s.resolve(v)
	if err != nil {
		return "", err
	}
	switch r := resolved.(type) {
	case string:
		return r, nil
	case bool, json.Number:
		return fmt.Sprint(r), nil
	}
	return "", fmt.Errorf("%v is no string", resolved)
}

func (s *scope) join(argument any) (any, error) {
	parts, ok := argument.([]any)
	if !ok || len(parts) != 2 {
		return nil, fmt.Errorf("Fn::Join of %v: needs a delimiter and a list", argument)
	}
	delimiter, err := s.text(parts[0])
	if err != nil {
		return nil, err
	}
	resolved, err := s.resolve(parts[1])
	if err != nil {
		return nil, err
	}
	list, ok := resolved.([]any)
	if !ok {
		return nil, fmt.Errorf("Fn::Join of %v: no list", resolved)
	}
	texts := make([]string, len(list))
	for i, v := range list {
		if texts[i], err = s.text(v); err != nil {
			return nil, err
		}
	}
	return s.dynamic(strings.Join(texts, delimiter))
}

// choose is Fn::Select.
func (s *scope) choose(argument any) (any, error) {
	parts, ok := argument.([]any)
	if !ok || len(parts) != 2 {
		return nil, fmt.Errorf("Fn::Select of %v: needs an index and a list", argument)
	}
	text, err := s.text(parts[0])
	if err != nil {
		return nil, err
	}
	resolved, err := s.resolve(parts[1])
	if err != nil {
		return nil, err
	}
	list, ok := resolved.([]any)
	index, err := strconv.Atoi(text)
	if !ok || err != nil || index < 0 || index >= len(list) {
		return nil, fmt.Errorf("Fn::Select of %v in %v: out of range", text, resolved)
	}
	return list[index], nil
}

var substitution = regexp.MustCompile(`\$\{(!?)([^}]+)\}`)

func (s *scope) sub(argument any) (any, error) {
	own := map[string]any{}
	if parts, ok := argument.([]any); ok && len(parts) == 2 {
		argument = parts[0]
		own, _ = parts[1].(map[string]any)
	}
	pattern, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("Fn::Sub of %v: needs a string", argument)
	}
	var failure error
	out := substitution.ReplaceAllStringFunc(pattern, func(match string) string {
		m := substitution.FindStringSubmatch(match)
		if m[1] == "!" {
			return "${" + m[2] + "}"
		}
		var value any = map[string]any{"Ref": m[2]}
		if v, ok := own[m[2]]; ok {
			value = v
		} else if strings.Contains(m[2], ".") {
			value = map[string]any{"Fn::GetAtt": m[2]}
		}
		text, err := s.text(value)
		if err != nil && failure == nil {
			failure = err
		}
		return text
	})
	if failure != nil {
		return nil, failure
	}
	return s.dynamic(out)
}

func (s *scope) importValue(argument any) (any, error) {
	name, err := s.text(argument)
	if err != nil {
		return nil, err
	}
	found, ok := s.exports[name]
	if !ok {
		return nil, fmt.Errorf("Fn::ImportValue %s: no template exports it", name)
	}
	if found.scope.resolving[name] {
		return nil, fmt.Errorf("Fn::ImportValue %s: in a circle", name)
	}
	found.scope.resolving[name] = true
	defer delete(found.scope.resolving, name)
	return found.scope.resolve(found.value)
}

// reference is a dynamic reference to a whole secret
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html).
var reference = regexp.MustCompile(`\{\{resolve:([a-z-]+):([^}]*)\}\}`)

// secretName finds the name in a secret's ARN, which ends in a hyphen and six
// characters.
var secretName = regexp.MustCompile(`^arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:(.+)-.{6}$`)

// dynamic replaces dynamic references, and the gateway's URL.
func (s *scope) dynamic(text string) (any, error) {
	var failure error
	text = reference.ReplaceAllStringFunc(text, func(match string) string {
		m := reference.FindStringSubmatch(match)
		value, err := s.secret(m[1], m[2])
		if err != nil {
			failure = err
		}
		return value
	})
	if failure != nil {
		return nil, failure
	}
	host := "https://" + s.options.APIID + ".execute-api." + s.options.Region + ".amazonaws.com"
	if s.options.GatewayURL != "" && strings.HasPrefix(text, host) {
		text = s.options.GatewayURL + text[len(host):]
	}
	return text, nil
}

func (s *scope) secret(service, argument string) (string, error) {
	id, rest, _ := strings.Cut(argument, ":SecretString")
	if service != "secretsmanager" || strings.Trim(rest, ":") != "" {
		return "", unsupported("dynamic reference {{resolve:%s:%s}}", service, argument)
	}
	if m := secretName.FindStringSubmatch(id); m != nil {
		id = m[1]
	}
	value, ok := s.options.Secrets[id]
	if !ok {
		return "", fmt.Errorf("the template refers to the secret %s, which has no value here", id)
	}
	return value, nil
}
