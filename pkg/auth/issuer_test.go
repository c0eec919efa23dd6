package auth

import (
	"errors"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestIssuersVerify(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, key := range []signingKey{b.rsa, b.ec, b.edwd} {
		for _, header := range []map[string]any{nil, {"kid": nil}, {"typ": "at+jwt"}, {"typ": nil}} {
			id, err := b.verifier.Verify(t.Context(), key.sign(t, b.claims(jwt.MapClaims{"rooms": Permissions{"a": {Join}}}), header))
			if err != nil || id.User != "ada" || id.Issued.Unix() != b.clock.Now().Unix() || !(Policy{}).Allows(id, Join, "a") {
				t.Errorf("%s %v: %+v, %v", key.method.Alg(), header, id, err)
			}
		}
	}
	if n := b.requests(); n != 1 {
		t.Errorf("keys were fetched %d times", n)
	}
}

// The tokens have the form of the providers' documentation:
// https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
// https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
// https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
func TestTokensOfProviders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := b.clock.Now().Unix()
	const client, api = "55ucsb6jmqg9cjlfqmbl1t4jv", "https://rooms.example.com/api"
	shapes := map[string]struct {
		path   string
		claims jwt.MapClaims
		user   string
		rooms  Permissions
	}{
		"Cognito access": {"/eu-west-1_Ab129faBb", jwt.MapClaims{
			"sub": "c2258451-1dc2-4d0a-9c1b-3f7c9e2f1f10", "device_key": "eu-west-1_x", "cognito:groups": []string{"admin"},
			"client_id": client, "origin_jti": "1a2b", "event_id": "3c4d", "token_use": "access", "version": 2,
			"scope": "openid aws.cognito.signin.user.admin", "auth_time": now, "jti": "5e6f", "username": "ada",
			"rooms": map[string]any{"org.42.*": []string{"join", "publish"}},
		}, "c2258451-1dc2-4d0a-9c1b-3f7c9e2f1f10", Permissions{"org.42.*": {Join, Publish}}},
		"Cognito ID, whose claims are strings": {"/eu-west-1_Ab129faBb", jwt.MapClaims{
			"sub": "c2258451", "email_verified": true, "cognito:username": "ada", "aud": client, "token_use": "id",
			"event_id": "3c4d", "auth_time": now, "email": "ada@example.com", "identities": []any{map[string]any{"userId": "1", "primary": "true"}},
			"rooms": `{"user.{sub}":["join"]}`,
		}, "c2258451", Permissions{"user.{sub}": {Join}}},
		"Auth0 access": {"/", jwt.MapClaims{
			"sub": "auth0|5f7c8ec7c33c6c004bbafe82", "aud": []string{api, "https://example.eu.auth0.com/userinfo"},
			"azp": "my_client_id", "scope": "openid profile", "gty": "password", "permissions": []string{"read:rooms"},
		}, "auth0|5f7c8ec7c33c6c004bbafe82", nil},
	}
	for name, shape := range shapes {
		shape.claims["iss"], shape.claims["iat"], shape.claims["exp"] = b.URL+shape.path, now, now+3600
		v, err := NewIssuers([]Issuer{{URL: b.URL + shape.path}}, Rules{Audiences: []string{client, api}}, b.Client(), b.clock)
		if err != nil {
			t.Fatal(err)
		}
		id, err := v.Verify(t.Context(), b.rsa.sign(t, shape.claims, map[string]any{"typ": nil}))
		if err != nil || id.User != shape.user || !reflect.DeepEqual(id.Permissions, shape.rooms) {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
}

func TestClaimThatHoldsTheRoomsHasAnyName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.verifier.rules.RoomsClaim = "https://example.com/rooms"
	id, err := b.verifier.Verify(t.Context(), b.ec.sign(t, b.claims(jwt.MapClaims{
		"https://example.com/rooms": map[string]any{"a": []string{"*"}}, "rooms": map[string]any{"b": []string{"*"}},
	}), nil))
	if err != nil || !reflect.DeepEqual(id.Permissions, Permissions{"a": {"*"}}) {
		t.Errorf("%+v, %v", id, err)
	}
}

func TestNullGrantsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, rooms := range []any{jwtNull{}, "null", map[string]any{}} {
		id, err := b.verifier.Verify(t.Context(), b.ec.sign(t, b.claims(jwt.MapClaims{"rooms": rooms}), nil))
		if err != nil || (Policy{Open: true}).Allows(id, Join, "a") {
			t.Errorf("%v: %+v, %v", rooms, id, err)
		}
	}
}

func TestSeveralIssuersCannotSpeakForEachOthersUsers(t *testing.T) {
	t.Parallel()
	ours, theirs := newKey(t, "k", "ES256"), newKey(t, "k", "ES256")
	a, b := newProvider(t, ours), newProvider(t, theirs)
	at := newFrozen()
	issuers, err := ParseIssuers([]string{"a=" + a.URL, " b=" + b.URL}, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewIssuers(issuers, Rules{Audiences: []string{"x"}}, http.DefaultClient, at)
	if err != nil {
		t.Fatal(err)
	}
	claims := func(iss, sub string) jwt.MapClaims {
		return jwt.MapClaims{"iss": iss, "sub": sub, "aud": "x", "iat": at.Now().Unix(), "exp": at.Now().Unix() + 60}
	}
	for _, test := range []struct {
		key       signingKey
		iss, sub  string
		wantUser  string
		wantError error
	}{
		{ours, a.URL, "ada", "a:ada", nil},
		{theirs, b.URL, "ada", "b:ada", nil},
		{theirs, b.URL, "a:ada", "b:a:ada", nil},
		{theirs, a.URL, "ada", "", ErrInvalid},
		{ours, "https://elsewhere.example.com", "ada", "", ErrInvalid},
	} {
		id, err := v.Verify(t.Context(), test.key.sign(t, claims(test.iss, test.sub), nil))
		if !errors.Is(err, test.wantError) || id.User != test.wantUser {
			t.Errorf("%s of %s: %+v, %v", test.sub, test.iss, id, err)
		}
	}
}

func TestIssuersThatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	ok := Rules{Audiences: []string{"x"}}
	for name, test := range map[string]struct {
		issuers []Issuer
		rules   Rules
	}{
		"none":                       {nil, ok},
		"no audience":                {[]Issuer{{URL: "https://a"}}, Rules{}},
		"plain http":                 {[]Issuer{{URL: "http://a.example.com"}}, ok},
		"keys over plain http":       {[]Issuer{{URL: "https://a", KeysURL: "http://a.example.com"}}, ok},
		"a file":                     {[]Issuer{{URL: "https://a", KeysURL: "file:///etc/keys"}}, ok},
		"a password":                 {[]Issuer{{URL: "https://u:p@a"}}, ok},
		"several without a name":     {[]Issuer{{URL: "https://a"}, {Name: "b", URL: "https://b"}}, ok},
		"several of one name":        {[]Issuer{{Name: "b", URL: "https://a"}, {Name: "b", URL: "https://b"}}, ok},
		"one twice":                  {[]Issuer{{Name: "a", URL: "https://a"}, {Name: "b", URL: "https://a"}}, ok},
		"a name that looks like two": {[]Issuer{{Name: "a:b", URL: "https://a"}}, ok},
	} {
		if _, err := NewIssuers(test.issuers, test.rules, http.DefaultClient, newFrozen()); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
	if _, err := ParseIssuers([]string{"https://a"}, []string{"https://a", "https://b"}); err == nil {
		t.Error("more keys than issuers")
	}
	got, err := ParseIssuers([]string{"https://a?x=y", "b-1=https://b"}, []string{"https://k", "https://l"})
	want := []Issuer{{URL: "https://a?x=y", KeysURL: "https://k"}, {Name: "b-1", URL: "https://b", KeysURL: "https://l"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := b.clock.Now().Unix()
	for name, test := range map[string]struct {
		claims jwt.MapClaims
		want   error
	}{
		"expired within the leeway":        {jwt.MapClaims{"iat": now - 60, "exp": now - 4}, nil},
		"expired beyond the leeway":        {jwt.MapClaims{"iat": now - 60, "exp": now - 5}, ErrExpired},
		"not before the beginning of time": {jwt.MapClaims{"nbf": 0}, nil},
		"issued at the beginning of time":  {jwt.MapClaims{"iat": 0}, ErrInvalid},
		"not before, within the leeway":    {jwt.MapClaims{"nbf": now + 5}, nil},
		"not before, beyond the leeway":    {jwt.MapClaims{"nbf": now + 6}, ErrInvalid},
		"issued in the future":             {jwt.MapClaims{"iat": now + 6}, ErrInvalid},
		"no issue":                         {jwt.MapClaims{"iat": nil}, ErrInvalid},
		"no expiry":                        {jwt.MapClaims{"exp": nil}, ErrInvalid},
		"an expiry of null":                {jwt.MapClaims{"exp": jwtNull{}}, ErrInvalid},
		"an expiry of text":                {jwt.MapClaims{"exp": "2099-01-01"}, ErrInvalid},
		"an expiry beyond all calendars":   {jwt.MapClaims{"exp": 1e300}, ErrInvalid},
		"an issue before all calendars":    {jwt.MapClaims{"iat": -1}, ErrInvalid},
		"a fraction":                       {jwt.MapClaims{"exp": float64(now) + 0.5}, nil},
		"a life of seven days":             {jwt.MapClaims{"exp": now + 7*86400}, nil},
		"a life of more":                   {jwt.MapClaims{"exp": now + 7*86400 + 1}, ErrInvalid},
	} {
		id, err := b.verifier.Verify(t.Context(), b.edwd.sign(t, b.claims(test.claims), nil))
		if !errors.Is(err, test.want) || (err == nil && id.Expired(b.clock.Now())) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	id, err := b.verifier.Verify(t.Context(), b.ec.sign(t, b.claims(nil), nil))
	if err != nil || !id.Expires.Equal(b.clock.Now().Add(time.Hour)) {
		t.Errorf("expires %v, %v", id.Expires, err)
	}
}

// jwtNull stands for a claim that is null.
type jwtNull struct{}

func (jwtNull) MarshalJSON() ([]byte, error) { return []byte("null"), nil }
