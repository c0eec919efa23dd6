package gateway

import (
	"net/http"
	"time"
)

// Quirks are the behaviours that AWS does not document, or about which reports
// disagree. Nothing may depend on them, so a test can turn each of them. The
// zero value is the stated default of every field.
type Quirks struct {
	// PingResetsIdle lets a Ping frame of the client restart the idle
	// timeout. Default false: only messages do.
	PingResetsIdle bool

	// ClientBufferBytes and ClientBufferMessages bound what waits for a slow
	// client, beyond what its socket takes; past either a POST is answered
	// 429. AWS names the buffer ("the WebSocket client side buffer is full"),
	// not its size. Defaults 1 MiB and 1,024 messages.
	ClientBufferBytes    int
	ClientBufferMessages int

	// SocketBufferBytes is the kernel's send buffer of a real socket, kept
	// small so that a client that stops reading is noticed. Default 64 KiB.
	SocketBufferBytes int

	// MessageConcurrency is how many messages of one connection are handled
	// at a time; more are not read from the socket until one is done. AWS
	// says only that they may be handled concurrently. Default 16.
	MessageConcurrency int

	// CloseTimeout is how long a closing connection may take to drain and to
	// answer the close frame. Default 2 s; then the socket is dropped.
	CloseTimeout time.Duration

	// NoCompression declines permessage-deflate. Default false: it is
	// negotiated, without context takeover either way.
	NoCompression bool

	// MaxHeaderBytes bounds the handshake's header block (names, values and
	// four bytes of separators each). Default 10,240, the figure for REST
	// APIs; more is answered 431.
	MaxHeaderBytes int

	// PlainStatus answers a request for the stage that is no WebSocket
	// handshake. Default 426.
	PlainStatus int

	// TimeoutMessage is the text of the error frame after an integration
	// timeout. Default "Endpoint request timed out".
	TimeoutMessage string

	// ThrottledMessage is the text of the error frame for a message that a
	// throttle refused. Default "Too Many Requests".
	ThrottledMessage string

	// ClientRate closes a connection with 1008 that sends more messages per
	// second than this, with ClientBurst as the bucket's size (default: the
	// rate). AWS documents the code, not the rate. Default 0: never.
	ClientRate  float64
	ClientBurst float64

	// EmptyReply sends an empty text frame for a route response whose
	// function answers without a body. Default false: nothing is sent.
	EmptyReply bool

	// LenientResult accepts what a function answers to a message even if it
	// is no proxy response (an object with statusCode). Default false: the
	// client gets "Internal server error".
	LenientResult bool

	// AuthorizerTimeout bounds an authorizer's run; then the handshake fails
	// with 500. Default 29 s.
	AuthorizerTimeout time.Duration

	// SilentHandshakeLoss omits $disconnect for a client that left while
	// $connect was running. Default false: $disconnect follows with 1006.
	SilentHandshakeLoss bool

	// AbortReason is disconnectReason beside code 1006. Default
	// "Connection closed abnormally".
	AbortReason string

	// ReservedRouteKeys lets a message select $connect or $disconnect by
	// naming it. Default false: such a message goes to $default.
	ReservedRouteKeys bool

	// MaskedUTF8Posts passes a POST that is not valid UTF-8 on, with U+FFFD
	// for each wrong byte. Default false: it is refused with 400, since a
	// text frame cannot carry it.
	MaskedUTF8Posts bool

	// ForwardedProto and ForwardedPort are the values of X-Forwarded-Proto
	// and X-Forwarded-Port that $connect sees. Defaults "https" and "443",
	// as AWS serves nothing else.
	ForwardedProto string
	ForwardedPort  string
}

// WithDefaults returns q with the stated defaults in the place of zero fields.
func (q Quirks) WithDefaults() Quirks {
	def(&q.ClientBufferBytes, 1<<20)
	def(&q.ClientBufferMessages, 1024)
	def(&q.SocketBufferBytes, 64<<10)
	def(&q.MessageConcurrency, 16)
	def(&q.CloseTimeout, 2*time.Second)
	def(&q.MaxHeaderBytes, 10_240)
	def(&q.PlainStatus, http.StatusUpgradeRequired)
	def(&q.TimeoutMessage, "Endpoint request timed out")
	def(&q.ThrottledMessage, "Too Many Requests")
	def(&q.ClientBurst, q.ClientRate)
	def(&q.AuthorizerTimeout, MaxIntegrationTimeout)
	def(&q.AbortReason, "Connection closed abnormally")
	def(&q.ForwardedProto, "https")
	def(&q.ForwardedPort, "443")
	return q
}
