//go:build infra

package main

import (
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// What cdk-nag finds and we mean: each with its reason, on the resource that it
// is about.

func suppress(on any, children bool, rules map[string]string) {
	var all []*cdknag.NagPackSuppression
	for id, reason := range rules {
		all = append(all, &cdknag.NagPackSuppression{Id: jsii.String(id), Reason: jsii.String(reason)})
	}
	cdknag.NagSuppressions_AddResourceSuppressions(on, &all, jsii.Bool(children))
}

func suppressData(d *data, o Options) {
	suppress(d.secret, true, map[string]string{
		"AwsSolutions-SMG4": "Whoever signs tokens must follow a rotation, and is not ours; the functions follow one that is made by hand or by the team's own schedule",
	})
	if o.Protect {
		return
	}
	for _, t := range d.tables {
		suppress(t, true, map[string]string{
			"AwsSolutions-DDB3": "A stage for trials keeps nothing worth recovering; protect=true turns it on",
		})
	}
}

func suppressFunction(a *application, name string) {
	suppress(a.functions[name].role, true, map[string]string{
		"AwsSolutions-IAM5": "Log streams and connections have names that AWS makes up; the wildcard stands for one of this function's log group or one connection of this stage",
	})
}

func suppressGateway(a *application) {
	for _, r := range a.gateway.routes {
		suppress(r, false, map[string]string{
			"AwsSolutions-APIG4": "Tokens are checked by the connect function or by hello, so that a browser can send them in a frame, where no log sees them",
		})
	}
}
