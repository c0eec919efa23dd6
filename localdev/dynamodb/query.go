package dynamodb

import (
	"github.com/go-json-experiment/json/jsontext"
)

// startKey is ExclusiveStartKey: an error in a value says so.
type startKey item

func (k *startKey) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return readValues(dec, k, func(_ string, err *apiError) error {
		return invalid("The provided starting key is invalid: %s", err.Message)
	})
}

type queryRequest struct {
	pageRequest
	KeyConditionExpression *string `json:"KeyConditionExpression"`
	ScanIndexForward       *bool   `json:"ScanIndexForward"`
}

// query reads a page of one partition.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
func (e *Service) query(r *queryRequest, c *call) (any, error) {
	var v checks
	r.constraints(&v)
	if r.Limit != nil && *r.Limit < 1 {
		// Unlike Scan, Query names the member as the request does.
		v.failed = append(v.failed, "Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	if r.KeyConditionExpression == nil {
		return nil, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	if err := r.checkSelect("Querying"); err != nil {
		return nil, err
	}
	p := &pager{pageRequest: &r.pageRequest, backward: r.ScanIndexForward != nil && !*r.ScanIndexForward}
	root, err := p.parse("KeyConditionExpression", r.KeyConditionExpression)
	if err != nil {
		return nil, err
	}
	condition, err := keyConditionOf(root)
	if err != nil {
		return nil, err
	}
	t, done, err := e.lockForRead(string(r.TableName))
	if err != nil {
		return nil, err
	}
	defer done()
	if err := p.open(t); err != nil {
		return nil, err
	}
	if err := condition.check(p.schema); err != nil {
		return nil, err
	}
	for _, path := range p.filter.paths() {
		if p.schema.has(path.head()) {
			return nil, invalid("Filter Expression can only contain non-primary key attributes: Primary key attribute: %s", path.head())
		}
	}
	s := condition.span(p.schema)
	if err := p.checkStart(s, condition); err != nil {
		return nil, err
	}
	return p.read(e, s, c), nil
}

// parse parses the request's expressions; key is nil for a scan.
func (p *pager) parse(parameter string, key *string) (root *node, err error) {
	expressions := []namedExpression{
		{"ProjectionExpression", p.ProjectionExpression, false},
		{"FilterExpression", p.FilterExpression, true},
	}
	if key != nil {
		expressions = append(expressions, namedExpression{parameter, key, true})
	}
	names, err := newPlaceholders(p.ExpressionAttributeNames, p.ExpressionAttributeValues, expressions)
	if err != nil {
		return nil, err
	}
	if root, err = parseCondition(parameter, key, names); err != nil {
		return nil, err
	}
	if p.filter, err = parseCondition("FilterExpression", p.FilterExpression, names); err != nil {
		return nil, err
	}
	if p.chosen, err = parseProjection(p.ProjectionExpression, names); err != nil {
		return nil, err
	}
	return root, names.checkUsed()
}

// checkStart refuses a start key that is not of the key's form.
func (p *pager) checkStartKey() error {
	if p.ExclusiveStartKey == nil {
		return nil
	}
	key := item(p.ExclusiveStartKey)
	want := p.keyOf(item{})
	if len(key) != len(want) {
		return invalid("The provided starting key is invalid")
	}
	for i, schema := range []keySchema{p.schema, p.table.schema} {
		err := schema.checkKey(schema.ofPresent(key))
		switch {
		case err == nil:
		case i == 0 && p.index != nil:
			return invalid("The provided starting key is invalid")
		default:
			return invalid("The provided starting key is invalid: %s", asAPIError(err).Message)
		}
	}
	return nil
}

// ofPresent are those of the key's attributes that it has.
func (k keySchema) ofPresent(it item) item {
	key := item{}
	for _, a := range k.attributes() {
		if v := it[a.name]; v != nil {
			key[a.name] = v
		}
	}
	return key
}

// checkStart also refuses one that lies outside of what is queried.
func (p *pager) checkStart(s span, condition keyCondition) error {
	if err := p.checkStartKey(); err != nil || p.ExclusiveStartKey == nil {
		return err
	}
	if s.has(p.start()) {
		return nil
	}
	if _, ranged := condition[p.schema.sort.name]; ranged {
		return invalid("The provided starting key does not match the range key predicate")
	}
	return invalid("The provided starting key is outside query boundaries based on provided conditions")
}
