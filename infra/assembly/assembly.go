// Package assembly holds the templates that the CDK app in the folder above
// synthesises for the stage "local", normalised: asset hashes are masked. The
// local stack is provisioned from them, and nothing of CDK has to be compiled
// for that. `make template` writes them, `make verify-template` compares.
package assembly

import _ "embed" // the templates

// Data is the template of the stack of what must survive.
//
//go:embed data.json
var Data []byte

// App is the template of the stack of what can be made anew. It imports values
// that Data exports.
//
//go:embed app.json
var App []byte
