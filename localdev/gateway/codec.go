package gateway

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// compressFrom is the size from which a message is worth compressing.
const compressFrom = 512

// protocolError ends a connection with the close code that its cause has.
// RFC 6455, 7.4.1, as API Gateway uses it: 1003 for binary, 1009 for too large.
type protocolError struct {
	code   ws.StatusCode
	reason string
}

func (e *protocolError) Error() string {
	return fmt.Sprintf("close %d: %s", e.code, e.reason)
}

// assembler turns the frames of a client into messages and judges both. It is
// used by the one goroutine that reads.
type assembler struct {
	deflate    bool
	open       bool // inside a fragmented message
	compressed bool
	partial    []byte
}

// check refuses a frame by its header alone, before its payload is looked at.
func (a *assembler) check(h ws.Header) error {
	state := ws.StateServerSide
	if a.open {
		state = state.Set(ws.StateFragmented)
	}
	if rsv1, rsv2, rsv3 := ws.RsvBits(h.Rsv); a.deflate && rsv1 && !rsv2 && !rsv3 &&
		(h.OpCode == ws.OpText || h.OpCode == ws.OpBinary) {
		state = state.Set(ws.StateExtended)
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return &protocolError{ws.StatusProtocolError, err.Error()}
	}
	switch {
	case h.OpCode == ws.OpBinary:
		return &protocolError{ws.StatusUnsupportedData, "binary frames are not supported"}
	case h.OpCode.IsData() && h.Length > MaxFrameBytes:
		return &protocolError{ws.StatusMessageTooBig, "frame exceeds 32 KB"}
	case h.OpCode.IsData() && int64(len(a.partial))+h.Length > MaxMessageBytes:
		return &protocolError{ws.StatusMessageTooBig, "message exceeds 128 KB"}
	}
	return nil
}

// add takes a data frame that check accepted and returns the message that it
// completes, or nil and false.
func (a *assembler) add(f frame) (text []byte, done bool, err error) {
	if !a.open {
		rsv1, _, _ := ws.RsvBits(f.header.Rsv)
		a.compressed = rsv1
		a.partial = nil
	}
	if a.open || !f.header.Fin {
		a.partial = append(a.partial, f.payload...)
	} else {
		a.partial = f.payload
	}
	a.open = !f.header.Fin
	if a.open {
		return nil, false, nil
	}
	text, a.partial = a.partial, nil
	if a.compressed {
		if text, err = inflate(text); err != nil {
			return nil, false, err
		}
	}
	if !utf8.Valid(text) {
		return nil, false, &protocolError{ws.StatusInvalidFramePayloadData, "text is not valid UTF-8"}
	}
	return text, true, nil
}

// deflateTail ends every message of permessage-deflate and is not sent
// (RFC 7692, 7.2.1); a final empty block lets the reader see the end.
const (
	deflateTail  = "\x00\x00\xff\xff"
	deflateFinal = "\x01\x00\x00\xff\xff"
)

func inflate(compressed []byte) ([]byte, error) {
	r := flate.NewReader(io.MultiReader(bytes.NewReader(compressed), bytes.NewReader([]byte(deflateTail+deflateFinal))))
	text, err := io.ReadAll(io.LimitReader(r, MaxMessageBytes+1))
	switch {
	case err != nil:
		return nil, &protocolError{ws.StatusInvalidFramePayloadData, "message cannot be inflated"}
	case len(text) > MaxMessageBytes:
		return nil, &protocolError{ws.StatusMessageTooBig, "message exceeds 128 KB"}
	}
	return text, nil
}

func deflate(text []byte) []byte {
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.BestSpeed)
	if err != nil {
		panic(err) // only for an unknown level
	}
	_, _ = w.Write(text) // a bytes.Buffer takes everything
	_ = w.Flush()
	return bytes.TrimSuffix(buf.Bytes(), []byte(deflateTail))
}

// split makes the frames of a message to the client, each of at most
// MaxFrameBytes.
func split(text []byte, compress bool) []frame {
	compress = compress && len(text) >= compressFrom
	if compress {
		text = deflate(text)
	}
	frames := make([]frame, 0, 1+len(text)/MaxFrameBytes)
	op := ws.OpText
	for {
		n := min(len(text), MaxFrameBytes)
		f := newFrame(op, n == len(text), text[:n])
		if compress && op == ws.OpText {
			f.header.Rsv = ws.Rsv(true, false, false)
		}
		frames = append(frames, f)
		if text = text[n:]; len(text) == 0 {
			return frames
		}
		op = ws.OpContinuation
	}
}
