package lambda

import "time"

// SetInitLimit shortens Lambda's ten seconds.
func (p *Process) SetInitLimit(d time.Duration) { p.initLimit = d }
