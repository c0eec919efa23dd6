package main

import (
	"fmt"
	"runtime"

	"github.com/gapless-rooms/gapless/localdev/sam"
)

type samTemplateCommand struct {
	Build string            `default:"build" help:"Folder that has <function>/bootstrap, built for this machine."`
	AWS   string            `name:"aws" default:"http://host.docker.internal:3002" help:"Where containers find the local AWS of the dev command."`
	Env   map[string]string `help:"Add a variable to every function's environment (repeatable)." placeholder:"NAME=VALUE"`
}

// Run prints the template.
func (c *samTemplateCommand) Run(std stdio) error {
	architecture := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	if architecture == "" {
		return fmt.Errorf("no machine of Lambda has the architecture %s", runtime.GOARCH)
	}
	b, err := sam.Template(sam.Options{Build: c.Build, Architecture: architecture, AWS: c.AWS, Environ: c.Env})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s\n", b)
	return err
}
