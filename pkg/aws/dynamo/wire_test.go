package dynamo

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// attribute is a value in the form of the wire protocol
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html).
type attribute struct {
	S, N *string              `json:",omitempty"`
	BOOL *bool                `json:",omitempty"`
	B    []byte               `json:",omitempty"`
	SS   []string             `json:",omitempty"`
	L    []attribute          `json:",omitempty"`
	M    map[string]attribute `json:",omitempty"`
}

// wire encodes an item in the form of the wire protocol; unwire decodes it.
func wire(t testing.TB, i item) []byte {
	t.Helper()
	b, err := json.Marshal(attributesOf(i))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func attributesOf(i item) map[string]attribute {
	out := map[string]attribute{}
	for name, value := range i {
		out[name] = attributeOf(value)
	}
	return out
}

func attributeOf(value types.AttributeValue) attribute {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return attribute{S: &v.Value}
	case *types.AttributeValueMemberN:
		return attribute{N: &v.Value}
	case *types.AttributeValueMemberBOOL:
		return attribute{BOOL: &v.Value}
	case *types.AttributeValueMemberB:
		return attribute{B: v.Value}
	case *types.AttributeValueMemberSS:
		return attribute{SS: v.Value}
	case *types.AttributeValueMemberM:
		return attribute{M: attributesOf(v.Value)}
	case *types.AttributeValueMemberL:
		list := []attribute{}
		for _, value := range v.Value {
			list = append(list, attributeOf(value))
		}
		return attribute{L: list}
	}
	return attribute{}
}

func unwire(b []byte) (item, bool) {
	var in map[string]attribute
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, false
	}
	return itemOf(in), true
}

func itemOf(in map[string]attribute) item {
	i := item{}
	for name, a := range in {
		i[name] = a.value()
	}
	return i
}

func (a attribute) value() types.AttributeValue {
	switch {
	case a.S != nil:
		return text(*a.S)
	case a.N != nil:
		return &types.AttributeValueMemberN{Value: *a.N}
	case a.BOOL != nil:
		return &types.AttributeValueMemberBOOL{Value: *a.BOOL}
	case a.B != nil:
		return &types.AttributeValueMemberB{Value: a.B}
	case a.SS != nil:
		return &types.AttributeValueMemberSS{Value: a.SS}
	case a.M != nil:
		return &types.AttributeValueMemberM{Value: itemOf(a.M)}
	case a.L != nil:
		list := []types.AttributeValue{}
		for _, a := range a.L {
			list = append(list, a.value())
		}
		return &types.AttributeValueMemberL{Value: list}
	}
	return &types.AttributeValueMemberNULL{Value: true}
}
