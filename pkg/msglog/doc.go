// Package msglog is a room's log: dense sequence numbers, idempotency keys, holes
// and how they are filled, and the head, which publishers and the drainer share.
//
// The append follows CORFU (Balakrishnan et al., "CORFU: A Shared Log Design for
// Flash Clusters", NSDI 2012): a sequencer hands out positions, writers fill
// them, and a reader fills the hole of a writer that died. Read position.go,
// store.go, append.go and read.go, in this order.
package msglog
