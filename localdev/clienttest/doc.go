// Package clienttest tries the Go SDK on the local stack: over real sockets, with
// connections that are cut at random.
package clienttest
