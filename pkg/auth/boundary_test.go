package auth

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/big"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

func TestRulesThatAreSetAreKept(t *testing.T) {
	t.Parallel()
	set := Rules{Leeway: time.Minute, MaxLifetime: time.Hour, RoomsClaim: "r", Audiences: []string{"a"}}
	if got := set.WithDefaults(); !reflect.DeepEqual(got, set) {
		t.Errorf("got %+v", got)
	}
	want := Rules{Leeway: 5 * time.Second, MaxLifetime: 7 * 24 * time.Hour, RoomsClaim: "rooms"}
	if got := (Rules{}).WithDefaults(); !reflect.DeepEqual(got, want) {
		t.Errorf("defaults %+v", got)
	}
}

func TestClaimsOfTheWrongForm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, claims := range map[string]jwt.MapClaims{
		"iss is a number":            {"iss": 5},
		"sub is a number":            {"sub": 5},
		"sub is null":                {"sub": jwtNull{}},
		"aud is a number":            {"aud": 5},
		"aud holds a number":         {"aud": []any{"rooms-api", 5}},
		"aud is another":             {"aud": "another"},
		"token_use is a number":      {"token_use": 5},
		"token_use is another":       {"token_use": "refresh"},
		"client_id is a number":      {"aud": nil, "token_use": "access", "client_id": 5},
		"client_id is another":       {"aud": nil, "token_use": "access", "client_id": "another"},
		"client_id of an id token":   {"aud": nil, "token_use": "id", "client_id": "rooms-api"},
		"aud beside a client_id":     {"aud": "another", "token_use": "access", "client_id": "rooms-api"},
		"nbf is text":                {"nbf": "soon"},
		"nbf before all calendars":   {"nbf": -1},
		"rooms is a number":          {"rooms": 5},
		"rooms is no JSON":           {"rooms": "everything"},
		"a pattern of 257 bytes":     {"rooms": map[string]any{strings.Repeat("x", 257): []string{"join"}}},
		"a subject of 129 bytes":     {"sub": strings.Repeat("x", 129)},
		"a subject with a line feed": {"sub": "a\nb"},
	} {
		if id, err := b.verifier.Verify(t.Context(), b.ec.sign(t, b.claims(claims), nil)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
	for name, claims := range map[string]jwt.MapClaims{
		"client_id of an access token": {"aud": nil, "token_use": "access", "client_id": "rooms-api"},
		"one aud of two":               {"aud": []string{"another", "rooms-api"}},
		"a pattern of 256 bytes":       {"rooms": map[string]any{strings.Repeat("x", 256): []string{"join"}}},
		"a subject of 128 bytes":       {"sub": strings.Repeat("x", 128)},
		"issued within the leeway":     {"iat": b.clock.Now().Add(5 * time.Second).Unix()},
	} {
		if _, err := b.verifier.Verify(t.Context(), b.ec.sign(t, b.claims(claims), nil)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLastDateOfTheCalendar(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.verifier.rules.MaxLifetime = math.MaxInt64
	for exp, want := range map[int64]error{253402300799: nil, 253402300800: ErrInvalid} {
		if _, err := b.verifier.Verify(t.Context(), b.ec.sign(t, b.claims(jwt.MapClaims{"exp": exp}), nil)); !errors.Is(err, want) {
			t.Errorf("expires %d: %v, want %v", exp, err, want)
		}
	}
}

func TestEmptySubjectBehindAPrefix(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v, err := NewIssuers([]Issuer{{Name: "acme", URL: b.URL}}, Rules{Audiences: []string{"rooms-api"}}, b.Client(), b.clock)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := v.Verify(t.Context(), b.ec.sign(t, b.claims(jwt.MapClaims{"sub": ""}), nil)); !errors.Is(err, ErrInvalid) {
		t.Errorf("%+v, %v", id, err)
	}
}

func TestIdentityEndsAtTheInstant(t *testing.T) {
	t.Parallel()
	end := time.Unix(1000, 0)
	id := Identity{User: "ada", Expires: end}
	if id.Expired(end.Add(-1)) || !id.Expired(end) || (Identity{User: "ada"}).Expired(end) {
		t.Error("expiry is the first instant at which it does not hold; zero is never")
	}
}

func TestIdentitiesOfRules(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		user    string
		pattern int // bytes
		good    bool
	}{
		{"ada", 256, true}, {"ada", 257, false}, {"", 1, false}, {strings.Repeat("x", 128), 1, true}, {strings.Repeat("x", 129), 1, false},
	} {
		err := Identity{User: test.user, Permissions: Permissions{"a": nil, strings.Repeat("p", test.pattern): {Join}}}.Validate()
		if (err == nil) != test.good {
			t.Errorf("%q, a pattern of %d bytes: %v", test.user, test.pattern, err)
		}
	}
}

func TestTokensTakenApart(t *testing.T) {
	t.Parallel()
	encode := base64.RawURLEncoding.EncodeToString
	header, claims := encode([]byte(`{"alg":"HS256"}`)), encode([]byte(`{"sub":"ada"}`))
	sized := func(n int) string {
		for spaces := 0; ; spaces++ {
			claims := encode([]byte(`{"sub":"ada"}` + strings.Repeat(" ", spaces)))
			if left := n - len(header) - len(claims) - 2; left%4 != 1 { // base64 has no such length
				return header + "." + claims + "." + strings.Repeat("A", left)
			}
		}
	}
	for name, token := range map[string]string{
		"too large":            sized(protocol.MaxTokenBytes + 1),
		"two parts":            header + "." + claims,
		"four parts":           header + "." + claims + ".AA.AA",
		"a padded header":      header + "=." + claims + ".AA",
		"padded claims":        header + "." + claims + "=.AA",
		"a padded signature":   header + "." + claims + ".AA==",
		"a header that is not": encode([]byte(`5`)) + "." + claims + ".AA",
		"a header twice":       encode([]byte(`{"alg":"HS256","alg":"none"}`)) + "." + claims + ".AA",
		"claims that are not":  header + "." + encode([]byte(`5`)) + ".AA",
		"claims that are null": header + "." + encode([]byte(`null`)) + ".AA",
		"a critical extension": encode([]byte(`{"alg":"HS256","crit":["b64"]}`)) + "." + claims + ".AA",
		"another type":         encode([]byte(`{"alg":"HS256","typ":"logout+jwt"}`)) + "." + claims + ".AA",
	} {
		if _, err := decode(token); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := decode(sized(protocol.MaxTokenBytes)); err != nil || got.header.Alg != "HS256" || string(got.claims["sub"]) != `"ada"` {
		t.Errorf("as large as may be: %+v, %v", got.header, err)
	}
}

func TestSharedSecretsOfTheShortestLength(t *testing.T) {
	t.Parallel()
	for n, good := range map[int]bool{31: false, 32: true} {
		s, err := NewSharedSecret(strings.Repeat("s", n), clock.System())
		if (err == nil) != good {
			t.Errorf("%d bytes: %v", n, err)
		}
		if err != nil {
			continue
		}
		token, err := s.Sign("ada", time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		id, err := s.Verify(t.Context(), token)
		if err != nil || id.Permissions != nil || id.Expires.Sub(id.Issued) != time.Minute {
			t.Errorf("a token that does not mention rooms: %+v, %v", id, err)
		}
		v := &vault{versions: Versions{Current: strings.Repeat("s", n)}}
		if _, err := NewStoredSecret(v, Rules{}, clock.System()).Verify(t.Context(), token); err != nil {
			t.Errorf("stored, of %d bytes: %v", n, err)
		}
		v.versions = Versions{Current: secretOf("new"), Previous: strings.Repeat("s", n), Rotated: time.Now()}
		if _, err := NewStoredSecret(v, Rules{}, clock.System()).Verify(t.Context(), token); err != nil {
			t.Errorf("stored before the last rotation, of %d bytes: %v", n, err)
		}
	}
}

func TestSharedSecretUnderOtherRules(t *testing.T) {
	t.Parallel()
	plain, err := NewSharedSecret(secret, clock.System())
	if err != nil {
		t.Fatal(err)
	}
	ruled := plain.WithRules(Rules{Audiences: []string{"rooms"}, RoomsClaim: "r"})
	token, err := ruled.Sign("ada", time.Minute, Permissions{"a": {Join}})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		by   *SharedSecret
		want error
	}{
		"itself":           {ruled, nil},
		"without rules":    {plain, nil},
		"another audience": {plain.WithRules(Rules{Audiences: []string{"more"}}), ErrInvalid},
		"a shorter life":   {plain.WithRules(Rules{MaxLifetime: time.Minute - time.Second}), ErrInvalid},
	} {
		id, err := test.by.Verify(t.Context(), token)
		if !errors.Is(err, test.want) || err == nil && (Policy{}).Allows(id, Join, "a") != (test.by == ruled) {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
}

func TestIssuersAreWrittenInOneWay(t *testing.T) {
	t.Parallel()
	if _, err := ParseIssuers([]string{"https://a", "https://b"}, []string{"https://k"}); err == nil {
		t.Error("fewer keys than issuers")
	}
	got, err := ParseIssuers([]string{"localhost"}, []string{" https://k "})
	if want := []Issuer{{URL: "localhost", KeysURL: "https://k"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for url, want := range map[string]bool{
		"https://a.example.com": true, "http://a.example.com": false, "ftp://localhost": false, "http://localhost:8080/x": true,
		"http://127.0.0.1": true, "http://[::1]:8080": true, "http://10.0.0.1": false, "https://": false, "https:///path": false,
		"https://a#fragment": false, "https://u@a": false, "https://a b": false, "": false, "//a": false, "ftp://127.0.0.1": false,
	} {
		if trustworthy(url) != want {
			t.Errorf("%q: %v", url, !want)
		}
	}
	_, err = NewIssuers([]Issuer{{URL: "http://a.example.com", KeysURL: "https://a.example.com"}}, Rules{Audiences: []string{"x"}}, http.DefaultClient, newFrozen())
	if err == nil {
		t.Error("an issuer over plain http with keys over https was taken")
	}
}

// answering is a verifier of issuer https://a, whose keys come from a function on
// the bubble's clock.
type answering struct {
	*Issuers
	key   signingKey
	asked int
	last  *http.Request
	// serve answers instead of the key set; nil: the key set.
	serve func(*http.Request) (*http.Response, error)
}

func response(status int, body io.Reader) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(body)}
}

func newAnswering(t *testing.T, url string) *answering {
	t.Helper()
	a := &answering{key: newKey(t, "k", "ES256")}
	client := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		a.asked++
		a.last = r
		if a.serve != nil {
			return a.serve(r)
		}
		return response(http.StatusOK, bytes.NewReader(encode(t, a.key.jwk()))), nil
	})}
	var err error
	a.Issuers, err = NewIssuers([]Issuer{{URL: url}}, Rules{Audiences: []string{"x"}}, client, clock.System())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *answering) verify(t *testing.T, kid string) error {
	now := time.Now().Unix()
	_, err := a.Verify(t.Context(), a.key.sign(t, jwt.MapClaims{
		"iss": "https://a/", "sub": "ada", "aud": "x", "iat": now, "exp": now + 60,
	}, map[string]any{"kid": kid}))
	return err
}

func TestKeysAreAskedForWhereTheyShouldBe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAnswering(t, "https://a/")
		if err := a.verify(t, "k"); err != nil {
			t.Fatal(err)
		}
		if r := a.last; r.Method != http.MethodGet || r.URL.String() != "https://a/.well-known/jwks.json" || r.Header.Get("Accept") != "application/jwk-set+json, application/json" {
			t.Errorf("%s %s, %v", r.Method, r.URL, r.Header)
		}
	})
}

func TestAlgorithmThatIsNotOursAsksNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAnswering(t, "https://a/")
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "https://a/"}).SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Verify(t.Context(), token); !errors.Is(err, ErrInvalid) || a.asked != 0 {
			t.Errorf("%v, asked %d times", err, a.asked)
		}
	})
}

// closing records that a body was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

func TestAnswersThatAreNoKeySet(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   func(set []byte) io.Reader
		want   error
	}{
		"an error that holds the keys": {http.StatusInternalServerError, func(set []byte) io.Reader { return bytes.NewReader(set) }, ErrUnavailable},
		"cut off behind the keys": {http.StatusOK, func(set []byte) io.Reader {
			return io.MultiReader(bytes.NewReader(set), iotest.ErrReader(errors.New("reset")))
		}, ErrUnavailable},
		"one byte too much": {http.StatusOK, func(set []byte) io.Reader {
			return strings.NewReader(string(set) + strings.Repeat(" ", 256<<10+1-len(set)))
		}, ErrUnavailable},
		"as much as may be": {http.StatusOK, func(set []byte) io.Reader {
			return strings.NewReader(string(set) + strings.Repeat(" ", 256<<10-len(set)))
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newAnswering(t, "https://a/")
				body := &closing{Reader: test.body(encode(t, a.key.jwk()))}
				a.serve = func(*http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: test.status, Body: body}, nil
				}
				if err := a.verify(t, "k"); !errors.Is(err, test.want) || !body.closed {
					t.Errorf("%v, closed: %v", err, body.closed)
				}
			})
		})
	}
}

// TestWhenKeysAreFetched checks the times of fetches: keys are fresh for ten
// minutes, fetches are ten seconds apart, one after a failure.
func TestWhenKeysAreFetched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAnswering(t, "https://a/")
		for _, step := range []struct {
			after time.Duration
			kid   string
			asked int
			want  error
		}{
			{0, "k", 1, nil},
			{10*time.Second - 1, "stranger", 1, ErrUnavailable},
			{1, "stranger", 2, ErrInvalid},
			{10*time.Minute - 1, "k", 2, nil},
			{1, "k", 3, nil},
		} {
			time.Sleep(step.after)
			if err := a.verify(t, step.kid); !errors.Is(err, step.want) || a.asked != step.asked {
				t.Errorf("%v later, key %s: %v, asked %d times, want %d", step.after, step.kid, err, a.asked, step.asked)
			}
		}
		a.serve = func(*http.Request) (*http.Response, error) { return nil, errors.New("down") }
		time.Sleep(10 * time.Minute)
		for _, step := range []struct {
			after time.Duration
			asked int
			want  error
		}{
			{0, 4, nil},
			{time.Second - 1, 4, nil},
			{1, 5, nil},
			{50*time.Minute - time.Second - 1, 6, nil},
			{1, 6, ErrUnavailable}, // keys an hour old
			{time.Second, 7, ErrUnavailable},
		} {
			time.Sleep(step.after)
			if err := a.verify(t, "k"); !errors.Is(err, step.want) || a.asked != step.asked {
				t.Errorf("%v later, broken: %v, asked %d times, want %d", step.after, err, a.asked, step.asked)
			}
		}
	})
}

// A caller whose key is good enough does not wait for another's fetch. All others
// wait, and none of them fetches as well.
func TestWhoWaitsForAnothersFetch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		age  time.Duration // age of the keys
		kid  string        // kid of the second caller's token
		took time.Duration
		want error
	}{
		"a key that is still good":  {time.Hour - 1, "k", 0, nil},
		"a key that is too old":     {time.Hour, "k", 2 * time.Second, nil},
		"a key that is not known":   {30 * time.Minute, "stranger", 2 * time.Second, ErrInvalid},
		"a key of half of its time": {30 * time.Minute, "k", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newAnswering(t, "https://a/")
				if err := a.verify(t, "k"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(test.age)
				a.serve = func(*http.Request) (*http.Response, error) {
					time.Sleep(2 * time.Second)
					return response(http.StatusOK, bytes.NewReader(encode(t, a.key.jwk()))), nil
				}
				first := make(chan error)
				go func() { first <- a.verify(t, "k") }()
				synctest.Wait()
				began := time.Now()
				if err := a.verify(t, test.kid); !errors.Is(err, test.want) || time.Since(began) != test.took {
					t.Errorf("%v after %v, want %v", err, time.Since(began), test.took)
				}
				if err := <-first; err != nil || a.asked != 2 {
					t.Errorf("the caller that fetches: %v; asked %d times", err, a.asked)
				}
			})
		})
	}
}

func TestKeysAtTheirLimits(t *testing.T) {
	t.Parallel()
	modulus := func(bits int, even bool) string {
		n := new(big.Int).SetBit(new(big.Int).Lsh(big.NewInt(1), uint(bits-1)), 0, 1)
		if even {
			n.SetBit(n, 0, 0)
		}
		return b64(n.Bytes())
	}
	exponent := func(e int64) string { return b64(big.NewInt(e).Bytes()) }
	rsaOf := func(n, e string) map[string]any { return map[string]any{"kid": "k", "kty": "RSA", "n": n, "e": e} }
	ec, okp := newKey(t, "k", "ES256").jwk(), newKey(t, "k", "EdDSA").jwk()
	with := func(key map[string]any, name string, value any) map[string]any {
		out := map[string]any{}
		for k, v := range key {
			out[k] = v
		}
		if out[name] = value; value == nil {
			delete(out, name)
		}
		return out
	}
	for name, test := range map[string]struct {
		key  map[string]any
		good bool
	}{
		"RSA of 2,047 bits":           {rsaOf(modulus(2047, false), "AQAB"), false},
		"RSA of 2,048 bits":           {rsaOf(modulus(2048, false), "AQAB"), true},
		"RSA of 8,192 bits":           {rsaOf(modulus(8192, false), "AQAB"), true},
		"RSA of 8,193 bits":           {rsaOf(modulus(8193, false), "AQAB"), false},
		"an even modulus":             {rsaOf(modulus(2048, true), "AQAB"), false},
		"an exponent of 3":            {rsaOf(modulus(2048, false), exponent(3)), true},
		"an exponent of 2":            {rsaOf(modulus(2048, false), exponent(2)), false},
		"an exponent of 1":            {rsaOf(modulus(2048, false), exponent(1)), false},
		"an even exponent":            {rsaOf(modulus(2048, false), exponent(65536)), false},
		"an exponent of 31 bits":      {rsaOf(modulus(2048, false), exponent(math.MaxInt32)), true},
		"a modulus with a stray byte": {rsaOf(modulus(2064, false)+"!", "AQAB"), false},
		"an exponent with one":        {rsaOf(modulus(2048, false), "AQAB!"), false},
		"an exponent of 32 bits":      {rsaOf(modulus(2048, false), exponent(1<<31+1)), false},
		"no use and no alg":           {with(with(ec, "use", nil), "alg", nil), true},
		"to verify":                   {with(ec, "key_ops", []string{"sign", "verify"}), true},
		"no operations":               {with(ec, "key_ops", []string{}), false},
		"an Ed25519 key on a curve":   {with(okp, "crv", "X25519"), false},
		"an Ed25519 key said to be X": {with(okp, "kty", "X"), false},
		"a P-256 key said to be OKP":  {with(ec, "kty", "OKP"), false},
		"a P-256 key said to be X":    {with(ec, "kty", "X"), false},
		"a long coordinate":           {with(ec, "x", b64(make([]byte, 33))), false},
		"an Ed25519 key":              {okp, true},
	} {
		keys, err := parseKeys(encode(t, test.key))
		if (err == nil) != test.good {
			t.Errorf("%s: %v, %v", name, keys, err)
		}
	}
	// Coordinates of 31 and 33 bytes make 64 together.
	point, err := newKey(t, "k", "ES256").private.Public().(interface{ Bytes() ([]byte, error) }).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	shifted := with(with(ec, "x", b64(point[1:32])), "y", b64(point[32:]))
	if keys, err := parseKeys(encode(t, shifted)); err == nil {
		t.Errorf("coordinates of 31 and 33 bytes: %v", keys)
	}
	// Two keys without a kid are both left out.
	nameless := func(alg string) map[string]any { return with(newKey(t, "", alg).jwk(), "kid", nil) }
	if keys, err := parseKeys(encode(t, nameless("ES256"), nameless("ES256"), nameless("EdDSA"))); err != nil || len(keys) != 1 || keys[keyID{"EdDSA", ""}] == nil {
		t.Errorf("without names: %v, %v", keys, err)
	}
	if _, err := parseKeys([]byte(`{"keys":[` + string(must(json.Marshal(ec))) + `],"keys":[]}`)); err == nil {
		t.Error("keys twice")
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// slowVault is a Vault that answers after a while.
type slowVault struct {
	*vault
	delay time.Duration
}

func (s *slowVault) Secret(ctx context.Context) (Versions, error) {
	v, err := s.vault.Secret(ctx)
	time.Sleep(s.delay)
	return v, err
}

// The same as with keys.
func TestWhoWaitsForAnothersReadOfTheSecret(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		age  time.Duration // age of the secret
		took time.Duration
	}{
		"a secret that is still good":  {time.Hour - 1, 0},
		"a secret that is too old":     {time.Hour, 2 * time.Second},
		"a secret of half of its time": {30 * time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := &slowVault{vault: &vault{versions: Versions{Current: secret}}}
				s := NewStoredSecret(v, Rules{}, clock.System())
				signer, err := NewSharedSecret(secret, clock.System())
				if err != nil {
					t.Fatal(err)
				}
				token, err := signer.Sign("ada", 2*time.Hour, nil)
				if err != nil {
					t.Fatal(err)
				}
				verify := func() error {
					_, err := s.Verify(t.Context(), token)
					return err
				}
				if err := verify(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(test.age)
				v.delay = 2 * time.Second
				first := make(chan error)
				go func() { first <- verify() }()
				synctest.Wait()
				began := time.Now()
				if err := verify(); err != nil || time.Since(began) != test.took {
					t.Errorf("%v after %v, want %v", err, time.Since(began), test.took)
				}
				if err := <-first; err != nil || v.asked != 2 {
					t.Errorf("the caller that reads: %v; asked %d times", err, v.asked)
				}
			})
		})
	}
}

// The token was issued before the secret was read, by more than the leeway, so a
// newer secret cannot have signed it.
func TestForgeryDoesNotHaveTheSecretRead(t *testing.T) {
	t.Parallel()
	for ago, asked := range map[time.Duration]int{5 * time.Second: 1, 4 * time.Second: 2} {
		b := setupVault(t)
		b.want("the secret", b.verify("one", 0), nil)
		read := b.clock.Now()
		b.clock.Advance(time.Minute)
		b.want("younger, but signed", b.verify("one", 0), nil)
		b.want("forged", b.verify("forged", b.clock.Now().Sub(read)+ago), ErrInvalid)
		if b.asked != asked {
			t.Errorf("issued %v before: asked %d times, want %d", ago, b.asked, asked)
		}
	}
}

// The header must name the secret's algorithm, even if the signature is right.
func TestHeaderIsHeldToTheSecretsAlgorithm(t *testing.T) {
	t.Parallel()
	shared, err := NewSharedSecret(secret, clock.System())
	if err != nil {
		t.Fatal(err)
	}
	stored := NewStoredSecret(&vault{versions: Versions{Current: secret}}, Rules{}, clock.System())
	now := time.Now().Unix()
	for _, test := range []struct {
		header map[string]any
		exp    int64
		want   error
	}{
		{nil, now + 60, nil},
		{map[string]any{"typ": "application/at+jwt"}, now + 60, nil},
		{map[string]any{"alg": "HS512"}, now + 60, ErrInvalid},
		{map[string]any{"typ": "logout+jwt"}, now + 60, ErrInvalid},
		{nil, now - 60, ErrExpired},
	} {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "ada", "iat": now - 120, "exp": test.exp})
		for name, value := range test.header {
			token.Header[name] = value
		}
		text, err := token.SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		for name, verifier := range map[string]interface {
			Verify(ctx context.Context, token string) (Identity, error)
		}{"shared": shared, "stored": stored} {
			if id, err := verifier.Verify(t.Context(), text); !errors.Is(err, test.want) {
				t.Errorf("%s, %v: %+v, %v; want %v", name, test.header, id, err, test.want)
			}
		}
	}
}

func TestEmptyKeySignsNothing(t *testing.T) {
	t.Parallel()
	b := setupVault(t)
	b.change(func(v *vault) { v.versions.Rotated = b.clock.Now() })
	now := b.clock.Now().Unix()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "ada", "iat": now, "exp": now + 60}).SignedString([]byte{})
	if err != nil {
		t.Fatal(err)
	}
	if id, err := b.verifier.Verify(t.Context(), token); !errors.Is(err, ErrInvalid) {
		t.Errorf("%+v, %v", id, err)
	}
}

func TestVaultsErrorIsPassedOn(t *testing.T) {
	t.Parallel()
	b := setupVault(t)
	broken := errors.New("broken")
	b.change(func(v *vault) { v.err = broken })
	if err := b.verify("one", 0); !errors.Is(err, ErrUnavailable) || !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// A caller whose token the new secret has signed waits while another reads the
// secret.
func TestNewSecretIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &slowVault{vault: &vault{versions: Versions{Current: secretOf("old")}}}
		s := NewStoredSecret(v, Rules{}, clock.System())
		verify := func(name string) error {
			signer, err := NewSharedSecret(secretOf(name), clock.System())
			if err != nil {
				t.Fatal(err)
			}
			token, err := signer.Sign("ada", time.Minute, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Verify(t.Context(), token)
			return err
		}
		if err := verify("old"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		v.versions, v.delay = Versions{Current: secretOf("new"), Previous: secretOf("old"), Rotated: time.Now()}, 2*time.Second
		first := make(chan error)
		go func() { first <- verify("new") }()
		synctest.Wait()
		if err := verify("new"); err != nil {
			t.Errorf("the caller that waits: %v", err)
		}
		if err := <-first; err != nil || v.asked != 2 {
			t.Errorf("the caller that reads: %v; asked %d times", err, v.asked)
		}
	})
}
