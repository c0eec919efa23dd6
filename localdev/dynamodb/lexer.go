package dynamodb

import (
	"strings"
	"unicode/utf8"
)

// tokenKind tells a parser what a token can be used for.
type tokenKind uint8

const (
	tokenEnd         tokenKind = iota
	tokenName                  // identifier or keyword
	tokenPlaceholder           // #name
	tokenValue                 // :value
	tokenIndex                 // digits
	tokenSymbol                // comparator or punctuation
	tokenUnknown               // a character that no expression has
)

// token is a piece of an expression and its place in it, in bytes.
type token struct {
	kind       tokenKind
	text       string
	start, end int
}

// lex cuts an expression into tokens; the last is always tokenEnd.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
func lex(text string) []token {
	var tokens []token
	for i := 0; i < len(text); {
		if strings.IndexByte(" \t\r\n", text[i]) >= 0 {
			i++
			continue
		}
		kind, length := nextToken(text[i:])
		tokens = append(tokens, token{kind: kind, text: text[i : i+length], start: i, end: i + length})
		i += length
	}
	return append(tokens, token{kind: tokenEnd, text: "<EOF>", start: len(text), end: len(text)})
}

func nextToken(text string) (tokenKind, int) {
	first := text[0]
	switch {
	case isLetter(first):
		return tokenName, wordLength(text)
	case isDigit(first):
		return tokenIndex, len(leadingDigits(text))
	case first == '#' || first == ':':
		length := wordLength(text[1:])
		if length == 0 {
			return tokenUnknown, 1
		}
		if first == '#' {
			return tokenPlaceholder, 1 + length
		}
		return tokenValue, 1 + length
	case strings.HasPrefix(text, "<>"), strings.HasPrefix(text, "<="), strings.HasPrefix(text, ">="):
		return tokenSymbol, 2
	case strings.IndexByte("=<>(),.[]+-", first) >= 0:
		return tokenSymbol, 1
	}
	_, length := utf8.DecodeRuneInString(text)
	return tokenUnknown, length
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func wordLength(text string) int {
	i := 0
	for i < len(text) && (isLetter(text[i]) || isDigit(text[i]) || text[i] == '_') {
		i++
	}
	return i
}

// parser walks over the tokens of one expression. Its methods stop at the
// first token that does not fit and keep that as the error; after an error
// every further step is a no-op, so that the grammar reads as a sequence.
type parser struct {
	text      string
	tokens    []token
	at        int
	depth     int  // open parentheses around the current condition
	redundant bool // ((…)) was seen
	err       error
}

func newParser(text string) (*parser, error) {
	if text == "" {
		return nil, invalid("The expression can not be empty;")
	}
	if len(text) > maxExpressionSize {
		return nil, invalid("Expression size has exceeded the maximum allowed size; expression size: %d", len(text))
	}
	return &parser{text: text, tokens: lex(text)}, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd && p.err == nil {
		p.at++
	}
	return t
}

// fail is the syntax error at the current token: DynamoDB shows that token
// with its two neighbours.
func (p *parser) fail() {
	if p.err != nil {
		return
	}
	t := p.peek()
	start, end := t.start, t.end
	if p.at > 0 {
		start = p.tokens[p.at-1].start
	} else if t.kind == tokenEnd {
		start = 0
	}
	if t.kind == tokenEnd {
		if p.at > 0 {
			end = p.tokens[p.at-1].end
		}
	} else if next := p.tokens[p.at+1]; next.kind != tokenEnd {
		end = next.end
	}
	p.err = invalid("Syntax error; token: \"%s\", near: \"%s\"", t.text, p.text[start:end])
}

func (p *parser) isSymbol(symbol string) bool {
	t := p.peek()
	return t.kind == tokenSymbol && t.text == symbol
}

func (p *parser) isKeyword(word string) bool {
	t := p.peek()
	return t.kind == tokenName && strings.EqualFold(t.text, word)
}

func (p *parser) accept(symbol string) bool {
	if p.err != nil || !p.isSymbol(symbol) {
		return false
	}
	p.at++
	return true
}

func (p *parser) acceptKeyword(word string) bool {
	if p.err != nil || !p.isKeyword(word) {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(symbol string) {
	if !p.accept(symbol) {
		p.fail()
	}
}

// finish reports the first error of the parse, or that something follows.
func (p *parser) finish() error {
	if p.err == nil && p.peek().kind != tokenEnd {
		p.fail()
	}
	if p.err == nil && p.redundant {
		p.err = invalid("The expression has redundant parentheses;")
	}
	return p.err
}
