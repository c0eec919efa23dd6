package sim

import "net/http"

// Mutant is a deliberate bug: it does a call that has arrived otherwise than
// it was asked to. perform does it as asked.
type Mutant struct {
	Name string
	Do   func(w *world, c *call, perform func() (*http.Response, error)) (*http.Response, error)
}
