package main

import (
	"errors"
	"fmt"

	"github.com/gapless-rooms/gapless/localdev/leak"
)

type leaksCommand struct {
	Plain bool `help:"Look at lines of any form, and pass each on."`
}

// Run reads the output of `go test -json`, or of any tests; make pipes it in.
func (c leaksCommand) Run(std stdio) error {
	look := leak.Output
	if c.Plain {
		look = leak.Lines
	}
	if err := look(std.out, std.in); err != nil {
		return errors.Join(errors.New("the tests' output tells secrets"), err)
	}
	_, err := fmt.Fprintln(std.out, "no token and no ticket in the tests' output")
	return err
}
