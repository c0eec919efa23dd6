// Package model explores every interleaving of the log's protocol: publishers
// that append, drainers that take the lease, deliver and release, somebody who
// voids, a member that joins, and crashes in between. pkg/msglog/PROOF.md says in words
// why what it checks holds.
//
// A state is what stands in DynamoDB, what is on its way in SNS, and at which
// step each process is; a step is one call of AWS. The clock is left out: a
// lease may look live or expired to anybody at any time, but for a retry, which
// comes later than any lease of the run that it repeats.
package model
