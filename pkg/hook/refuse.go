package hook

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Refuse says no for good, as "forbidden" with a sentence for the developer of
// the client.
func Refuse(sentence string) error {
	return protocol.Errorf(protocol.Forbidden, "%s", sentence)
}

// TryAgain says not now, as "rate_limited": the client may repeat the command
// after the pause.
func TryAgain(after time.Duration, sentence string) error {
	return protocol.Retry(protocol.RateLimited, max(1, after.Milliseconds()), sentence)
}

// Refused reports whether an error of a Runner is a no for good: neither "not
// now" nor a failure.
func Refused(err error) bool {
	var failed *Failure
	var no *protocol.Error
	return !errors.As(err, &failed) && errors.As(err, &no) && !no.Temporary
}

// Failure is an error of a hook that is no refusal. The client must not see it.
type Failure struct {
	Hook string // the method's name
	Err  error
	// Broken says that repeating the command would not help: the hook panicked
	// or returned what it must not.
	Broken bool
}

func (f *Failure) Error() string { return "hook " + f.Hook + ": " + f.Err.Error() }

// Unwrap returns the hook's own error.
func (f *Failure) Unwrap() error { return f.Err }

// Temporary reports whether the command may be repeated.
func (f *Failure) Temporary() bool { return !f.Broken }

// maxSentence and maxCode bound a refusal, so that those of 32 rooms fit into one
// frame.
const (
	maxSentence = 200
	maxCode     = 64
)

// refusal returns what a hook's error says to the client, nil if it says
// nothing.
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

// shorten cuts a text to a number of bytes. Control characters become spaces:
// JSON writes one of them in six bytes.
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
