// Package msglog is the numbered log of a room: dense sequence numbers,
// idempotency keys, holes and how they are filled, and the head item on which
// publishers and the drainer meet.
//
// The append follows CORFU (Balakrishnan et al., "CORFU: A Shared Log Design
// for Flash Clusters", NSDI 2012): a sequencer hands out positions, writers
// fill them, and a reader fills the hole of a writer that died. Read in this
// order: position.go, store.go, append.go, read.go.
package msglog
