package console_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestOnlyOwnPagesAreServed sends what pages of other sites could.
func TestOnlyOwnPagesAreServed(t *testing.T) {
	t.Parallel()
	p := setup(t)
	host := strings.TrimPrefix(p.Page, "http://")
	own := http.Header{"Content-Type": {"application/json"}, "Origin": {p.Page}}
	with := func(name, value string) http.Header {
		h := own.Clone()
		h.Set(name, value)
		return h
	}
	without := func(name string) http.Header {
		h := own.Clone()
		h.Del(name)
		return h
	}
	for _, c := range []struct {
		name, method, path, host string
		header                   http.Header
		want                     int
	}{
		{"own page", "POST", "/api/fault/kill-broadcaster", host, own, 200},
		{"own page, as browsers say", "POST", "/api/fault/kill-broadcaster", host, with("Sec-Fetch-Site", "same-origin"), 200},
		{"form of another site", "POST", "/api/fault/kill-broadcaster", host, http.Header{"Content-Type": {"text/plain"}, "Origin": {"https://evil.example"}}, 403},
		{"JSON of another site", "POST", "/api/fault/kill-broadcaster", host, with("Origin", "https://evil.example"), 403},
		{"another port of localhost", "POST", "/api/fault/kill-broadcaster", host, with("Origin", "http://127.0.0.1:1"), 403},
		{"sandboxed frame", "POST", "/api/token", host, with("Origin", "null"), 403},
		{"no origin", "POST", "/api/token", host, without("Origin"), 403},
		{"no content type", "POST", "/api/token", host, without("Content-Type"), 403},
		{"cross-site by the browser's word", "POST", "/api/token", host, with("Sec-Fetch-Site", "cross-site"), 403},
		{"same-site by the browser's word", "POST", "/api/token", host, with("Sec-Fetch-Site", "same-site"), 403},
		{"rebound name", "GET", "/", "evil.example", nil, 421},
		{"rebound name with port", "GET", "/api/events", "evil.example:3000", nil, 421},
		{"rebound name that looks local", "GET", "/api/config", "localhost.evil.example", nil, 421},
		{"rebound name with its own origin", "POST", "/api/token", "evil.example:3000", with("Origin", "http://evil.example:3000"), 421},
		{"localhost", "GET", "/api/config", "localhost:3000", nil, 200},
		{"IPv6 loopback", "GET", "/api/config", "[::1]:3000", nil, 200},
		{"change by GET", "GET", "/api/token", host, nil, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), c.method, p.Page+c.path, strings.NewReader(`{"user":"ada"}`))
			if err != nil {
				t.Fatal(err)
			}
			request.Host = c.host
			if c.header != nil {
				request.Header = c.header
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close() //nolint:errcheck // of no interest
			if response.StatusCode != c.want {
				t.Errorf("status %d, want %d", response.StatusCode, c.want)
			}
			if policy := response.Header.Get("Content-Security-Policy"); c.want == 200 && !strings.Contains(policy, "default-src 'self'") {
				t.Errorf("content security policy %q", policy)
			}
		})
	}
}
