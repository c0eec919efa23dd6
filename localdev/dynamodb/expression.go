package dynamodb

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits on expressions.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-expression-parameters
const (
	maxOperators    = 300
	maxInOperands   = 100
	maxPlaceholder  = 255
	maxPlaceholders = 2 << 20 // bytes of all names and values of one request
)

// valueMap is ExpressionAttributeValues: an error in a value names its key.
type valueMap map[string]*value

func (m *valueMap) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return readValues(dec, m, func(key string, err *apiError) error {
		return invalid("ExpressionAttributeValues contains invalid value: %s for key %s", err.Message, key)
	})
}

// readValues reads an object of attribute values and lets explain rephrase a
// ValidationException with the key at hand.
func readValues[M ~map[string]*value](dec *jsontext.Decoder, m *M, explain func(key string, err *apiError) error) error {
	if dec.PeekKind() != '{' {
		var plain map[string]*value // null, or an error
		return json.UnmarshalDecode(dec, &plain)
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	*m = M{}
	for dec.PeekKind() != '}' {
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		key := token.String()
		v := &value{}
		if err := v.read(dec); err != nil {
			var api *apiError
			if errors.As(err, &api) && api.name() == "ValidationException" {
				return explain(key, api)
			}
			return err
		}
		(*m)[key] = v
	}
	_, err := dec.ReadToken()
	return err
}

// placeholders resolves the #names and :values of one request and remembers
// which of them the request's expressions used.
type placeholders struct {
	names      map[string]string
	values     valueMap
	usedNames  map[string]bool
	usedValues map[string]bool
}

// newPlaceholders checks the maps themselves. expressions are the request's
// expressions by name, nil for those that it does not have; takesValues are
// those among them in which a :value can stand.
func newPlaceholders(names map[string]string, values valueMap, expressions []namedExpression) (*placeholders, error) {
	p := &placeholders{names: names, values: values, usedNames: map[string]bool{}, usedValues: map[string]bool{}}
	present := slices.ContainsFunc(expressions, func(e namedExpression) bool { return e.text != nil })
	if names != nil {
		if !present {
			return nil, invalid("ExpressionAttributeNames can only be specified when using expressions")
		}
		if len(names) == 0 {
			return nil, invalid("ExpressionAttributeNames must not be empty")
		}
	}
	if values != nil {
		if err := checkValuesUsable(expressions); err != nil {
			return nil, err
		}
		if len(values) == 0 {
			return nil, invalid("ExpressionAttributeValues must not be empty")
		}
	}
	return p, p.checkKeys()
}

// namedExpression is one expression parameter of a request.
type namedExpression struct {
	name        string
	text        *string
	takesValues bool
}

func checkValuesUsable(expressions []namedExpression) error {
	var missing []string
	for _, e := range expressions {
		if e.takesValues && e.text != nil {
			return nil
		}
		if e.takesValues {
			missing = append(missing, e.name)
		}
	}
	verb := "is"
	if len(missing) > 1 {
		verb = "are"
	}
	return invalid("ExpressionAttributeValues can only be specified when using expressions: %s %s null", strings.Join(missing, " and "), verb)
}

func (p *placeholders) checkKeys() error {
	total := 0
	for _, key := range slices.Sorted(maps.Keys(p.names)) {
		if !isPlaceholder(key, '#') {
			return invalid("ExpressionAttributeNames contains invalid key: Syntax error; key: \"%s\"", key)
		}
		if p.names[key] == "" {
			return invalid("ExpressionAttributeNames contains invalid value: Empty attribute name for key %s", key)
		}
		total += len(key) + len(p.names[key])
	}
	for _, key := range slices.Sorted(maps.Keys(p.values)) {
		if !isPlaceholder(key, ':') {
			return invalid("ExpressionAttributeValues contains invalid key: Syntax error; key: \"%s\"", key)
		}
		total += len(key) + p.values[key].size()
	}
	if total > maxPlaceholders {
		return invalid("Expression attributes have exceeded the maximum allowed size of 2 MB; size: %d", total)
	}
	return nil
}

func isPlaceholder(key string, mark byte) bool {
	return len(key) > 1 && len(key) <= maxPlaceholder && key[0] == mark && wordLength(key[1:]) == len(key)-1
}

// resolvePath puts the attribute names of # placeholders into a path.
func (p *placeholders) resolvePath(raw path) error {
	for i, s := range raw {
		if s.isIndex || s.bare {
			continue
		}
		name, ok := p.names[s.name]
		if !ok {
			return invalid("An expression attribute name used in the document path is not defined; attribute name: %s", s.name)
		}
		p.usedNames[s.name] = true
		raw[i].name = name
	}
	return nil
}

func (p *placeholders) resolveValue(key string) (*value, error) {
	v, ok := p.values[key]
	if !ok {
		return nil, invalid("An expression attribute value used in expression is not defined; attribute value: %s", key)
	}
	p.usedValues[key] = true
	return v, nil
}

// checkUsed refuses placeholders that no expression used. It runs after all
// expressions of the request were parsed.
func (p *placeholders) checkUsed() error {
	if unused := unusedKeys(p.names, p.usedNames); unused != "" {
		return invalid("Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}", unused)
	}
	if unused := unusedKeys(p.values, p.usedValues); unused != "" {
		return invalid("Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}", unused)
	}
	return nil
}

func unusedKeys[V any](all map[string]V, used map[string]bool) string {
	var unused []string
	for key := range all {
		if !used[key] {
			unused = append(unused, key)
		}
	}
	slices.Sort(unused)
	return strings.Join(unused, ", ")
}

// inExpression puts the parameter's name before a parse error.
func inExpression(name string, err error) error {
	var api *apiError
	if errors.As(err, &api) {
		return invalid("Invalid %s: %s", name, api.Message)
	}
	return err
}

// checkReserved refuses a reserved word that stands in a path as such.
func checkReserved(p path) error {
	for _, s := range p {
		if s.bare && isReserved(s.name) {
			return invalid("Attribute name is a reserved keyword; reserved keyword: %s", s.name)
		}
	}
	return nil
}

// projection is a parsed ProjectionExpression; nil selects everything.
type projection struct {
	paths []path
	tree  *branch
}

// parseProjection parses a ProjectionExpression.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ProjectionExpressions.html
func parseProjection(text *string, names *placeholders) (*projection, error) {
	if text == nil {
		return nil, nil
	}
	paths, err := parsePaths(*text, names)
	if err != nil {
		return nil, inExpression("ProjectionExpression", err)
	}
	return &projection{paths: paths, tree: newBranch(paths)}, nil
}

func parsePaths(text string, names *placeholders) ([]path, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	var paths []path
	for more := true; more && p.err == nil; more = p.accept(",") {
		paths = append(paths, p.path())
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	for _, each := range paths {
		if err := checkReserved(each); err != nil {
			return nil, err
		}
	}
	for _, each := range paths {
		if err := names.resolvePath(each); err != nil {
			return nil, err
		}
	}
	return paths, checkOverlap(paths)
}

// apply selects from an item; a nil projection selects all of it.
func (p *projection) apply(it item) item {
	if p == nil || it == nil {
		return it
	}
	return p.tree.project(it)
}
