package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"
	"github.com/aws/smithy-go"

	"github.com/gapless-rooms/gapless/localdev/gateway"
)

// sdk is the real client of the management API, without retries.
func sdk(endpoint string, client *http.Client) *apigatewaymanagementapi.Client {
	return apigatewaymanagementapi.New(apigatewaymanagementapi.Options{
		BaseEndpoint:     aws.String(endpoint),
		Region:           "us-east-1",
		Credentials:      credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:       client,
		RetryMaxAttempts: 1,
	})
}

func (b *bundle) sdk() *apigatewaymanagementapi.Client {
	return sdk("http://gateway.invalid/local", &http.Client{Transport: b.Transport()})
}

func post(ctx context.Context, c *apigatewaymanagementapi.Client, id, data string) error {
	_, err := c.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{
		ConnectionId: &id, Data: []byte(data),
	})
	return err
}

func get(ctx context.Context, c *apigatewaymanagementapi.Client, id string) (*apigatewaymanagementapi.GetConnectionOutput, error) {
	return c.GetConnection(ctx, &apigatewaymanagementapi.GetConnectionInput{ConnectionId: &id})
}

func del(ctx context.Context, c *apigatewaymanagementapi.Client, id string) error {
	_, err := c.DeleteConnection(ctx, &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: &id})
	return err
}

// isGone, isLimit, isTooLarge and isForbidden test for the SDK's typed errors.
func isGone(err error) bool      { var e *types.GoneException; return errors.As(err, &e) }
func isLimit(err error) bool     { var e *types.LimitExceededException; return errors.As(err, &e) }
func isTooLarge(err error) bool  { var e *types.PayloadTooLargeException; return errors.As(err, &e) }
func isForbidden(err error) bool { var e *types.ForbiddenException; return errors.As(err, &e) }

func TestManagementWithSDK(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"socket", "in process"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			client := b.sdk()
			if way == "socket" {
				transport := &http.Transport{}
				t.Cleanup(transport.CloseIdleConnections)
				client = sdk("http://"+b.listen(t)+"/local", &http.Client{Transport: transport})
			}
			ctx := testContext(t)
			c, err := b.Dial(ctx, gateway.DialOptions{
				Header: http.Header{"User-Agent": {"test/1"}}, SourceIP: "192.0.2.7",
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := post(ctx, client, c.ID(), "hello"); err != nil {
				t.Fatal(err)
			}
			if got := receive(t, c); got != "hello" {
				t.Errorf("received %q", got)
			}
			info, err := get(ctx, client, c.ID())
			if err != nil {
				t.Fatal(err)
			}
			listed := b.Connections()[0]
			if *info.Identity.SourceIp != "192.0.2.7" || *info.Identity.UserAgent != "test/1" ||
				info.ConnectedAt.UnixMilli() != listed.ConnectedAt.UnixMilli() ||
				info.LastActiveAt.UnixMilli() < listed.ConnectedAt.UnixMilli() {
				t.Errorf("described as %+v %+v", info, *info.Identity)
			}
			if err := post(ctx, client, c.ID(), strings.Repeat("x", gateway.MaxMessageBytes+1)); !isTooLarge(err) {
				t.Errorf("oversized post: %v", err)
			}
			if err := post(ctx, client, "AAAAAAAAAAAAAAA=", "x"); !isGone(err) {
				t.Errorf("post to nobody: %v", err)
			}
			var api smithy.APIError
			if err := post(ctx, client, "nonsense", "x"); !errors.As(err, &api) || api.ErrorCode() != "BadRequestException" {
				t.Errorf("post to a malformed id: %v", err)
			}
			if err := del(ctx, client, c.ID()); err != nil {
				t.Fatal(err)
			}
			var closed *gateway.CloseError
			if _, err := c.Receive(ctx); !errors.As(err, &closed) || closed.Code != 1000 || closed.Reason != "" {
				t.Errorf("after delete: %v", err)
			}
			if err := del(ctx, client, c.ID()); !isGone(err) {
				t.Errorf("second delete: %v", err)
			}
			if _, err := get(ctx, client, c.ID()); !isGone(err) {
				t.Errorf("get after delete: %v", err)
			}
			b.functions.await(t, "disconnect")
		})
	}
}

func TestManagementNeedsSignature(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.dial(t)
	client := &http.Client{Transport: b.Transport()}
	const good = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=b"
	for _, tt := range []struct {
		authorization, query string
		want                 int
	}{
		{"", "", 403},
		{"Bearer x", "", 403},
		{strings.Replace(good, "execute-api", "sns", 1), "", 403},
		{good, "", 200},
		{"", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=b&X-Amz-Credential=a/20260101/us-east-1/execute-api/aws4_request", 200},
	} {
		req, err := http.NewRequestWithContext(testContext(t), http.MethodPost,
			"http://x/local/@connections/"+strings.ReplaceAll(c.ID(), "=", "%3D")+"?"+tt.query, bytes.NewReader([]byte("x")))
		if err != nil {
			t.Fatal(err)
		}
		if tt.authorization != "" {
			req.Header.Set("Authorization", tt.authorization)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != tt.want {
			t.Errorf("%q %q: status %d, want %d", tt.authorization, tt.query, res.StatusCode, tt.want)
		}
		if tt.want == 403 && res.Header.Get("x-amzn-ErrorType") != "ForbiddenException" {
			t.Errorf("%q: type %q", tt.authorization, res.Header.Get("x-amzn-ErrorType"))
		}
	}
}

func TestPostInsideConnectIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var posted error
	b.functions.on("connect", func(ctx context.Context, payload []byte) (gateway.Result, error) {
		posted = post(ctx, b.sdk(), connectionID(payload), "too early")
		return ok(""), nil
	})
	c := b.dial(t)
	if !isGone(posted) {
		t.Errorf("post inside $connect: %v", posted)
	}
	if err := post(testContext(t), b.sdk(), c.ID(), "now"); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, c); got != "now" {
		t.Errorf("received %q", got)
	}
}

func TestAccountRequestRate(t *testing.T) {
	t.Parallel()
	b := setup(t, withClock(stopped{}), withLimits(gateway.Limits{RequestRate: 1, RequestBurst: 3}))
	c := b.dial(t) // takes the first token
	ctx := testContext(t)
	for range 2 {
		if err := post(ctx, b.sdk(), c.ID(), "x"); err != nil {
			t.Fatal(err)
		}
		receive(t, c)
	}
	if err := post(ctx, b.sdk(), c.ID(), "x"); !isLimit(err) {
		t.Errorf("post beyond the rate: %v", err)
	}
	send(t, c, `{"action":"ping"}`)
	if got := receive(t, c); !strings.HasPrefix(got, `{"message": "Too Many Requests", "connectionId":"`+c.ID()+`"`) {
		t.Errorf("message beyond the rate: %s", got)
	}
}
