package handler_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/handler"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

// verifier accepts a fixed set of tokens.
type verifier struct{}

func (verifier) Verify(_ context.Context, token string) (auth.Identity, error) {
	switch token {
	case "eyJ.good.x", "eyJ.cookie.x":
		return auth.Identity{User: token[4:8], Expires: time.Now().Add(time.Hour)}, nil
	case "eyJ.late.x":
		return auth.Identity{}, auth.ErrExpired
	case "eyJ.dark.x":
		return auth.Identity{}, auth.ErrUnavailable
	}
	return auth.Identity{}, auth.ErrInvalid
}

// tickets accepts a fixed set of tickets.
type tickets struct{}

func (tickets) Redeem(_ context.Context, text, _ string) (auth.Identity, error) {
	switch text {
	case "gtk_good":
		return auth.Identity{User: "tick", Expires: time.Now().Add(time.Hour)}, nil
	case "gtk_dark":
		return auth.Identity{}, errBroken
	}
	return auth.Identity{}, ticket.ErrInvalid
}

const page = "https://app.example.com"

// TestHandshakes lists the ways in, and attacks on them. THREATS.md of package
// auth refers to it.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	open, listed := handler.Access{}, handler.Access{Origins: []string{page}}
	cookie := handler.Access{Origins: []string{page}, Cookie: "__Host-t"}
	type h = map[string]string
	for name, test := range map[string]struct {
		access handler.Access
		header h
		query  h
		status int
		user   string
	}{
		"way in: none, hello comes later":     {open, h{}, nil, 200, ""},
		"way in: subprotocol":                 {open, h{"Sec-WebSocket-Protocol": "gapless.v1, bearer.eyJ.good.x"}, nil, 200, "good"},
		"way in: subprotocol in lower case":   {open, h{"sec-websocket-protocol": "bearer.eyJ.good.x,gapless.v1"}, nil, 200, "good"},
		"way in: Authorization":               {open, h{"Authorization": "Bearer eyJ.good.x"}, nil, 200, "good"},
		"way in: authorization":               {open, h{"authorization": "bearer  eyJ.good.x"}, nil, 200, "good"},
		"way in: the same token twice":        {open, h{"Authorization": "Bearer eyJ.good.x", "Sec-WebSocket-Protocol": "bearer.eyJ.good.x"}, nil, 200, "good"},
		"way in: cookie of the same site":     {cookie, h{"Cookie": "a=b; __Host-t=eyJ.cookie.x", "Origin": page}, nil, 200, "cook"},
		"way in: a token before the cookie":   {cookie, h{"Cookie": "__Host-t=eyJ.cookie.x", "Authorization": "Bearer eyJ.good.x"}, nil, 200, "good"},
		"way in: ticket":                      {open, h{}, h{"ticket": "gtk_good"}, 200, "tick"},
		"way in: ticket and subprotocol":      {open, h{"Sec-WebSocket-Protocol": "gapless.v1"}, h{"ticket": "gtk_good"}, 200, "tick"},
		"way in: ticket before the cookie":    {cookie, h{"Cookie": "__Host-t=eyJ.cookie.x", "Origin": page}, h{"ticket": "gtk_good"}, 200, "tick"},
		"way in: a query that holds no token": {open, h{}, h{"v": "1", "room": "eyJust.a.name.x"}, 200, ""},

		"token: invalid":              {open, h{"Authorization": "Bearer x"}, nil, 401, ""},
		"token: expired":              {open, h{"Authorization": "Bearer eyJ.late.x"}, nil, 401, ""},
		"token: cannot be checked":    {open, h{"Authorization": "Bearer eyJ.dark.x"}, nil, 503, ""},
		"token: two":                  {open, h{"Authorization": "Bearer eyJ.good.x", "Sec-WebSocket-Protocol": "bearer.x"}, nil, 400, ""},
		"token: two subprotocols":     {open, h{"Sec-WebSocket-Protocol": "bearer.eyJ.good.x, bearer.x"}, nil, 400, ""},
		"token: another scheme":       {open, h{"Authorization": "Basic eyJ.good.x"}, nil, 200, ""},
		"ticket: invalid":             {open, h{}, h{"ticket": "gtk_used"}, 401, ""},
		"ticket: cannot be checked":   {open, h{}, h{"ticket": "gtk_dark"}, 503, ""},
		"ticket: empty":               {open, h{}, h{"ticket": ""}, 400, ""},
		"ticket: by another name":     {open, h{}, h{"Ticket": "gtk_good"}, 200, ""},
		"ticket: beside a token":      {open, h{"Authorization": "Bearer eyJ.good.x"}, h{"ticket": "gtk_good"}, 400, ""},
		"ticket: that is a token":     {open, h{}, h{"ticket": "eyJ.good.x"}, 400, ""},
		"ticket: from another origin": {listed, h{"Origin": "https://evil.example.com"}, h{"ticket": "gtk_good"}, 403, ""},
		"URL: token":                  {open, h{}, h{"token": "x"}, 400, ""},
		"URL: Access_Token":           {open, h{}, h{"Access_Token": "x"}, 400, ""},
		"URL: a JWT by another name":  {open, h{}, h{"t": "eyJ.good.x"}, 400, ""},
		"URL: beside a token":         {open, h{"Authorization": "Bearer eyJ.good.x"}, h{"jwt": "x"}, 400, ""},
		"origin: any, without a list": {open, h{"Origin": "https://evil.example.com", "Authorization": "Bearer eyJ.good.x"}, nil, 200, "good"},
		"origin: on the list":         {listed, h{"Origin": page}, nil, 200, ""},
		"origin: not on the list":     {listed, h{"Origin": "https://evil.example.com", "Authorization": "Bearer eyJ.good.x"}, nil, 403, ""},
		"origin: null":                {listed, h{"Origin": "null"}, nil, 403, ""},
		"origin: empty":               {listed, h{"Origin": ""}, nil, 403, ""},
		"origin: a prefix":            {listed, h{"Origin": page + ".evil.example.com"}, nil, 403, ""},
		"origin: a subdomain":         {listed, h{"Origin": "https://x.app.example.com"}, nil, 403, ""},
		"origin: http":                {listed, h{"Origin": "http://app.example.com"}, nil, 403, ""},
		"origin: another port":        {listed, h{"Origin": page + ":8443"}, nil, 403, ""},
		"origin: none, no browser":    {listed, h{"Authorization": "Bearer eyJ.good.x"}, nil, 200, "good"},

		"cookie: from another site":     {cookie, h{"Cookie": "__Host-t=eyJ.cookie.x", "Origin": "https://evil.example.com"}, nil, 403, ""},
		"cookie: without an origin":     {cookie, h{"Cookie": "__Host-t=eyJ.cookie.x"}, nil, 403, ""},
		"cookie: tossed by a neighbour": {cookie, h{"Cookie": "__Host-t=eyJ.cookie.x; __Host-t=x", "Origin": page}, nil, 400, ""},
		"cookie: by another name":       {cookie, h{"Cookie": "__host-t=eyJ.cookie.x", "Origin": page}, nil, 200, ""},
		"cookie: when cookies are off":  {listed, h{"Cookie": "__Host-t=eyJ.cookie.x", "Origin": page}, nil, 200, ""},
		"cookie: without a list":        {handler.Access{Cookie: "t"}, h{"Cookie": "t=eyJ.cookie.x", "Origin": page}, nil, 403, ""},
		"cookie: invalid":               {cookie, h{"Cookie": "__Host-t=x", "Origin": page}, nil, 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, log := memory.NewConnections(), new(bytes.Buffer)
			connect := &handler.Connect{
				Connections: store, Verifier: verifier{}, Tickets: tickets{}, Access: test.access, Clock: clock.System(),
				Logger: slog.New(slog.NewJSONHandler(log, nil)), Grace: time.Second, CheckEvery: time.Minute,
			}
			req := events.APIGatewayWebsocketProxyRequest{Headers: test.header, QueryStringParameters: test.query}
			req.RequestContext.ConnectionID = "c"
			response, err := connect.Handle(t.Context(), req)
			if err != nil || response.StatusCode != test.status {
				t.Fatalf("%d %q, %v; want %d", response.StatusCode, response.Body, err, test.status)
			}
			c, err := store.Get(t.Context(), "c")
			if (err == nil) != (test.status == http.StatusOK) || c.Identity.User != test.user {
				t.Errorf("connection %+v, %v", c, err)
			}
			if test.status == http.StatusBadRequest && response.Body == "" {
				t.Error("a refusal without an explanation")
			}
			offers := test.header["Sec-WebSocket-Protocol"] + test.header["sec-websocket-protocol"]
			want := test.status == http.StatusOK && strings.Contains(offers, "gapless.v1")
			if got := response.Headers["Sec-WebSocket-Protocol"]; (got == "gapless.v1") != want {
				t.Errorf("answered the subprotocol %q", got)
			}
			if told := log.String() + response.Body; strings.Contains(told, "eyJ") || strings.Contains(told, "gtk_") {
				t.Errorf("a token is in the log or the body: %s %s", log, response.Body)
			}
		})
	}
}

// API Gateway puts only the last value of a repeated header into the simple map;
// we must see both.
func TestRepeatedHeaders(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]map[string][]string{
		"Authorization": {"Authorization": {"Bearer x", "Bearer eyJ.good.x"}},
		"Origin":        {"Origin": {"https://evil.example.com", page}},
		"ticket":        {"?ticket": {"gtk_good", "gtk_good"}},
		"case":          {"Origin": {page}, "origin": {"https://evil.example.com"}},
	} {
		connect := &handler.Connect{
			Connections: memory.NewConnections(), Verifier: verifier{}, Access: handler.Access{Origins: []string{page}},
			Clock: clock.System(), Logger: slog.New(slog.DiscardHandler),
		}
		req := events.APIGatewayWebsocketProxyRequest{
			MultiValueHeaders: header, MultiValueQueryStringParameters: map[string][]string{"ticket": header["?ticket"]},
			Headers: map[string]string{"Authorization": "Bearer eyJ.good.x", "Origin": page},
		}
		if response, err := connect.Handle(t.Context(), req); err != nil || response.StatusCode/100 != 4 {
			t.Errorf("%s: %d, %v", name, response.StatusCode, err)
		}
	}
}

var errBroken = errors.New("broken")

// broken refuses to store connections.
type broken struct{ *memory.Connections }

func (broken) Put(context.Context, connection.Connection) error { return errBroken }

// A connection that cannot be registered is refused.
func TestConnectionThatCannotBeRegistered(t *testing.T) {
	t.Parallel()
	connect := &handler.Connect{
		Connections: broken{memory.NewConnections()}, Verifier: verifier{}, Clock: clock.System(), Logger: slog.New(slog.DiscardHandler),
	}
	if _, err := connect.Handle(t.Context(), events.APIGatewayWebsocketProxyRequest{}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}
