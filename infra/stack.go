//go:build infra

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// compose puts both stacks into an app. build is the folder in which
// `make build` leaves <function>/bootstrap.
//
// The stacks name no account and no region: the CLI's credentials decide.
func compose(app awscdk.App, o Options, build string) error {
	for _, f := range functions {
		if _, err := os.Stat(filepath.Join(build, f.name, "bootstrap")); err != nil {
			return fmt.Errorf("function %s is not built (`make build` does it): %w", f.name, err)
		}
	}
	data := newData(stack(app, o, "data"), o)
	data.stack.SetTerminationProtection(jsii.Bool(o.Protect))
	s := stack(app, o, "app")
	a := &application{stack: s, options: o, data: data, build: build, functions: map[string]function{}}
	a.addWake()
	for _, f := range functions {
		a.addFunction(f)
	}
	a.addGateway()
	a.addDomain()
	a.addSubscription()
	a.addSchedule()
	a.grant()
	a.addAlarms()
	a.addDashboard()
	a.addOutputs()
	suppressGateway(a)
	return nil
}

func stack(scope constructs.Construct, o Options, name string) awscdk.Stack {
	full := "gapless-" + o.Stage + "-" + name
	s := awscdk.NewStack(scope, jsii.String(full), &awscdk.StackProps{
		StackName:   jsii.String(full),
		Description: jsii.String("Gapless, stage " + o.Stage + ": " + name),
	})
	awscdk.Tags_Of(s).Add(jsii.String("gapless:stage"), jsii.String(o.Stage), nil)
	return s
}

// output makes one value visible after a deployment.
func output(s awscdk.Stack, name string, value *string, description string) {
	awscdk.NewCfnOutput(s, jsii.String(name), &awscdk.CfnOutputProps{Value: value, Description: jsii.String(description)})
}
