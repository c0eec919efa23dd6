package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// mayBeNegative lists the variables for which -1 means "never".
var mayBeNegative = map[string]bool{"GAPLESS_PRESENCE_MEMBERS": true}

// checkPositive refuses numbers and durations that are zero or negative.
func checkPositive(v reflect.Value) error {
	var errs []error
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		switch {
		case field.Anonymous:
			errs = append(errs, checkPositive(value))
		case value.CanInt() && value.Int() <= 0 && !mayBeNegative[variable(field)]:
			errs = append(errs, fmt.Errorf("%s must be greater than zero", variable(field)))
		}
	}
	return errors.Join(errs...)
}

// variable is the environment variable of a field.
func variable(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
	return name
}
