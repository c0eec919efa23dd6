package auth

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// header is what we read of a token's header. Where it says to find a key
// (jwk, jku, x5c, x5u) is never read: whoever forges a token writes it too.
type header struct {
	Alg  string         `json:"alg"`
	Kid  string         `json:"kid"`
	Typ  string         `json:"typ"`
	Crit jsontext.Value `json:"crit"`
}

// signed is a token taken apart. Nothing of it is proved yet.
type signed struct {
	header    header
	claims    claimSet
	input     string // what the signature is over
	signature []byte
}

// decode takes a compact JWS apart. It is strict where readers of JSON and of
// base64 differ, since two readers of one token must not see two users: a name
// that occurs twice, invalid UTF-8, padding and stray bits are refused.
func decode(token string) (signed, error) {
	if len(token) > protocol.MaxTokenBytes {
		return signed{}, invalid("larger than %d bytes", protocol.MaxTokenBytes)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return signed{}, invalid("not three parts")
	}
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return signed{}, invalid("part %d is not base64url", i+1)
		}
	}
	s := signed{input: parts[0] + "." + parts[1], signature: raw[2]}
	if err := json.Unmarshal(raw[0], &s.header); err != nil {
		return signed{}, invalid("header is not the JSON object it should be")
	}
	if err := json.Unmarshal(raw[1], &s.claims); err != nil || s.claims == nil {
		return signed{}, invalid("claims are no JSON object, or one occurs twice")
	}
	if s.header.Crit != nil {
		// RFC 7515, section 4.1.11: what is critical and not understood makes
		// the token invalid. We understand no extension.
		return signed{}, invalid("header has a critical extension")
	}
	return s, checkType(s.header.Typ)
}

// checkType refuses tokens made for another purpose, such as logout or proof
// of possession (RFC 8725, section 3.11).
func checkType(typ string) error {
	switch strings.ToLower(strings.TrimPrefix(typ, "application/")) {
	case "", "jwt", "at+jwt":
		return nil
	}
	return invalid("typ is neither JWT nor at+jwt")
}

// invalid says for the log why a token is refused. It must not quote the token.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}
