package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// This file's sentences are our own: the parser's texts may change with its
// version, and clients of all languages share one set of vectors. They name
// places and single characters, never a value, because a value may be a token.

// explainSyntax describes the fault in a frame's JSON at the place where dec
// stopped.
func explainSyntax(frame []byte, dec *jsontext.Decoder, err error) *Error {
	var ours *Error
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return Errorf(BadRequest, "not valid JSON at byte %d: the frame ends too early", len(frame))
	case !errors.As(err, &syntax):
		return Errorf(BadRequest, "not valid JSON")
	case errors.Is(err, jsontext.ErrDuplicateName):
		return Errorf(BadRequest, "the same name occurs twice in one object: %s", fieldPath(syntax.JSONPointer))
	}
	offset := min(max(int(syntax.ByteOffset), 0), len(frame))
	where := ""
	if syntax.JSONPointer != "" {
		where = " in " + fieldPath(syntax.JSONPointer)
	}
	return Errorf(BadRequest, "not valid JSON at byte %d%s: %s", offset, where, faultAt(frame, offset, dec))
}

// faultAt describes the fault at offset. dec has read everything up to the token
// that failed.
func faultAt(frame []byte, offset int, dec *jsontext.Decoder) string {
	read := min(int(dec.InputOffset()), offset)
	between := frame[read:offset]
	token := bytes.TrimLeft(between, whitespace+",:")
	if offset == len(frame) {
		return "the frame ends too early"
	}
	if len(token) == 0 {
		return misplaced(frame[offset:], expectation(bytes.TrimRight(between, whitespace), dec))
	}
	switch c := token[0]; {
	case c == '"':
		return faultInString(frame[offset:])
	case c == '-', '0' <= c && c <= '9':
		return "expected a digit, found " + show(frame[offset:])
	default:
		return bareWord
	}
}

const bareWord = "only true, false, null and numbers may stand without double quotes"

// misplaced describes a token that must not begin here.
func misplaced(rest []byte, expected string) string {
	c := rest[0]
	letter := c == '_' || c == '$' || 'a' <= c|0x20 && c|0x20 <= 'z'
	if c == ',' {
		if next := bytes.TrimLeft(rest[1:], whitespace); len(next) > 0 && (next[0] == '}' || next[0] == ']') {
			return "a comma must not stand before a closing bracket"
		}
	}
	switch {
	case c == '\'':
		return "strings and names stand in double quotes"
	case letter && strings.HasPrefix(expected, "a name"):
		return "names stand in double quotes"
	case letter && strings.HasPrefix(expected, "a value"):
		return bareWord
	}
	return "expected " + expected + ", found " + show(rest)
}

// expectation describes what the grammar allows after what dec has read and the
// delimiter after it, if any.
func expectation(between []byte, dec *jsontext.Decoder) string {
	var delimiter byte
	if len(between) > 0 {
		delimiter = between[len(between)-1]
	}
	kind, length := dec.StackIndex(dec.StackDepth())
	switch {
	case kind == '{' && length%2 == 1 && delimiter == ':', kind == '[' && delimiter == ',':
		return "a value"
	case kind == '{' && length%2 == 1:
		return "':'"
	case kind == '{' && delimiter == ',':
		return "a name in double quotes"
	case kind == '{' && length == 0:
		return "a name in double quotes or '}'"
	case kind == '{':
		return "',' or '}'"
	case length == 0:
		return "a value or ']'"
	default:
		return "',' or ']'"
	}
}

func faultInString(rest []byte) string {
	switch c := rest[0]; {
	case c == '\\' && len(rest) > 3 && rest[1] == 'u' && rest[2]|0x20 == 'd' && rest[3] >= '8':
		return "a string holds half of a surrogate pair, as when text is cut inside an emoji"
	case c == '\\':
		return "a backslash in a string begins no valid escape sequence"
	case c < ' ':
		return fmt.Sprintf("a string holds the control character U+%04X, which must be escaped", c)
	default:
		return "a string is not valid UTF-8"
	}
}

// show returns the first character of b in a form for a sentence.
func show(b []byte) string {
	switch r, size := utf8.DecodeRune(b); {
	case r == utf8.RuneError && size <= 1:
		return "a byte that is not UTF-8"
	case !unicode.IsPrint(r):
		return fmt.Sprintf("U+%04X", r)
	default:
		return fmt.Sprintf("'%c'", r)
	}
}

// explainType turns a type mismatch into a sentence that names the field.
func explainType(err error) *Error {
	var mismatch *json.SemanticError
	if !errors.As(err, &mismatch) || mismatch.JSONPointer == "" {
		return Errorf(BadRequest, "the command has a field of a wrong type")
	}
	field := fieldPath(mismatch.JSONPointer)
	var kind reflect.Kind
	if mismatch.GoType != nil {
		kind = mismatch.GoType.Kind()
	}
	var rule string
	switch kind {
	case reflect.Uint64:
		rule = integerRule(mismatch.JSONPointer.LastToken())
	case reflect.String:
		rule = "a string"
	case reflect.Bool:
		rule = "true or false"
	case reflect.Map, reflect.Struct:
		rule = "an object"
	default:
		rule = "of another type"
	}
	return Errorf(BadRequest, "%s must be %s%s", field, rule, butGot(mismatch.JSONKind, kind))
}

// butGot describes the value found instead.
func butGot(got jsontext.Kind, want reflect.Kind) string {
	switch got {
	case '"':
		return ", not a string"
	case '{':
		return ", not an object"
	case '[':
		return ", not an array"
	case 't', 'f':
		return ", not a boolean"
	case '0':
		if want != reflect.Uint64 {
			return ", not a number"
		}
	}
	return ""
}

// fieldPath writes a pointer as a JavaScript programmer would: rooms.lobby.since,
// rooms["org.42"].since. An array's index counts as a name. It shows only the
// ends of a long path.
func fieldPath(pointer jsontext.Pointer) string {
	const most = 160
	var steps []string
	length := 0
	for token := range pointer.Tokens() {
		step := pathStep(token)
		steps = append(steps, step)
		length += len(step)
	}
	if length > most {
		steps = []string{steps[0], ".…", steps[len(steps)-1]}
	}
	return strings.TrimPrefix(strings.Join(steps, ""), ".")
}

func pathStep(token string) string {
	plain := token != ""
	for i := range len(token) {
		c := token[i]
		plain = plain && (c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z')
	}
	if plain {
		return "." + printable(token)
	}
	return `["` + printable(token) + `"]`
}

// printable shortens a client's text for a message and removes unprintable
// characters.
func printable(s string) string {
	const most = 64
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
