package dynamodb

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// legacyMembers are request members of DynamoDB that the engine refuses, with
// what to use in their stead.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html
var legacyMembers = map[string]string{
	"AttributesToGet":     "ProjectionExpression",
	"AttributeUpdates":    "UpdateExpression",
	"ConditionalOperator": "ConditionExpression or FilterExpression",
	"Expected":            "ConditionExpression",
	"KeyConditions":       "KeyConditionExpression",
	"QueryFilter":         "FilterExpression",
	"ScanFilter":          "FilterExpression",
}

// decodeRequest reads a body into a request. A member that the request does
// not have is refused by name: real DynamoDB ignores unknown members, which
// would let a caller believe that something took effect.
func decodeRequest(body []byte, request any, unmarshalers *json.Unmarshalers) error {
	if len(body) == 0 {
		body = []byte("{}")
	}
	err := json.Unmarshal(body, request, json.RejectUnknownMembers(true), json.WithUnmarshalers(unmarshalers))
	if err == nil {
		return nil
	}
	var api *apiError
	if errors.As(err, &api) {
		return api
	}
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return unserializable("%v", err)
	}
	if errors.Is(err, json.ErrUnknownName) {
		name := semantic.JSONPointer.LastToken()
		if instead, ok := legacyMembers[name]; ok {
			if err := checkMixture(body, semantic.JSONPointer.Parent()); err != nil {
				return err
			}
			return invalid("The legacy parameter %s is not supported by this engine; use %s", name, instead)
		}
		return invalid("The parameter %s at %s is not supported by this engine", name, semantic.JSONPointer)
	}
	return unserializable("%s at %s cannot be converted to %v", jsonWord(semantic.JSONKind), semantic.JSONPointer, semantic.GoType)
}

// Members of the two generations of parameters, in the order in which DynamoDB
// names them.
var (
	legacyOrder     = []string{"AttributesToGet", "QueryFilter", "ScanFilter", "ConditionalOperator", "KeyConditions", "AttributeUpdates", "Expected"}
	expressionOrder = []string{"ProjectionExpression", "FilterExpression", "KeyConditionExpression", "UpdateExpression", "ConditionExpression"}
)

// checkMixture refuses an object of a request that has legacy parameters beside
// expressions.
func checkMixture(body []byte, object jsontext.Pointer) error {
	at := jsontext.Value(body)
	for token := range object.Tokens() {
		var members map[string]jsontext.Value
		var elements []jsontext.Value
		if json.Unmarshal(at, &members) == nil {
			at = members[token]
			continue
		}
		n, err := strconv.Atoi(token)
		if json.Unmarshal(at, &elements) != nil || err != nil || n >= len(elements) {
			return nil
		}
		at = elements[n]
	}
	var members map[string]jsontext.Value
	if json.Unmarshal(at, &members) != nil {
		return nil // not an object: refused elsewhere
	}
	among := func(names []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return members[name] == nil || members[name].Kind() == 'n' }), ", ")
	}
	legacy, expressions := among(legacyOrder), among(expressionOrder)
	if legacy == "" || expressions == "" {
		return nil
	}
	return invalid("Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {%s} Expression parameters: {%s}", legacy, expressions)
}

func jsonWord(k jsontext.Kind) string {
	switch k {
	case '"':
		return "STRING_VALUE"
	case '0':
		return "NUMBER_VALUE"
	case 't':
		return "TRUE_VALUE"
	case 'f':
		return "FALSE_VALUE"
	case '{':
		return "START_OBJECT"
	case '[':
		return "START_ARRAY"
	}
	return "NULL_VALUE"
}

// encodeJSON writes an answer; maps come in the order of their keys, so that
// the same state always yields the same bytes.
func encodeJSON(answer any) ([]byte, error) {
	return json.Marshal(answer, json.Deterministic(true))
}

// MarshalJSONTo writes {"S":"…"} and its kin.
func (v *value) MarshalJSONTo(enc *jsontext.Encoder) error {
	w := writer{enc: enc}
	w.value(v)
	return w.err
}

// MarshalJSONTo writes attribute values by name, in the order of the names.
func (it item) MarshalJSONTo(enc *jsontext.Encoder) error {
	w := writer{enc: enc}
	w.item(it)
	return w.err
}

// writer keeps the first error, so that writing reads as a sequence.
type writer struct {
	enc *jsontext.Encoder
	err error
}

func (w *writer) token(t jsontext.Token) {
	if w.err == nil {
		w.err = w.enc.WriteToken(t)
	}
}

func (w *writer) item(it item) {
	names := make([]string, 0, len(it))
	for name := range it {
		names = append(names, name)
	}
	slices.Sort(names)
	w.token(jsontext.BeginObject)
	for _, name := range names {
		w.token(jsontext.String(name))
		w.value(it[name])
	}
	w.token(jsontext.EndObject)
}

func (w *writer) value(v *value) {
	w.token(jsontext.BeginObject)
	w.token(jsontext.String(v.kind.String()))
	switch v.kind {
	case kindBOOL:
		w.token(jsontext.Bool(v.flag))
	case kindNULL:
		w.token(jsontext.True)
	case kindM:
		w.item(v.m)
	case kindL, kindSS, kindNS, kindBS:
		w.token(jsontext.BeginArray)
		for _, e := range v.list {
			if v.kind == kindL {
				w.value(e)
			} else {
				w.token(jsontext.String(e.scalarText()))
			}
		}
		w.token(jsontext.EndArray)
	default:
		w.token(jsontext.String(v.scalarText()))
	}
	w.token(jsontext.EndObject)
}

// scalarText is how the wire shows a string, number or binary.
func (v *value) scalarText() string {
	switch v.kind {
	case kindN:
		return v.num.String()
	case kindB:
		return base64.StdEncoding.EncodeToString([]byte(v.text))
	}
	return v.text
}

// UnmarshalJSONFrom reads an attribute value and checks all that DynamoDB
// checks without knowing the table.
func (v *value) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return v.read(dec)
}

func (v *value) read(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		if err := dec.SkipValue(); err != nil {
			return err
		}
		return unserializable("Unexpected value type in payload")
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		k, ok := kindOf(name)
		if !ok {
			return invalid("%s is not a data type of DynamoDB", name)
		}
		if dec.PeekKind() == 'n' {
			if err := dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		if v.kind != 0 {
			return invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
		}
		v.kind = k
		if err := v.readContent(dec); err != nil {
			return err
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	if v.kind == 0 {
		return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	}
	return nil
}

func (v *value) readContent(dec *jsontext.Decoder) error {
	switch v.kind {
	case kindBOOL, kindNULL:
		if err := json.UnmarshalDecode(dec, &v.flag); err != nil {
			return err
		}
		if v.kind == kindNULL && !v.flag {
			return invalidValue("Null attribute value types must have the value of true")
		}
		return nil
	case kindM:
		v.m = item{}
		return json.UnmarshalDecode(dec, &v.m)
	case kindL:
		v.list = []*value{}
		return json.UnmarshalDecode(dec, &v.list)
	case kindSS, kindNS, kindBS:
		return v.readSet(dec)
	}
	var text string
	if err := json.UnmarshalDecode(dec, &text); err != nil {
		return err
	}
	return v.setScalar(text)
}

func (v *value) setScalar(text string) (err error) {
	switch v.kind {
	case kindS:
		v.text = text
	case kindN:
		v.num, err = parseNumber(text)
	case kindB:
		raw, decodeErr := base64.StdEncoding.Strict().DecodeString(text)
		if decodeErr != nil {
			return unserializable("Invalid Base64 in a binary value: %v", decodeErr)
		}
		v.text = string(raw)
	}
	return err
}

func (v *value) readSet(dec *jsontext.Decoder) error {
	var texts []string
	if err := json.UnmarshalDecode(dec, &texts); err != nil {
		return err
	}
	if len(texts) == 0 {
		return emptySet(v.kind)
	}
	seen := make(map[string]bool, len(texts))
	for _, text := range texts {
		e := &value{kind: v.kind.element()}
		if err := e.setScalar(text); err != nil {
			return err
		}
		normal := e.scalarText()
		if seen[normal] {
			return duplicateElement(v.kind, texts)
		}
		seen[normal] = true
		v.list = append(v.list, e)
	}
	return nil
}

func emptySet(k kind) error {
	switch k {
	case kindNS:
		return invalidValue("An number set  may not be empty")
	case kindBS:
		return invalidValue("Binary sets should not be empty")
	}
	return invalidValue("An string set  may not be empty")
}

func duplicateElement(k kind, texts []string) error {
	switch k {
	case kindNS:
		return invalid("Input collection contains duplicates")
	case kindBS:
		return invalidValue("Input collection [%s]of type BS contains duplicates.", strings.Join(texts, ", "))
	}
	return invalidValue("Input collection [%s] contains duplicates.", strings.Join(texts, ", "))
}
