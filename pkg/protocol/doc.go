// Package protocol is the contract with every client: commands, replies, pushes,
// codes and limits, version 1. PROTOCOL.md beside it is written for client
// authors; testdata holds vectors that the Go and the TypeScript code share. The
// package does no I/O and is independent of AWS.
package protocol
