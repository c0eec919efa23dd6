package template

import "encoding/json"

// oneOrMany is a list that may be written as its only element.
type oneOrMany []string

// UnmarshalJSON takes a string or a list of strings.
func (l *oneOrMany) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = oneOrMany{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}
