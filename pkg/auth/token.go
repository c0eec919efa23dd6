package auth

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// header holds the fields of a token's header that we read. Fields that say where
// to find a key (jwk, jku, x5c, x5u) are ignored: a forger writes them too.
type header struct {
	Alg  string         `json:"alg"`
	Kid  string         `json:"kid"`
	Typ  string         `json:"typ"`
	Crit jsontext.Value `json:"crit"`
}

// signed is a parsed token, not verified yet.
type signed struct {
	header    header
	claims    claimSet
	input     string // the signed bytes
	signature []byte
}

// decode parses a compact JWS. It is strict where JSON and base64 parsers differ,
// because two readers of one token must not see two users: it refuses duplicate
// names, invalid UTF-8, padding and stray bits.
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
		// RFC 7515, section 4.1.11: a critical extension that is not understood
		// makes the token invalid. We understand none.
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

// invalid returns the reason for which a token is refused, for the log. It must
// not quote the token.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}
