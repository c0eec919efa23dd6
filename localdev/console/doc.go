// Package console is the page that `make dev` serves: a chat to try things
// with, and beside it what happens inside, live. It watches the local stack
// from outside: its services' observation interfaces, the functions' calls of
// AWS on their way, and the tables read with the production adapters. The
// functions know nothing of it.
//
// Read console.go, then record.go (what happens), snapshot.go (what there is)
// and board.go (how the page learns it).
package console
