//go:build infra

package main

import (
	"path/filepath"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// application is the stack of what can be made anew.
type application struct {
	stack     awscdk.Stack
	options   Options
	data      *data
	build     string
	functions map[string]function
	gateway   gateway
	wake      wake
}

// definition is what tells one function from another. A function's name is its
// folder in functions/, its construct id, and the end of the names of the
// function and its log group.
type definition struct {
	name, description string
	timeout           time.Duration
	memoryMB          int
	// once is true of a function whose failed events must not come again.
	once bool
}

// Memory: the most that a binary has taken is 18 MB, so what is bought is
// processor: Lambda gives one per 1,769 MB
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html), and
// README.md says from which measurement 256 and 512 follow.
// Time-outs: API Gateway waits 29 s for a route
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html); a
// handshake that takes 10 s has failed. The broadcaster and the sweeper hand on
// or stop 5 s before their end.
var functions = []definition{
	{name: "connect", description: "registers a connection", timeout: 10 * time.Second, memoryMB: 256},
	{name: "disconnect", description: "forgets a connection", timeout: 29 * time.Second, memoryMB: 256},
	{name: "message", description: "answers commands", timeout: 29 * time.Second, memoryMB: 256},
	{name: "broadcast", description: "drains a room's log to its members", timeout: time.Minute, memoryMB: 256},
	{name: "sweep", description: "ends and forgets connections, once a minute", timeout: time.Minute, memoryMB: 512, once: true},
}

// function is a function with what belongs to it alone.
type function struct {
	lambda awslambda.Function
	logs   awslogs.LogGroup
	role   awsiam.Role
}

// functionTag carries the folder's name, for whoever reads the template.
const functionTag = "gapless:function"

func (a *application) addFunction(d definition) {
	name := "gapless-" + a.options.Stage + "-" + d.name
	logs := awslogs.NewLogGroup(a.stack, jsii.String(d.name+"-logs"), &awslogs.LogGroupProps{
		LogGroupName: jsii.String("/aws/lambda/" + name),
		// The enumeration has names only; the number is set below.
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	logs.Node().DefaultChild().(awslogs.CfnLogGroup).SetRetentionInDays(jsii.Number(a.options.LogDays))
	role := awsiam.NewRole(a.stack, jsii.String(d.name+"-role"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description: jsii.String("What the function " + name + " may do"),
	})
	environment := a.environment(d.name)
	f := awslambda.NewFunction(a.stack, jsii.String(d.name), &awslambda.FunctionProps{
		FunctionName: jsii.String(name),
		Description:  jsii.String(d.description),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: awslambda.Architecture_ARM_64(),
		Handler:      jsii.String("bootstrap"),
		Code:         awslambda.Code_FromAsset(jsii.String(filepath.Join(a.build, d.name)), nil),
		Timeout:      seconds(d.timeout),
		MemorySize:   jsii.Number(d.memoryMB),
		Environment:  &environment,
		Role:         role,
		LogGroup:     logs,
	})
	awscdk.Tags_Of(f).Add(jsii.String(functionTag), jsii.String(d.name), nil)
	if d.once {
		f.ConfigureAsyncInvoke(&awslambda.EventInvokeConfigOptions{
			RetryAttempts: jsii.Number(0), MaxEventAge: seconds(time.Minute),
		})
	}
	if n := a.reserved(d.name); n > 0 {
		f.Node().DefaultChild().(awslambda.CfnFunction).SetReservedConcurrentExecutions(jsii.Number(n))
	}
	a.functions[d.name] = function{f, logs, role}
}

// reserved is the concurrency that a function has to itself, 0 for none. The
// broadcasters must not starve for the commands, nor take all of the account's
// request rate; a second sweeper would do the work of the first again.
func (a *application) reserved(name string) int {
	switch {
	case a.options.BroadcastConcurrency == 0:
		return 0
	case name == "broadcast":
		return a.options.BroadcastConcurrency
	case name == "sweep":
		return 1
	default:
		return 0
	}
}

func seconds(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(jsii.Number(d.Seconds()))
}
