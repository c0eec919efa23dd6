package gateway

import (
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// ending is why a connection ended: disconnectStatusCode and disconnectReason
// of the $disconnect event, and the close frame.
type ending struct {
	code   int
	reason string
	// frame is the reason in the close frame, where it differs.
	frame string
}

// The endings that the gateway itself decides on.
var (
	// endGoingAway is the idle timeout, the end of the two hours, and
	// Shutdown.
	endGoingAway = ending{code: int(ws.StatusGoingAway), reason: "Going away", frame: "Going away"}
	// endDeleted is DELETE on @connections: always 1000.
	endDeleted = ending{code: int(ws.StatusNormalClosure), reason: "Connection Closed Normally"}
	// endTooMany is a client over Quirks.ClientRate.
	endTooMany = ending{code: int(ws.StatusPolicyViolation), reason: "Too many requests", frame: "Too many requests"}
	// endReplyTooBig is a route response that is no legal message.
	endReplyTooBig = ending{code: int(ws.StatusMessageTooBig), reason: "message exceeds 128 KB", frame: "message exceeds 128 KB"}
)

// The status codes that never travel in a frame (RFC 6455, 7.4.1).
const (
	codeNoStatus = 1005
	codeAbnormal = 1006
)

const reasonNoStatus = "Client-side close frame status not set"

// serverEnding is the ending for a code that the server chose.
func serverEnding(code int, reason string) ending {
	return ending{code: code, reason: reason, frame: reason}
}

// clientEnding reads a close frame of the client. The answer echoes the code.
// A frame that RFC 6455 forbids is answered with 1002.
func clientEnding(payload []byte) ending {
	if len(payload) == 0 {
		return ending{code: codeNoStatus, reason: reasonNoStatus}
	}
	code, reason := ws.ParseCloseFrameData(payload)
	if len(payload) == 1 || !utf8.ValidString(reason) ||
		code < 1000 || code > 4999 || code >= 1004 && code <= 1006 || code >= 1015 && code < 3000 {
		return serverEnding(int(ws.StatusProtocolError), "invalid close frame")
	}
	e := ending{code: int(code), reason: reason}
	if reason == "" {
		switch code {
		case ws.StatusNormalClosure:
			e.reason = endDeleted.reason
		case ws.StatusGoingAway:
			e.reason = endGoingAway.reason
		}
	}
	return e
}

// payload is the close frame's.
func (e ending) payload() []byte {
	if e.code == codeNoStatus || e.code == codeAbnormal {
		return nil
	}
	reason := e.frame
	if limit := ws.MaxControlFramePayloadSize - 2; len(reason) > limit {
		reason = reason[:limit]
		for !utf8.ValidString(reason) {
			reason = reason[:len(reason)-1]
		}
	}
	return ws.NewCloseFrameBody(ws.StatusCode(e.code), reason) //nolint:gosec // one of ours
}
