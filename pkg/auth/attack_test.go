package auth

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// raw signs a token whose JSON the caller writes, for tokens that no library
// makes.
func (k signingKey) raw(t *testing.T, header, claims string) string {
	t.Helper()
	input := b64([]byte(header)) + "." + b64([]byte(claims))
	signature, err := k.method.Sign(input, k.private)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64(signature)
}

// TestAttacks lists attacks on tokens; THREATS.md refers to it.
func TestAttacks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := b.clock.Now().Unix()
	good := b.ec.sign(t, b.claims(nil), nil)
	parts := strings.Split(good, ".")
	hmac := func(secret []byte, kid string) string {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, b.claims(nil))
		token.Header["kid"] = kid
		out, err := token.SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	der, err := x509.MarshalPKIXPublicKey(b.rsa.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, b.claims(nil)).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	claims := func(extra string) string {
		return fmt.Sprintf(`{"iss":%q,"aud":"rooms-api","iat":%d,"exp":%d,"sub":"ada"%s}`, b.URL, now, now+3600, extra)
	}
	const header = `{"alg":"ES256","kid":"e1"}`
	mallory := newKey(t, "e1", "ES256")
	tests := []struct {
		name, token string
		want        error
	}{
		{"none: a good token", good, nil},
		{"none: a good token made by hand", b.ec.raw(t, header, claims("")), nil},

		{"alg: HS256 with the public key as PEM", hmac(public, "r1"), ErrInvalid},
		{"alg: HS256 with the public key as DER", hmac(der, "r1"), ErrInvalid},
		{"alg: HS256 with the modulus", hmac(rsaKey().N.Bytes(), "r1"), ErrInvalid},
		{"alg: none", none, ErrInvalid},
		{"alg: NoNe", b.ec.raw(t, `{"alg":"NoNe","kid":"e1"}`, claims("")), ErrInvalid},
		{"alg: absent", b.ec.raw(t, `{"kid":"e1"}`, claims("")), ErrInvalid},
		{"alg: RS256 with the kid of an EC key", b.rsa.sign(t, b.claims(nil), map[string]any{"kid": "e1"}), ErrInvalid},
		{"alg: ES256 with the kid of an RSA key", b.ec.sign(t, b.claims(nil), map[string]any{"kid": "r1"}), ErrInvalid},
		{"alg: RS512 by the RSA key", signingKey{"r1", jwt.SigningMethodRS512, rsaKey()}.sign(t, b.claims(nil), nil), ErrInvalid},
		{"alg: PS256 by the RSA key", signingKey{"r1", jwt.SigningMethodPS256, rsaKey()}.sign(t, b.claims(nil), nil), ErrInvalid},
		{"alg: twice", b.ec.raw(t, `{"alg":"none","alg":"ES256","kid":"e1"}`, claims("")), ErrInvalid},
		{"alg: in capitals", b.ec.raw(t, `{"ALG":"ES256","kid":"e1"}`, claims("")), ErrInvalid},

		{"key: another's under a known kid", mallory.sign(t, b.claims(nil), nil), ErrInvalid},
		{"key: brought along as jwk", mallory.sign(t, b.claims(nil), map[string]any{"jwk": mallory.jwk()}), ErrInvalid},
		{"key: brought along as jku", mallory.sign(t, b.claims(nil), map[string]any{"jku": "https://evil.example.com/keys"}), ErrInvalid},
		{"kid: a path", mallory.sign(t, b.claims(nil), map[string]any{"kid": "../../../../dev/null"}), ErrInvalid},
		{"kid: a number", mallory.sign(t, b.claims(nil), map[string]any{"kid": 1}), ErrInvalid},

		{"crit: an extension", b.ec.sign(t, b.claims(nil), map[string]any{"crit": []string{"exp"}}), ErrInvalid},
		{"crit: empty", b.ec.sign(t, b.claims(nil), map[string]any{"crit": []string{}}), ErrInvalid},
		{"crit: null", b.ec.raw(t, `{"alg":"ES256","kid":"e1","crit":null}`, claims("")), ErrInvalid},
		{"crit: payload not encoded", b.ec.sign(t, b.claims(nil), map[string]any{"b64": false, "crit": []string{"b64"}}), ErrInvalid},
		{"typ: a logout token", b.ec.sign(t, b.claims(nil), map[string]any{"typ": "logout+jwt"}), ErrInvalid},

		{"claims: sub twice", b.ec.raw(t, header, claims(`,"sub":"root"`)), ErrInvalid},
		{"claims: sub twice, once escaped", b.ec.raw(t, header, claims(`,"s\u0075b":"root"`)), ErrInvalid},
		{"claims: exp twice", b.ec.raw(t, header, claims(`,"exp":9999999999`)), ErrInvalid},
		{"claims: rooms twice", b.ec.raw(t, header, claims(`,"rooms":{},"rooms":{"*":["*"]}`)), ErrInvalid},
		{"claims: a room twice", b.ec.raw(t, header, claims(`,"rooms":{"a":[],"a":["*"]}`)), ErrInvalid},
		{"claims: rooms in a string, a room twice", b.ec.raw(t, header, claims(`,"rooms":"{\"a\":[],\"a\":[\"*\"]}"`)), ErrInvalid},
		{"claims: a pattern that is too long", b.ec.sign(t, b.claims(jwt.MapClaims{"rooms": Permissions{strings.Repeat("{sub}", 60): {Join}}}), nil), ErrInvalid},
		{"claims: rooms that are a list", b.ec.sign(t, b.claims(jwt.MapClaims{"rooms": []string{"*"}}), nil), ErrInvalid},
		{"claims: SUB beside sub", b.ec.raw(t, header, claims(`,"SUB":"root"`)), nil}, // another name, which is ignored
		{"claims: only SUB", b.ec.sign(t, b.claims(jwt.MapClaims{"sub": nil, "SUB": "ada"}), nil), ErrInvalid},
		{"claims: sub of the wrong kind", b.ec.sign(t, b.claims(jwt.MapClaims{"sub": 7}), nil), ErrInvalid},
		{"claims: sub with a line break", b.ec.sign(t, b.claims(jwt.MapClaims{"sub": "ada\nroot"}), nil), ErrInvalid},
		{"claims: sub that is not UTF-8", b.ec.raw(t, header, strings.Replace(claims(""), "ada", "a\xff", 1)), ErrInvalid},
		{"claims: something after them", b.ec.raw(t, header, claims("")+`{}`), ErrInvalid},
		{"claims: null", b.ec.raw(t, header, `null`), ErrInvalid},

		{"iss: another", b.ec.sign(t, b.claims(jwt.MapClaims{"iss": "https://evil.example.com"}), nil), ErrInvalid},
		{"iss: with a slash", b.ec.sign(t, b.claims(jwt.MapClaims{"iss": b.URL + "/"}), nil), ErrInvalid},
		{"iss: absent", b.ec.sign(t, b.claims(jwt.MapClaims{"iss": nil}), nil), ErrInvalid},
		{"aud: another", b.ec.sign(t, b.claims(jwt.MapClaims{"aud": "billing-api"}), nil), ErrInvalid},
		{"aud: absent", b.ec.sign(t, b.claims(jwt.MapClaims{"aud": nil}), nil), ErrInvalid},
		{"aud: empty", b.ec.sign(t, b.claims(jwt.MapClaims{"aud": []string{}}), nil), ErrInvalid},
		{"aud: a client of Cognito beside another aud", b.ec.sign(t, b.claims(jwt.MapClaims{"aud": "x", "client_id": "rooms-api", "token_use": "access"}), nil), ErrInvalid},
		{"aud: a client_id of nobody knows whom", b.ec.sign(t, b.claims(jwt.MapClaims{"aud": nil, "client_id": "rooms-api"}), nil), ErrInvalid},
		{"token_use: refresh", b.ec.sign(t, b.claims(jwt.MapClaims{"token_use": "refresh"}), nil), ErrInvalid},

		{"form: oversized", b.ec.sign(t, b.claims(jwt.MapClaims{"x": strings.Repeat("x", protocol.MaxTokenBytes)}), nil), ErrInvalid},
		{"form: a megabyte of dots", strings.Repeat(".", 1<<20), ErrInvalid},
		{"form: dots within the limit", strings.Repeat(".", protocol.MaxTokenBytes), ErrInvalid},
		{"form: nested without end", "e30." + b64([]byte(strings.Repeat("[", 12000))) + ".e30", ErrInvalid},
		{"form: padding", parts[0] + "." + parts[1] + "." + parts[2] + "==", ErrInvalid},
		{"form: a line break", good[:20] + "\n" + good[20:], ErrInvalid},
		{"form: standard base64", parts[0] + "." + base64.RawStdEncoding.EncodeToString([]byte(`{"a":"???>>>"}`)) + "." + parts[2], ErrInvalid},
		{"form: stray bits", good[:len(good)-1] + nextLetter(good[len(good)-1]), ErrInvalid},
		{"form: no signature", parts[0] + "." + parts[1] + ".", ErrInvalid},
		{"form: two parts", parts[0] + "." + parts[1], ErrInvalid},
		{"form: five parts, as if encrypted", good + ".a.b", ErrInvalid},
		{"form: another's claims under the signature", parts[0] + "." + b64([]byte(claims(`,"admin":true`))) + "." + parts[2], ErrInvalid},
		{"form: an EC signature of zeros", parts[0] + "." + parts[1] + "." + b64(make([]byte, 64)), ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b.clock.Advance(refetchAfter) // unknown keys are refused only after it
			_, err := b.verifier.Verify(t.Context(), test.token)
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), parts[1][:16]) {
				t.Errorf("the error quotes the token: %v", err)
			}
		})
	}
}

// nextLetter changes the last letter of a base64url text in bits without a
// meaning: 64 bytes leave four of them.
func nextLetter(c byte) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(letters[strings.IndexByte(letters, c)^1])
}

// A token that was valid does not stay valid: results are not cached.
func TestExpiredButCached(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.ec.sign(t, b.claims(nil), nil)
	if _, err := b.verifier.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	b.breakWith(unavailable)
	b.clock.Advance(30 * time.Minute)
	if _, err := b.verifier.Verify(t.Context(), token); err != nil {
		t.Errorf("while it is valid, by keys that are kept: %v", err)
	}
	b.breakWith(nil)
	b.clock.Advance(30*time.Minute + 5*time.Second)
	if _, err := b.verifier.Verify(t.Context(), token); !errors.Is(err, ErrExpired) {
		t.Errorf("after its end: %v", err)
	}
}
