package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// attributes are the resolved properties of one resource. A reader takes those
// that it knows; one that is left over is an error.
type attributes struct {
	*scope
	id   string
	all  map[string]any
	used map[string]bool
}

// take returns a property, nil if it is absent.
func (a *attributes) take(name string) any {
	a.used[name] = true
	return a.all[name]
}

// into decodes a property, if it is there. Numbers and booleans may be written
// as strings, as CloudFormation takes them.
func (a *attributes) into(name string, target any) error {
	v := a.take(name)
	if v == nil {
		return nil
	}
	if text, ok := v.(string); ok {
		switch target := target.(type) {
		case *string:
			*target = text
			return nil
		case *int, **int, *bool, *float64:
			v = json.RawMessage(text)
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil {
		return unsupported("property %s: %v", name, err)
	}
	return nil
}

// ignore marks properties that mean nothing locally.
func (a *attributes) ignore(names ...string) {
	for _, name := range names {
		a.used[name] = true
	}
}

// only refuses a property that has another value than the given: what is
// written here is what the local services do.
func (a *attributes) only(name string, value any) error {
	if v := a.take(name); v != nil && v != value {
		return unsupported("property %s = %v", name, v)
	}
	return nil
}

// done refuses what no reader has taken.
func (a *attributes) done() error {
	var left []string
	for _, name := range slices.Sorted(maps.Keys(a.all)) {
		if !a.used[name] {
			left = append(left, name)
		}
	}
	if len(left) > 0 {
		return unsupported("property %s", strings.Join(left, ", "))
	}
	return nil
}

// each decodes several properties and returns the first error.
func (a *attributes) each(targets map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		if err := a.into(name, targets[name]); err != nil {
			return err
		}
	}
	return nil
}
