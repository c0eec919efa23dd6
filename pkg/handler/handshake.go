package handler

import (
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// Access says from where a handshake may come and where it may carry a token.
type Access struct {
	// Origins are the pages' origins that may connect, such as
	// "https://app.example.com", compared byte for byte. Empty means all: a
	// token is then the only key, and no page has another's token. A client
	// that sends no Origin is no browser and may always connect.
	Origins []string
	// Cookie is the name of a cookie that holds a token; empty means that
	// cookies are not read. A browser adds cookies to whatever page asks, so a
	// cookie counts only beside an Origin that Origins name.
	Cookie string
}

// subprotocol is what we answer when a client offers it. Browsers fail the
// connection unless the answer is one of their offers.
const (
	subprotocol       = "gapless.v1"
	bearerSubprotocol = "bearer."
	subprotocolHeader = "Sec-WebSocket-Protocol"
)

// handshake is what a client asks with.
type handshake struct {
	offers bool // our subprotocol
	token  string
	ticket string
}

// refusal is a handshake that must not succeed. The reason tells nothing of
// what the client sent.
type refusal struct {
	status int
	reason string
}

// read takes a handshake apart. A token counts in a subprotocol, since
// browsers cannot set headers, and in the Authorization header; failing both,
// in the cookie. A ticket counts in the URL, and takes the place of a token.
func (a Access) read(req events.APIGatewayWebsocketProxyRequest) (handshake, *refusal) {
	if tokenInURL(req) {
		return handshake{}, &refusal{http.StatusBadRequest,
			"a token in the URL ends up in logs: send it as the subprotocol bearer.<token>, in the Authorization header, or in hello; only a single-use ticket may stand in the URL"}
	}
	known, refused := a.checkOrigin(headerValues(req, "Origin"))
	if refused != nil {
		return handshake{}, refused
	}
	var h handshake
	var tokens []string
	for _, offer := range list(headerValues(req, subprotocolHeader)) {
		if offer == subprotocol {
			h.offers = true
		} else if token, ok := strings.CutPrefix(offer, bearerSubprotocol); ok {
			tokens = append(tokens, token)
		}
	}
	for _, value := range headerValues(req, "Authorization") {
		if scheme, token, _ := strings.Cut(value, " "); strings.EqualFold(scheme, "Bearer") {
			tokens = append(tokens, strings.TrimSpace(token))
		}
	}
	tickets := valuesOf(req.MultiValueQueryStringParameters, req.QueryStringParameters)[ticketParameter]
	if len(tickets) > 1 || len(tickets) == 1 && (len(tokens) > 0 || tickets[0] == "") {
		return h, &refusal{http.StatusBadRequest, "want one ticket, and no token beside it"}
	}
	if len(tickets) == 1 {
		h.ticket = tickets[0]
		return h, nil
	}
	if len(tokens) == 0 && a.Cookie != "" {
		tokens = a.cookies(headerValues(req, "Cookie"))
		if len(tokens) > 0 && !known {
			return h, &refusal{http.StatusForbidden, "a cookie counts only from an origin that is allowed"}
		}
	}
	if tokens = slices.Compact(tokens); len(tokens) > 1 {
		// Whoever stands in front of us may have looked at the other one.
		return h, &refusal{http.StatusBadRequest, "more than one token"}
	}
	if len(tokens) == 1 {
		h.token = tokens[0]
	}
	return h, nil
}

// checkOrigin reports whether the handshake comes from an origin on the list.
func (a Access) checkOrigin(origins []string) (known bool, refused *refusal) {
	if len(origins) == 0 {
		return false, nil
	}
	known = len(origins) == 1 && slices.Contains(a.Origins, origins[0])
	if !known && len(a.Origins) > 0 {
		return false, &refusal{http.StatusForbidden, "this origin may not connect"}
	}
	return known, nil
}

// cookies returns the values of all cookies of our name. There may be several:
// a neighbouring subdomain can set one for ours.
func (a Access) cookies(headers []string) []string {
	var values []string
	for _, header := range headers {
		cookies, err := http.ParseCookie(header)
		if err != nil {
			continue
		}
		for _, c := range cookies {
			if c.Name == a.Cookie && c.Value != "" {
				values = append(values, c.Value)
			}
		}
	}
	return values
}

// ticketParameter is where a ticket stands in the URL.
const ticketParameter = "ticket"

// queryTokens are the names under which others take tokens in a URL.
var queryTokens = []string{"token", "access_token", "id_token", "auth", "authorization", "bearer", "jwt"}

// tokenInURL reports whether a query holds what is named, or looks, like a
// token.
func tokenInURL(req events.APIGatewayWebsocketProxyRequest) bool {
	for name, values := range valuesOf(req.MultiValueQueryStringParameters, req.QueryStringParameters) {
		if slices.Contains(queryTokens, strings.ToLower(name)) {
			return true
		}
		for _, value := range values {
			// Every JWT begins like this: {" in base64url.
			if strings.HasPrefix(value, "eyJ") && strings.Count(value, ".") == 2 {
				return true
			}
		}
	}
	return false
}

// headerValues returns all values of a header, whatever the case of its name.
func headerValues(req events.APIGatewayWebsocketProxyRequest, name string) []string {
	var all []string
	for key, values := range valuesOf(req.MultiValueHeaders, req.Headers) {
		if strings.EqualFold(key, name) {
			all = append(all, values...)
		}
	}
	return all
}

// valuesOf prefers the map that holds every value.
func valuesOf(many map[string][]string, one map[string]string) map[string][]string {
	if len(many) > 0 {
		return many
	}
	out := make(map[string][]string, len(one))
	for name, value := range one {
		out[name] = []string{value}
	}
	return out
}

// list splits comma-separated header values.
func list(values []string) []string {
	var out []string
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			out = append(out, strings.TrimSpace(part))
		}
	}
	return out
}
