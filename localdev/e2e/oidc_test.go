package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// oidc is a running OpenID provider and a program that logs people in with it.
type oidc struct {
	t      *testing.T
	issuer string
	meta   struct {
		Authorization string `json:"authorization_endpoint"`
		Token         string `json:"token_endpoint"`
		Keys          string `json:"jwks_uri"`
		Issuer        string `json:"issuer"`
	}
}

// startOIDC starts the provider of testdata/oidc, or skips the test.
func startOIDC(t *testing.T) *oidc {
	t.Helper()
	const folder = "testdata/oidc"
	_, err := exec.LookPath("node")
	if _, missing := os.Stat(folder + "/node_modules/oidc-provider"); err != nil || missing != nil {
		if os.Getenv("GAPLESS_OIDC") != "" {
			t.Fatal("make test-oidc needs Node, and what npm ci installs")
		}
		t.Skip("NOT TESTED with a real OpenID provider: it runs on Node; make test-oidc installs it and runs this test")
	}
	command := exec.CommandContext(t.Context(), "node", "provider.mjs")
	command.Dir = folder
	var errs bytes.Buffer
	command.Stderr = &errs
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = command.Wait()
		if t.Failed() {
			t.Log(errs.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the provider does not start: %v", err)
	}
	o := &oidc{t: t, issuer: strings.TrimSpace(line)}
	o.json(http.DefaultClient, http.MethodGet, o.issuer+"/.well-known/openid-configuration", nil, &o.meta)
	return o
}

func (o *oidc) json(client *http.Client, method, address string, form url.Values, into any) {
	o.t.Helper()
	response := o.do(client, method, address, form)
	defer response.Body.Close() //nolint:errcheck // read to its end
	if err := json.NewDecoder(response.Body).Decode(into); err != nil || response.StatusCode != http.StatusOK {
		o.t.Fatalf("%s: %d, %v", address, response.StatusCode, err)
	}
}

func (o *oidc) do(client *http.Client, method, address string, form url.Values) *http.Response {
	o.t.Helper()
	request, err := http.NewRequestWithContext(o.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		o.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	if err != nil {
		o.t.Fatal(err)
	}
	return response
}

// tokens are what the provider gives.
type tokens struct {
	Access string `json:"access_token"`
	ID     string `json:"id_token"`
}

// login goes through the authorization code flow with PKCE as a browser does
// (RFC 6749, 7636 and 8707), for access tokens signed by the algorithm.
func (o *oidc) login(user, alg string) tokens {
	o.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		o.t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	const verifier, callback = "a-verifier-of-at-least-forty-three-characters-", "http://127.0.0.1/callback"
	sum := sha256.Sum256([]byte(verifier))
	resource := "urn:rooms:" + alg
	at := o.meta.Authorization + "?" + url.Values{
		"client_id": {"spa"}, "response_type": {"code"}, "scope": {"openid rooms"}, "redirect_uri": {callback},
		"resource": {resource}, "login_hint": {user}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode()
	for range 10 {
		response := o.do(browser, http.MethodGet, at, nil)
		_ = response.Body.Close()
		next, err := response.Location()
		if err != nil {
			o.t.Fatalf("%s: %d, %v", at, response.StatusCode, err)
		}
		if at = next.String(); !strings.HasPrefix(at, callback) {
			continue
		}
		var got tokens
		o.json(browser, http.MethodPost, o.meta.Token, url.Values{
			"client_id": {"spa"}, "grant_type": {"authorization_code"}, "code": {next.Query().Get("code")},
			"redirect_uri": {callback}, "code_verifier": {verifier}, "resource": {resource},
		}, &got)
		return got
	}
	o.t.Fatalf("the provider leads nowhere: %s", at)
	return tokens{}
}

// TestRealOpenIDProvider logs in with a certified provider, and connects with
// what it gives.
func TestRealOpenIDProvider(t *testing.T) {
	t.Parallel()
	o := startOIDC(t)
	if o.meta.Issuer != o.issuer {
		t.Fatalf("issuer %q at %q", o.meta.Issuer, o.issuer)
	}
	s := stack.RunT(t, stack.Config{NoSchedule: true, Environ: map[string]string{
		"GAPLESS_AUTH_SECRET_ARN": "", "GAPLESS_JWT_ISSUERS": o.issuer, "GAPLESS_JWKS_URLS": o.meta.Keys,
		"GAPLESS_JWT_AUDIENCES": "rooms-api", "GAPLESS_OPEN_ROOMS": "false",
	}})
	var old tokens
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		old = o.login("ada", alg)
		ada := dial(t, s, http.Header{"Authorization": {"Bearer " + old.Access}})
		hello := call[helloResult](ada, m{"action": "hello", "rooms": m{"org.42.a": m{}, "org.7.a": m{}}})
		if hello.User != "ada" || hello.Rooms["org.42.a"].Error != nil || hello.Rooms["org.7.a"].Error == nil ||
			hello.TokenExpiresInMs <= 0 || hello.TokenExpiresInMs > time.Hour.Milliseconds()+5000 {
			t.Errorf("%s: %+v", alg, hello)
		}
		// A fresh token on the live socket, and another's.
		call[helloResult](ada, m{"action": "auth", "token": o.login("ada", alg).Access})
		if e := ada.refused(m{"action": "auth", "token": o.login("bob", alg).Access}); e.Code != protocol.Conflict {
			t.Errorf("%s: another's token: %+v", alg, e)
		}
	}
	// An ID token is for the page that asked for it, not for us.
	if status := handshake(t, s, old.ID); status != http.StatusUnauthorized {
		t.Errorf("ID token: %d", status)
	}
	if status := handshake(t, s, old.Access[:len(old.Access)-8]+"AAAAAAAA"); status != http.StatusUnauthorized {
		t.Errorf("tampered token: %d", status)
	}
	_ = o.do(http.DefaultClient, http.MethodPost, o.issuer+"/rotate", nil).Body.Close()
	s.Advance(11 * time.Second) // keys are fetched at most every ten seconds
	if status := handshake(t, s, o.login("ada", "ES256").Access); status != http.StatusSwitchingProtocols {
		t.Errorf("signed with a new key: %d", status)
	}
	s.Advance(11 * time.Second)
	if status := handshake(t, s, old.Access); status != http.StatusUnauthorized {
		t.Errorf("signed with a withdrawn key: %d", status)
	}
}
