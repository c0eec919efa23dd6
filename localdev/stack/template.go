package stack

import (
	"sync"

	"github.com/gapless-rooms/gapless/infra/assembly"
	"github.com/gapless-rooms/gapless/localdev/template"
)

// Stage is the stage of the local API, and of the templates that it is made
// from: ws://host/local.
const Stage = "local"

// deployed reads the templates that CDK synthesises for this stage: what is
// tried here is what is deployed. Functions find @connections and their queues
// at url: some SDKs call the host of a queue's URL, which must not be AWS.
func deployed(url string) (*template.Template, error) {
	return template.Parse(template.Options{
		Region: region, AccountID: account, GatewayURL: url,
		QueueURL: func(name string) string { return url + "/" + account + "/" + name },
	}, assembly.Data, assembly.App)
}

// inProcess is deployed for functions whose calls need no address, read once.
// Nobody may change the result.
var inProcess = sync.OnceValues(func() (*template.Template, error) { return deployed("http://localhost") })
