package template

import (
	"errors"
	"fmt"
)

// ErrUnknownType is returned for a resource type that is neither known nor
// known to mean nothing locally.
var ErrUnknownType = errors.New("unknown resource type")

// ErrUnsupported is returned for anything else in a template that is not
// known: a section, an intrinsic function, an attribute, a property.
var ErrUnsupported = errors.New("not supported")

// ErrNotPermitted is returned if a service would not be allowed to invoke a
// function that the template connects to it: on AWS, that shows only when it
// runs.
var ErrNotPermitted = errors.New("no AWS::Lambda::Permission")

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrUnsupported)
}
