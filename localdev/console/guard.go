package console

import (
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// guard lets in only pages that this server has sent. Any site that a browser
// visits may send requests to localhost, and one that rebinds its name to
// 127.0.0.1 may also read the answers: so the Host must be one of this machine's
// own names, and what changes something must come from our own origin as JSON,
// which no other page can send without being asked first
// (https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html).
func guard(next http.Handler, gatewayURL string) http.Handler {
	policy := "default-src 'self'; img-src 'self' data:; style-src 'self'; base-uri 'none'; form-action 'none'; " +
		"frame-ancestors 'none'; connect-src 'self' " + origin(gatewayURL)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !local(r.Host) {
			refuse(w, http.StatusMisdirectedRequest, "the console answers to localhost only")
			return
		}
		if r.Method != http.MethodGet && !ours(r) {
			refuse(w, http.StatusForbidden, "only the console's own page may do this")
			return
		}
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			header.Set("Cache-Control", "no-cache") // another build may serve the next page
		}
		next.ServeHTTP(w, r)
	})
}

// local reports whether a Host header names this machine by itself.
func local(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
}

// ours reports whether a request comes from a page of this server.
func ours(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return false
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return false
	}
	from, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && from.Scheme == "http" && from.Host == r.Host
}

// origin is a URL without its path.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
