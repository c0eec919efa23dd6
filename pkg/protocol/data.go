package protocol

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// CheckData applies the rules for published data to data that did not come in a
// client's frame, and returns its compact form.
func CheckData(data jsontext.Value) (jsontext.Value, *Error) {
	if !data.IsValid() {
		return nil, Errorf(BadRequest, "data is not valid JSON, or a name occurs twice in it")
	}
	compact := data.Clone()
	if err := compact.Compact(); err != nil {
		return nil, Errorf(BadRequest, "data is not valid JSON")
	}
	// In brackets, it is nested as deep as in a command.
	dec := jsontext.NewDecoder(bytes.NewReader(slices.Concat([]byte("["), compact, []byte("]"))))
	if _, err := dec.ReadToken(); err != nil || skipValue(dec) != nil {
		return nil, Errorf(BadRequest, "data must not be nested deeper than %d levels", MaxDepth-1)
	}
	if len(compact) > MaxDataBytes {
		return nil, Errorf(TooLarge, "data must be at most %d bytes of JSON, got %d", MaxDataBytes, len(compact))
	}
	return compact, nil
}
