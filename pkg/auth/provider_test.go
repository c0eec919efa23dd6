package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// frozen is a clock that stands still unless it is moved. No test here sets a
// timer.
type frozen struct {
	clock.Clock
	mu  sync.Mutex
	now time.Time
}

func newFrozen() *frozen { return &frozen{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (f *frozen) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *frozen) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// signingKey is a key pair of a provider.
type signingKey struct {
	kid     string
	method  jwt.SigningMethod
	private crypto.Signer
}

// rsaKey is made once, because that takes long.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newKey(t *testing.T, kid, alg string) signingKey {
	t.Helper()
	k := signingKey{kid: kid, method: methods[alg]}
	var err error
	switch alg {
	case "RS256":
		k.private = rsaKey()
	case "ES256":
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (k signingKey) jwk() map[string]any {
	out := map[string]any{"kid": k.kid, "use": "sig", "alg": k.method.Alg()}
	switch p := k.private.Public().(type) {
	case *rsa.PublicKey:
		out["kty"], out["n"], out["e"] = "RSA", b64(p.N.Bytes()), b64(big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			panic(err)
		}
		out["kty"], out["crv"], out["x"], out["y"] = "EC", "P-256", b64(point[1:33]), b64(point[33:])
	case ed25519.PublicKey:
		out["kty"], out["crv"], out["x"] = "OKP", "Ed25519", b64(p)
	}
	return out
}

// sign makes a token. header entries replace those of the token, and nil ones
// remove them.
func (k signingKey) sign(t *testing.T, claims jwt.MapClaims, header map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(k.method, claims)
	token.Header["kid"] = k.kid
	for name, value := range header {
		if token.Header[name] = value; value == nil {
			delete(token.Header, name)
		}
	}
	out, err := token.SignedString(k.private)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// provider is an issuer with a JWK set on its own socket. It counts requests and
// can be made to fail.
type provider struct {
	*httptest.Server
	t *testing.T

	mu    sync.Mutex
	keys  []map[string]any
	asked int
	serve http.HandlerFunc // instead of the keys
}

func newProvider(t *testing.T, keys ...signingKey) *provider {
	t.Helper()
	p := &provider{t: t}
	p.publish(keys...)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked++
		serve, body := p.serve, map[string]any{"keys": p.keys}
		p.mu.Unlock()
		switch {
		case serve != nil:
			serve(w, r)
		case !strings.HasSuffix(r.URL.Path, "/.well-known/jwks.json"):
			http.NotFound(w, r)
		default:
			_ = json.NewEncoder(w).Encode(body)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) publish(keys ...signingKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = nil
	for _, k := range keys {
		p.keys = append(p.keys, k.jwk())
	}
}

func (p *provider) breakWith(serve http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serve = serve
}

func (p *provider) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// bundle is a verifier and one provider with one key of each algorithm.
type bundle struct {
	*provider
	clock         *frozen
	verifier      *Issuers
	rsa, ec, edwd signingKey
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{
		clock: newFrozen(),
		rsa:   newKey(t, "r1", "RS256"), ec: newKey(t, "e1", "ES256"), edwd: newKey(t, "d1", "EdDSA"),
	}
	b.provider = newProvider(t, b.rsa, b.ec, b.edwd)
	var err error
	b.verifier, err = NewIssuers([]Issuer{{URL: b.URL}}, Rules{Audiences: []string{"rooms-api"}}, b.Client(), b.clock)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// claims returns valid claims with changes; nil ones remove a claim.
func (b *bundle) claims(changes jwt.MapClaims) jwt.MapClaims {
	now := b.clock.Now()
	c := jwt.MapClaims{
		"iss": b.URL, "sub": "ada", "aud": "rooms-api",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}
