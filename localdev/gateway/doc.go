// Package gateway emulates API Gateway WebSocket APIs: the handshake with its
// $connect function and authorizer, the routing of messages, the @connections
// management API, $disconnect, and the quotas that a client can run into.
//
// One Gateway serves one API and stage. A client comes in by a real socket
// (Handler, Serve) or in process (Dial); both go through the same session
// code, since a session sees nothing but a transport of frames. The management
// API is served beside the socket (Handler) and in process (RoundTripper). In
// process nothing waits on a socket, so that everything runs inside a
// testing/synctest bubble.
//
// All waiting is done on the Clock of the Config. What AWS does not document
// is a field of Quirks with a stated default; what the emulator does not
// support is refused by New with an error that names it.
//
// See README.md for what is supported and what is not.
package gateway
