// Package sim attacks the claim of Gapless: the production handlers with the
// real AWS adapters and the real SDK run over the local AWS, on virtual time,
// under a plan of faults that a seed makes, and a reference client checks what
// it sees against the eight invariants of the design.
//
// One seed is one run. Every call of AWS, every frame and every wake-up has a
// latency of its own, made of the seed and of what it is, to the nanosecond:
// so hardly ever do two things happen in one instant, and the order of events
// does not depend on the Go scheduler. What is left to chance is said in
// README.md.
//
// Read in this order: class.go, fault.go, script.go, transport.go, client.go,
// check.go, world.go.
package sim
