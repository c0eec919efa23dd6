//go:build infra

package main

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// everything turns on all that can be turned on.
var everything = map[string]any{
	"stage": "prod", "gatewayAccount": "true", "alarmEmail": "ops@example.com", "customDomain": "rooms.example.com",
	"certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555",
}

// TestNag runs AwsSolutions over both stacks: no finding may be left.
func TestNag(t *testing.T) {
	for name, context := range map[string]map[string]any{"dev": nil, "everything": everything} {
		t.Run(name, func(t *testing.T) {
			app, o := build(t, context)
			awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Verbose: jsii.Bool(true)}), nil)
			for _, s := range []string{"data", "app"} {
				stack := app.Node().FindChild(jsii.String("gapless-" + o.Stage + "-" + s)).(awscdk.Stack)
				messages := assertions.Annotations_FromStack(stack)
				all := append(*messages.FindError(jsii.String("*"), assertions.Match_StringLikeRegexp(jsii.String("AwsSolutions-.*"))),
					*messages.FindWarning(jsii.String("*"), assertions.Match_StringLikeRegexp(jsii.String("AwsSolutions-.*")))...)
				for _, m := range all {
					t.Errorf("%s: %v", *m.Id, m.Entry.Data) //nolint:staticcheck // nothing else says which resource it is
				}
			}
		})
	}
}
