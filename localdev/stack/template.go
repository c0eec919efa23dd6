package stack

import (
	"sync"

	"github.com/gapless-rooms/gapless/infra/assembly"
	"github.com/gapless-rooms/gapless/localdev/template"
)

// Stage is the stage of the local API, and of the templates that it is made
// from: ws://host/local.
const Stage = "local"

// deployed are the templates that CDK synthesises for this stage, read once:
// what is tried here is what is deployed. Nobody may change the result.
var deployed = sync.OnceValues(func() (*template.Template, error) {
	return template.Parse(template.Options{
		Region: region, AccountID: account, GatewayURL: "http://localhost",
		Secrets: map[string]string{"gapless/" + Stage + "/tokens": DevSecret},
	}, assembly.Data, assembly.App)
})
