package sns

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gapless-rooms/gapless/localdev/sqs"
)

// Scopes of a filter policy
// (https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering-scope.html).
const (
	scopeAttributes = "MessageAttributes"
	scopeBody       = "MessageBody"
)

// filter is a parsed filter policy
// (https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html):
// each leaf must match.
type filter struct {
	scope  string
	leaves []leaf
}

// leaf is the conditions on one property, of which one must hold.
type leaf struct {
	path       []string
	conditions []condition
}

// parseFilter returns nil for an empty policy, which lets all through.
func parseFilter(policy, scope string) (*filter, error) {
	if scope != scopeAttributes && scope != scopeBody {
		return nil, invalidParameter("FilterPolicyScope: Invalid value [%s]. Please use either MessageBody or MessageAttributes", scope)
	}
	if policy == "" {
		return nil, nil
	}
	var tree map[string]json.RawMessage
	if err := json.Unmarshal([]byte(policy), &tree); err != nil {
		return nil, invalidParameter("FilterPolicy: failed to parse JSON: %v", err)
	}
	f := &filter{scope: scope}
	if err := f.add(nil, tree); err != nil {
		return nil, err
	}
	if len(f.leaves) > maxFilterKeys {
		return nil, invalidParameter("FilterPolicy: Filter policy can not have more than %d keys", maxFilterKeys)
	}
	combinations := 1
	for _, l := range f.leaves {
		combinations *= len(l.conditions) * len(l.path)
	}
	if combinations > maxFilterCombinations {
		return nil, invalidParameter("FilterPolicy: Filter policy is too complex")
	}
	slices.SortFunc(f.leaves, func(a, b leaf) int { return slices.Compare(a.path, b.path) })
	return f, nil
}

func (f *filter) add(path []string, tree map[string]json.RawMessage) error {
	for key, raw := range tree {
		if key == "$or" {
			return unsupported("the filter policy operator $or")
		}
		at := append(slices.Clone(path), key)
		var values []json.RawMessage
		if json.Unmarshal(raw, &values) == nil && values != nil {
			l := leaf{path: at}
			if len(values) == 0 {
				return invalidParameter("FilterPolicy: Empty arrays are not allowed")
			}
			for _, value := range values {
				c, err := parseCondition(value)
				if err != nil {
					return err
				}
				l.conditions = append(l.conditions, c)
			}
			f.leaves = append(f.leaves, l)
			continue
		}
		var nested map[string]json.RawMessage
		if f.scope != scopeBody || json.Unmarshal(raw, &nested) != nil || len(nested) == 0 {
			return invalidParameter("FilterPolicy: %q must be an object or an array", strings.Join(at, "."))
		}
		if err := f.add(at, nested); err != nil {
			return err
		}
	}
	return nil
}

// match tells whether the subscription gets the message. A nil filter lets all
// through.
func (f *filter) match(body string, attributes map[string]sqs.Attribute) bool {
	if f == nil {
		return true
	}
	var tree any
	if f.scope == scopeBody {
		// A body that is no JSON object matches no body policy.
		var object map[string]any
		if decodeJSON(body, &object) != nil || object == nil {
			return false
		}
		tree = object
	}
	for _, l := range f.leaves {
		var values []any
		if f.scope == scopeBody {
			values = collect(tree, l.path, nil)
		} else {
			values = attributeValues(attributes, l.path[0])
		}
		if !slices.ContainsFunc(l.conditions, func(c condition) bool { return c.holds(values) }) {
			return false
		}
	}
	return true
}

// decodeJSON keeps numbers as json.Number.
func decodeJSON(text string, into any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("more than one JSON value")
	}
	return nil
}

// collect gathers the scalars at a path, through arrays on the way.
func collect(node any, path []string, values []any) []any {
	switch node := node.(type) {
	case []any:
		for _, element := range node {
			values = collect(element, path, values)
		}
	case map[string]any:
		if len(path) > 0 {
			if child, ok := node[path[0]]; ok {
				values = collect(child, path[1:], values)
			}
		}
	default:
		if len(path) == 0 {
			values = append(values, node)
		}
	}
	return values
}

// attributeValues is the values of an attribute: one, or the elements of a
// String.Array. A Binary attribute is ignored, as the service does.
func attributeValues(attributes map[string]sqs.Attribute, name string) []any {
	a, ok := attributes[name]
	if !ok {
		return nil
	}
	base, _, _ := strings.Cut(a.Type, ".")
	switch {
	case a.Type == "String.Array":
		var values []any
		if decodeJSON(a.String, &values) != nil {
			return nil
		}
		return values
	case base == "Number":
		return []any{json.Number(a.String)}
	case base == "String":
		return []any{a.String}
	}
	return nil
}
