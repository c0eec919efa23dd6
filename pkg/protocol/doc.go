// Package protocol is the contract with every client: commands, replies,
// pushes, codes and limits, version 1. PROTOCOL.md beside it is the text for
// client authors, testdata holds vectors that the Go and the TypeScript code
// share. It does no I/O and knows nothing of AWS.
package protocol
