package app_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
	"github.com/gapless-rooms/gapless/localdev/inproc"
	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/hook"
	"github.com/gapless-rooms/gapless/pkg/sweep"
)

// deployment is AWS as the functions see it, with functions that package app
// composes again for each event, as in a fresh environment.
type deployment struct {
	t       *testing.T
	environ map[string]string
	engine  *dynamodb.Service
	hooks   hook.Hooks
	ids     atomic.Int64

	mu    sync.Mutex
	calls []string // each AWS call: service, operation or method and path, body
	posts []time.Time
	log   bytes.Buffer
	wakes error // error of SNS
	// post answers a frame to a connection with a status; nil: 200.
	post func(id string) int
}

// secret signs tokens; issuerKey signs the issuer's.
const secret = "a secret of at least thirty-two bytes"

var issuerKey = func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}()

// complete is an environment in which each function starts.
var complete = map[string]string{
	"GAPLESS_CONNECTIONS_TABLE": "connections", "GAPLESS_ROOMS_TABLE": "rooms", "GAPLESS_LOG_TABLE": "log",
	"GAPLESS_WAKE_TOPIC": "arn:aws:sns:us-east-1:000000000000:wake", "GAPLESS_AUTH_SECRET_ARN": "secret",
	"GAPLESS_GATEWAY_ENDPOINT": "https://gateway.example.com/stage", "GAPLESS_DEAD_LETTER_QUEUE": "https://sqs.example.com/letters",
	"GAPLESS_OPEN_ROOMS": "true",
}

// TestMain replaces the only client that is not the SDK's: that for the issuers'
// keys.
func TestMain(m *testing.M) {
	http.DefaultTransport = roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path != "/keys" && r.URL.Path != "/.well-known/jwks.json" {
			return answer(http.StatusNotFound, ""), nil
		}
		point, err := issuerKey.PublicKey.Bytes()
		if err != nil {
			return nil, err
		}
		b64 := base64.RawURLEncoding.EncodeToString
		return answer(http.StatusOK, fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","kid":%q,"alg":"ES256","use":"sig","x":%q,"y":%q}]}`,
			r.URL.Host+r.URL.Path, b64(point[1:33]), b64(point[33:]))), nil
	})
	os.Exit(m.Run())
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func deploy(t *testing.T, environ ...map[string]string) *deployment {
	t.Helper()
	d := &deployment{t: t, environ: maps.Clone(complete), engine: dynamodb.New(dynamodb.Config{})}
	for _, set := range environ {
		maps.Copy(d.environ, set)
	}
	client := awsdynamodb.NewFromConfig(d.sdk())
	for _, table := range dynamo.Schema() {
		for _, name := range []string{table.Name, "other-" + table.Name} {
			sort := types.ScalarAttributeTypeS
			if table.NumericSort {
				sort = types.ScalarAttributeTypeN
			}
			_, err := client.CreateTable(t.Context(), &awsdynamodb.CreateTableInput{
				TableName: &name, BillingMode: types.BillingModePayPerRequest,
				AttributeDefinitions: []types.AttributeDefinition{
					{AttributeName: aws.String(dynamo.PartitionKey), AttributeType: types.ScalarAttributeTypeS},
					{AttributeName: aws.String(dynamo.SortKey), AttributeType: sort},
				},
				KeySchema: []types.KeySchemaElement{
					{AttributeName: aws.String(dynamo.PartitionKey), KeyType: types.KeyTypeHash},
					{AttributeName: aws.String(dynamo.SortKey), KeyType: types.KeyTypeRange},
				},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	d.calls = nil
	return d
}

// sdk returns the SDK's configuration for a function.
func (d *deployment) sdk() aws.Config {
	return aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		Retryer:    func() aws.Retryer { return aws.NopRetryer{} },
		HTTPClient: &http.Client{Transport: roundTripper(d.serve)},
	}
}

// serve is AWS: the local DynamoDB, and of the other services what the tests
// need.
func (d *deployment) serve(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	target := r.Header.Get("X-Amz-Target")
	_, operation, _ := strings.Cut(target, ".")
	d.mu.Lock()
	d.calls = append(d.calls, strings.TrimSpace(operation+" "+r.Method+" "+r.URL.String()+" "+string(body)))
	d.mu.Unlock()
	switch {
	case strings.HasPrefix(target, "DynamoDB_"):
		return inproc.Transport{Handler: d.engine}.RoundTrip(r)
	case strings.HasPrefix(target, "secretsmanager."):
		if strings.Contains(string(body), "AWSPREVIOUS") {
			response := answer(http.StatusBadRequest, `{"__type":"ResourceNotFoundException"}`)
			return response, nil
		}
		return answer(http.StatusOK, fmt.Sprintf(`{"SecretString":%q,"CreatedDate":1}`, secret)), nil
	case strings.HasPrefix(target, "AmazonSQS."):
		return answer(http.StatusOK, `{}`), nil
	case strings.HasPrefix(r.URL.Host, "sns."):
		if d.wakes != nil {
			return nil, d.wakes
		}
		return answer(http.StatusOK, `<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`), nil
	case strings.Contains(r.URL.Path, "/@connections/"):
		return d.connection(r)
	}
	return nil, fmt.Errorf("nobody answers %s %s", r.Method, r.URL)
}

// connection serves a call of @connections.
func (d *deployment) connection(r *http.Request) (*http.Response, error) {
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	d.mu.Lock()
	post := d.post
	d.mu.Unlock()
	if r.Method == http.MethodGet && (post == nil || post(id) != http.StatusGone) {
		active := time.Now().Add(-15 * time.Minute).UTC().Format(time.RFC3339)
		return answer(http.StatusOK, fmt.Sprintf(`{"connectedAt":%q,"lastActiveAt":%q}`, active, active)), nil
	}
	d.mu.Lock()
	if r.Method == http.MethodPost {
		d.posts = append(d.posts, time.Now())
	}
	d.mu.Unlock()
	if post == nil || r.Method == http.MethodDelete {
		return answer(http.StatusOK, ""), nil
	}
	status := post(id)
	response := answer(status, "")
	switch status {
	case http.StatusGone:
		response.Header.Set("X-Amzn-ErrorType", "GoneException")
	case http.StatusTooManyRequests:
		response.Header.Set("X-Amzn-ErrorType", "LimitExceededException")
	}
	return response, nil
}

func (d *deployment) host() app.Host {
	h := app.Host{
		Environ: d.environ, Clock: clock.System(), Log: &locked{d: d}, Random: func(int64) int64 { return 0 },
		NewID: func() string { return fmt.Sprintf("id%014d", d.ids.Add(1)) },
		AWS:   func(context.Context) (aws.Config, error) { return d.sdk(), nil },
	}
	if d.hooks != nil {
		h.Hooks = func(context.Context, app.Host) (hook.Hooks, error) { return d.hooks, nil }
	}
	return h
}

// locked is the functions' log.
type locked struct{ d *deployment }

func (l *locked) Write(b []byte) (int, error) {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	return l.d.log.Write(b)
}

func event(id, body string, headers map[string]string, connected time.Time) events.APIGatewayWebsocketProxyRequest {
	return events.APIGatewayWebsocketProxyRequest{
		Headers: headers, Body: body,
		RequestContext: events.APIGatewayWebsocketProxyRequestContext{
			ConnectionID: id, ConnectedAt: connected.UnixMilli(), RequestTimeEpoch: time.Now().UnixMilli(),
		},
	}
}

// connect makes a handshake and returns the status.
func (d *deployment) connect(id string, headers map[string]string) string {
	d.t.Helper()
	f, err := app.Connect(d.t.Context(), d.host())
	if err != nil {
		return err.Error()
	}
	out, err := f.Handle(d.t.Context(), event(id, "", headers, time.Now()))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(out.StatusCode)
}

// bearer returns a header with a token.
func bearer(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

// token returns a token of ada's, valid for an hour, with changes.
func (d *deployment) token(change map[string]any) string {
	d.t.Helper()
	now := time.Now()
	claims := jwt.MapClaims{"sub": "ada", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(claims, change)
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// issued returns a token of the issuer.
func (d *deployment) issued(kid string) string {
	d.t.Helper()
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": "https://issuer.example.com", "aud": "rooms", "sub": "ada", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	token.Header["kid"] = kid
	text, err := token.SignedString(issuerKey)
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// say sends one command, in its own environment, and returns the reply.
func (d *deployment) say(id, body string) string { return d.sayAt(id, body, time.Now()) }

func (d *deployment) sayAt(id, body string, connected time.Time) string {
	d.t.Helper()
	f, err := app.Message(d.t.Context(), d.host())
	if err != nil {
		return err.Error()
	}
	out, err := f.Handle(d.t.Context(), event(id, body, nil, connected))
	if err != nil {
		return err.Error()
	}
	return out.Body
}

// flood sends many commands in one environment and returns how many were refused.
func (d *deployment) flood(id string, n int, body func(i int) string) string {
	d.t.Helper()
	f, err := app.Message(d.t.Context(), d.host())
	if err != nil {
		return err.Error()
	}
	refused := 0
	for i := range n {
		out, err := f.Handle(d.t.Context(), event(id, body(i), nil, time.Now()))
		if err != nil {
			return err.Error()
		}
		if strings.Contains(out.Body, "rate_limited") {
			refused++
		}
	}
	return fmt.Sprint(refused)
}

// joined connects ada and makes her join rooms.
func (d *deployment) joined(id string, rooms ...string) {
	d.t.Helper()
	if status := d.connect(id, bearer(d.token(nil))); status != "200" {
		d.t.Fatal(status)
	}
	for _, name := range rooms {
		if reply := d.say(id, `{"action":"join","id":1,"room":"`+name+`"}`); !strings.Contains(reply, `"ok"`) {
			d.t.Fatal(reply)
		}
	}
}

// wake delivers a wake-up from SNS.
func (d *deployment) wake(ctx context.Context, message string) string {
	d.t.Helper()
	f, err := app.Broadcast(ctx, d.host())
	if err != nil {
		return err.Error()
	}
	if err := f.Handle(ctx, events.SNSEvent{Records: []events.SNSEventRecord{{SNS: events.SNSEntity{Message: message}}}}); err != nil {
		return err.Error()
	}
	return ""
}

const drain = `{"kind":"drain","room":"r"}`

func (d *deployment) disconnect(id string) string {
	d.t.Helper()
	f, err := app.Disconnect(d.t.Context(), d.host())
	if err != nil {
		return err.Error()
	}
	out, err := f.Handle(d.t.Context(), event(id, "", nil, time.Now()))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(out.StatusCode)
}

func (d *deployment) sweep() (sweep.Report, error) {
	d.t.Helper()
	f, err := app.Sweep(d.t.Context(), d.host())
	if err != nil {
		return sweep.Report{}, err
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Minute)
	defer cancel()
	return f.Handle(ctx, events.CloudWatchEvent{})
}

// called returns the group of the last call that matches, "" if none does.
func (d *deployment) called(pattern string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := regexp.MustCompile(pattern)
	for i := len(d.calls) - 1; i >= 0; i-- {
		if m := r.FindStringSubmatch(d.calls[i]); m != nil {
			return m[1]
		}
	}
	return ""
}

// forget forgets the calls so far.
func (d *deployment) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls, d.posts = nil, nil
}

// logged reports whether the log contains a text.
func (d *deployment) logged(text string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprint(strings.Contains(d.log.String(), text))
}

// until returns the distance of a time, in ms or s, that a pattern finds in the
// last call that matches another.
func (d *deployment) until(call, value string) string {
	found := regexp.MustCompile(value).FindStringSubmatch(d.called("(" + call + ".*)"))
	if found == nil {
		return "no such call"
	}
	n, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		return err.Error()
	}
	at := time.Unix(n, 0)
	if n > 1e11 {
		at = time.UnixMilli(n)
	}
	return time.Until(at).String()
}
