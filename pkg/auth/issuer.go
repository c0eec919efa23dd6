package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// Issuer is a party whose tokens are accepted.
type Issuer struct {
	// Name is put before the user's id, as in "acme:1234", so that one issuer
	// cannot impersonate another's users. It may be empty if there is only one
	// issuer.
	Name string
	// URL is the iss claim, compared byte for byte: Auth0's ends with a slash,
	// Cognito's does not.
	URL string
	// KeysURL is the URL of the key set. Default: /.well-known/jwks.json below
	// URL, right for Cognito and Auth0.
	KeysURL string
}

// issuerName matches issuers' names, which have no colon, because a colon ends
// them.
var issuerName = regexp.MustCompile(`^[a-z0-9-]{1,16}$`)

// ParseIssuers reads issuers written as "url" or "name=url". The URLs of their
// keys are in the same order, or empty.
func ParseIssuers(issuers, keys []string) ([]Issuer, error) {
	if len(keys) > 0 && len(keys) != len(issuers) {
		return nil, fmt.Errorf("%d issuers have %d key URLs", len(issuers), len(keys))
	}
	out := make([]Issuer, len(issuers))
	for i, text := range issuers {
		out[i].URL = strings.TrimSpace(text)
		if name, rest, ok := strings.Cut(out[i].URL, "="); ok && issuerName.MatchString(name) {
			out[i].Name, out[i].URL = name, rest
		}
		if len(keys) > 0 {
			out[i].KeysURL = strings.TrimSpace(keys[i])
		}
	}
	return out, nil
}

// Issuers verifies JWTs with the public keys of their issuers: RS256, ES256 and
// EdDSA. It is safe for concurrent use.
type Issuers struct {
	rules  Rules
	clock  clock.Clock
	byName map[string]issuer // key: iss
}

type issuer struct {
	prefix string
	keys   *keySet
}

// NewIssuers returns a verifier, which has not fetched anything yet. The rules
// must name an audience, because an issuer signs tokens for others, too, whose
// users are not ours.
func NewIssuers(issuers []Issuer, rules Rules, client *http.Client, c clock.Clock) (*Issuers, error) {
	if len(rules.Audiences) == 0 {
		return nil, errors.New("no audience is named")
	}
	if len(issuers) == 0 {
		return nil, errors.New("no issuer is named")
	}
	v := &Issuers{rules.WithDefaults(), c, make(map[string]issuer, len(issuers))}
	prefixes := map[string]bool{}
	for _, i := range issuers {
		if i.KeysURL == "" {
			i.KeysURL = strings.TrimSuffix(i.URL, "/") + "/.well-known/jwks.json"
		}
		var prefix string
		if i.Name != "" {
			prefix = i.Name + ":"
		}
		switch {
		case !trustworthy(i.URL) || !trustworthy(i.KeysURL):
			return nil, fmt.Errorf("issuer %q or its keys %q: not an https URL", i.URL, i.KeysURL)
		case i.Name != "" && !issuerName.MatchString(i.Name):
			return nil, fmt.Errorf("issuer name %q: want 1 to 16 of a-z, 0-9 and -", i.Name)
		case i.Name == "" && len(issuers) > 1:
			return nil, fmt.Errorf("issuer %q needs a name, as one of several: write name=%s", i.URL, i.URL)
		case v.byName[i.URL].keys != nil || prefixes[prefix]:
			return nil, fmt.Errorf("issuer %q or its name occurs twice", i.URL)
		}
		prefixes[prefix] = true
		v.byName[i.URL] = issuer{prefix, newKeySet(fetcher(client, i.KeysURL), c)}
	}
	return v, nil
}

// trustworthy reports whether answers of a URL can be trusted: over TLS, or from
// this machine.
func trustworthy(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
	return u.Scheme == "https" || (u.Scheme == "http" && local)
}

// Verify returns the identity of a token, or ErrInvalid, ErrExpired, or
// ErrUnavailable if the issuer's keys could not be read.
func (v *Issuers) Verify(ctx context.Context, token string) (Identity, error) {
	t, err := decode(token)
	if err != nil {
		return Identity{}, err
	}
	iss, err := t.claims.text("iss")
	if err != nil {
		return Identity{}, err
	}
	from, known := v.byName[iss]
	method := methods[t.header.Alg]
	switch {
	case !known:
		return Identity{}, invalid("from an issuer that is not ours")
	case method == nil:
		return Identity{}, invalid("alg is none of RS256, ES256, EdDSA")
	}
	key, err := from.keys.key(ctx, keyID{t.header.Alg, t.header.Kid})
	if err != nil {
		return Identity{}, err
	}
	if err := method.Verify(t.input, t.signature, key); err != nil {
		return Identity{}, invalid("wrong signature")
	}
	return v.rules.identity(t.claims, from.prefix, v.clock.Now())
}
