package dynamodb

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// ErrDropped is what a client in the same process sees when a fault drops the
// connection.
var ErrDropped = errors.New("connection dropped before the answer")

// RoundTrip answers a request in process, on the caller's goroutine, without
// a socket: an Engine is an http.RoundTripper. A connection that a fault
// drops is ErrDropped.
func (e *Engine) RoundTrip(r *http.Request) (response *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	body := []byte{}
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			response, err = nil, ErrDropped
		}
	}()
	served := r.Clone(r.Context())
	served.Body = io.NopCloser(bytes.NewReader(body))
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	e.ServeHTTP(w, served)
	return w.response(r), nil
}

// recorder keeps an answer for RoundTrip.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header            { return w.header }
func (w *recorder) WriteHeader(status int)         { w.status = status }
func (w *recorder) Write(part []byte) (int, error) { return w.body.Write(part) }

func (w *recorder) response(r *http.Request) *http.Response {
	return &http.Response{
		Status:        http.StatusText(w.status),
		StatusCode:    w.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        w.header,
		Body:          io.NopCloser(&w.body),
		ContentLength: int64(w.body.Len()),
		Request:       r,
	}
}

// Client is an SDK client that calls the engine in process, without a socket
// and without a goroutine, so that it works inside a testing/synctest bubble.
// The options come after its own.
func (e *Engine) Client(options ...func(*sdk.Options)) *sdk.Client {
	return newClient("http://dynamodb.local", e.config.Region, append([]func(*sdk.Options){
		func(o *sdk.Options) { o.HTTPClient = &http.Client{Transport: e} },
	}, options...)...)
}

func newClient(endpoint, region string, options ...func(*sdk.Options)) *sdk.Client {
	return sdk.New(sdk.Options{
		Region:       region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	}, options...)
}

// Server is an Engine behind a loopback port, with a client.
type Server struct {
	*Engine
	// Endpoint is what AWS_ENDPOINT_URL_DYNAMODB takes.
	Endpoint string
	// Client reaches the engine over the socket. It does not retry.
	Client *sdk.Client
}

// TB is what RunT needs of a *testing.T, so that this package does not link
// the testing package into programs.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// RunT serves a fresh Engine on a free loopback port until the test ends. At
// most one Config may be given.
func RunT(t TB, config ...Config) *Server {
	t.Helper()
	if len(config) > 1 {
		t.Fatalf("dynamodb.RunT takes one Config at most, not %d", len(config))
	}
	e := New(append(config, Config{})[0])
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for dynamodb: %v", err)
	}
	server := &http.Server{Handler: e, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		<-served //nolint:errcheck // it always ends with ErrServerClosed
	})
	endpoint := "http://" + listener.Addr().String()
	client := newClient(endpoint, e.config.Region, func(o *sdk.Options) {
		o.HTTPClient = &http.Client{Transport: readOnly{transport}}
		o.Retryer = aws.NopRetryer{}
	})
	return &Server{Engine: e, Endpoint: endpoint, Client: client}
}

// readOnly hides from net/http that the SDK's request bodies are io.WriterTo.
//
// When an answer's head is there, the SDK closes the request's body, while
// net/http may still ask it for more than Content-Length. A closed body's
// WriteTo then fails with io.EOF, for which net/http takes the connection down,
// and the rest of a large answer with it: "use of closed network connection"
// (smithy-go v1.28.8, safeWriteToReadCloser.WriteTo). AWS is too far away to
// answer that fast, and the SDK would repeat the call; a client without retries
// on loopback sees it once in some hundred answers of 16 KB and more.
type readOnly struct{ next http.RoundTripper }

func (t readOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r = r.Clone(r.Context())
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return t.next.RoundTrip(r)
}
