package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"math/big"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// methods are the algorithms that an issuer may use. None is symmetric: a public
// key must never serve as a secret.
var methods = map[string]jwt.SigningMethod{
	"RS256": jwt.SigningMethodRS256,
	"ES256": jwt.SigningMethodES256,
	"EdDSA": jwt.SigningMethodEdDSA,
}

// RSA keys must have minRSABits (RFC 7518, section 3.3) to maxRSABits, above
// which verifying takes too long.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// keyID names a key and binds it to one algorithm. An empty kid stands for the
// only key of its algorithm.
type keyID struct{ alg, kid string }

// jwk holds the fields of a JSON Web Key (RFC 7517 and 7518, RFC 8037) that we
// read.
type jwk struct {
	Kty    string   `json:"kty"`
	Kid    string   `json:"kid"`
	Use    string   `json:"use"`
	Alg    string   `json:"alg"`
	KeyOps []string `json:"key_ops"`
	Crv    string   `json:"crv"`
	N      string   `json:"n"`
	E      string   `json:"e"`
	X      string   `json:"x"`
	Y      string   `json:"y"`
}

// parseKeys reads a JWK set. It skips keys that we cannot use (RFC 7517, section
// 5), and all keys that share a name, because choosing one would be a guess. It
// is an error if no key is left.
func parseKeys(b []byte) (map[keyID]crypto.PublicKey, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, errors.New("not a JWK set")
	}
	keys, count := map[keyID]crypto.PublicKey{}, map[keyID]int{}
	for _, k := range set.Keys {
		alg, key := k.public()
		if key == nil {
			continue
		}
		ids := []keyID{{alg, k.Kid}}
		if k.Kid != "" {
			ids = append(ids, keyID{alg, ""})
		}
		for _, id := range ids {
			keys[id] = key
			count[id]++
		}
	}
	for id, n := range count {
		if n > 1 {
			delete(keys, id)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no key that we can verify with")
	}
	return keys, nil
}

// public returns the key and its algorithm; a nil key if we cannot use it.
func (k jwk) public() (string, crypto.PublicKey) {
	if (k.Use != "" && k.Use != "sig") || (k.KeyOps != nil && !slices.Contains(k.KeyOps, "verify")) {
		return "", nil
	}
	var alg string
	var key crypto.PublicKey
	switch {
	case k.Kty == "RSA":
		alg, key = "RS256", k.rsa()
	case k.Kty == "EC" && k.Crv == "P-256":
		alg, key = "ES256", k.ecdsa()
	case k.Kty == "OKP" && k.Crv == "Ed25519":
		alg, key = "EdDSA", k.ed25519()
	}
	if k.Alg != "" && k.Alg != alg {
		return "", nil
	}
	return alg, key
}

func (k jwk) rsa() crypto.PublicKey {
	n, e := new(big.Int).SetBytes(unbase64(k.N)), new(big.Int).SetBytes(unbase64(k.E))
	if n.BitLen() < minRSABits || n.BitLen() > maxRSABits || n.Bit(0) == 0 {
		return nil
	}
	if e.BitLen() > 31 || e.Int64() < 3 || e.Bit(0) == 0 {
		return nil
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}
}

func (k jwk) ecdsa() crypto.PublicKey {
	x, y := unbase64(k.X), unbase64(k.Y)
	if len(x) != 32 || len(y) != 32 {
		return nil
	}
	// It refuses points that are not on the curve.
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil
	}
	return key
}

func (k jwk) ed25519() crypto.PublicKey {
	if x := unbase64(k.X); len(x) == ed25519.PublicKeySize {
		return ed25519.PublicKey(x)
	}
	return nil
}

// unbase64 decodes base64url; nil if the text is not valid.
func unbase64(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}
