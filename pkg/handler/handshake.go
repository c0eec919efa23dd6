package handler

import (
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// Access restricts where handshakes come from and where they carry a token.
type Access struct {
	// Origins are the web pages' origins that may connect, such as
	// "https://app.example.com", compared byte for byte. Empty allows all: the
	// token then protects the connection, and no page has another page's token. A
	// client that sends no Origin is not a browser and may always connect.
	Origins []string
	// Cookie is the name of a cookie that holds a token; empty ignores cookies. A
	// browser sends cookies with the requests of any page, so a cookie counts
	// only together with an Origin in Origins.
	Cookie string
}

// subprotocol is our answer to a client that offers it. Browsers fail the
// connection if the answer is not among their offers.
const (
	subprotocol       = "gapless.v1"
	bearerSubprotocol = "bearer."
	subprotocolHeader = "Sec-WebSocket-Protocol"
)

// handshake is a client's request to connect.
type handshake struct {
	offers bool // includes our subprotocol
	token  string
	ticket string
}

// refusal describes a refused handshake. The reason contains nothing that the
// client sent.
type refusal struct {
	status int
	reason string
}

// read parses a handshake. A token may be in a subprotocol, because browsers
// cannot set headers, or in the Authorization header, or else in the cookie. A
// ticket is in the URL and replaces the token.
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
		// A proxy in front of us may have checked the other one.
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

// cookies returns the values of all cookies with our name. There may be several:
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

// ticketParameter is the URL parameter that holds a ticket.
const ticketParameter = "ticket"

// queryTokens are the names that other systems use for tokens in a URL.
var queryTokens = []string{"token", "access_token", "id_token", "auth", "authorization", "bearer", "jwt"}

// tokenInURL reports whether the query has a parameter that is named like a token
// or looks like one.
func tokenInURL(req events.APIGatewayWebsocketProxyRequest) bool {
	for name, values := range valuesOf(req.MultiValueQueryStringParameters, req.QueryStringParameters) {
		if slices.Contains(queryTokens, strings.ToLower(name)) {
			return true
		}
		for _, value := range values {
			// Every JWT starts with {" in base64url.
			if strings.HasPrefix(value, "eyJ") && strings.Count(value, ".") == 2 {
				return true
			}
		}
	}
	return false
}

// headerValues returns all values of a header, whose name is case-insensitive.
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
