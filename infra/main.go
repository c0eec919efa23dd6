//go:build infra

// Command infra is the CDK app: what `make deploy` puts on AWS. It has two
// stacks: data holds what must survive (tables, the signing secret), app
// everything that can be made anew. One file per concern; addFunction is the
// one constructor for every function. README.md is the way from an empty
// account to a connected client and back.
//
// Names, environment and tables come from where the functions have them
// (pkg/config, pkg/protocol, pkg/aws/dynamo), so that they cannot drift apart.
//
// The build tag keeps CDK, whose compilation takes minutes, out of `go test
// ./...` and of whatever else is done to the whole tree.
package main

import (
	"log"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false)})
	options, err := loadOptions(app, os.LookupEnv)
	if err == nil {
		err = compose(app, options, "build")
	}
	if err != nil {
		jsii.Close()
		log.Fatal(err) //nolint:gocritic // closed above
	}
	app.Synth(nil)
}
