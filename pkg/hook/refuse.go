package hook

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Refuse refuses for good, with the code "forbidden" and a sentence for the
// client's developer.
func Refuse(sentence string) error {
	return protocol.Errorf(protocol.Forbidden, "%s", sentence)
}

// TryAgain refuses for now, with the code "rate_limited". The client may repeat
// the command after the given time.
func TryAgain(after time.Duration, sentence string) error {
	return protocol.Retry(protocol.RateLimited, max(1, after.Milliseconds()), sentence)
}

// Refused reports whether an error of a Runner refuses for good, rather than for
// now or because the hook failed.
func Refused(err error) bool {
	var failed *Failure
	var no *protocol.Error
	return !errors.As(err, &failed) && errors.As(err, &no) && !no.Temporary
}

// Failure is an error of a hook that does not refuse. Do not show it to clients.
type Failure struct {
	Hook string // the method's name
	Err  error
	// Broken is true if repeating the command would not help: the hook panicked
	// or returned an invalid value.
	Broken bool
}

func (f *Failure) Error() string { return "hook " + f.Hook + ": " + f.Err.Error() }

// Unwrap returns the hook's own error.
func (f *Failure) Unwrap() error { return f.Err }

// Temporary reports whether the command may be repeated.
func (f *Failure) Temporary() bool { return !f.Broken }

// maxSentence and maxCode limit the bytes of a refusal, so that the refusals of
// 32 rooms fit into one frame.
const (
	maxSentence = 200
	maxCode     = 64
)

// refusal returns the refusal in a hook's error, shortened for the client, or nil
// if there is none.
func refusal(err error) *protocol.Error {
	var r *protocol.Error
	if !errors.As(err, &r) || r == nil {
		return nil
	}
	short := *r
	short.Message = shorten(short.Message, maxSentence)
	short.Code = protocol.Code(shorten(string(short.Code), maxCode))
	return &short
}

// shorten cuts text to at most that many bytes. It replaces control characters with
// spaces, because JSON needs six bytes for each.
func shorten(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	for len(text) > most {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
