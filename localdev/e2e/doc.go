// Package e2e tests the whole of Gapless with real WebSocket clients through
// the gateway. It holds nothing but tests.
package e2e
