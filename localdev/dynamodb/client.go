package dynamodb

import (
	"io"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/gapless-rooms/gapless/localdev/service"
)

// Server is a Service behind a loopback port, with a client.
type Server struct {
	*Service
	// Endpoint is what AWS_ENDPOINT_URL_DYNAMODB takes.
	Endpoint string
	// Client reaches the engine over the socket. It does not retry.
	Client *sdk.Client
}

// RunT serves a fresh Service on a free loopback port until the test ends.
func RunT(t service.Tester, config Config) *Server {
	t.Helper()
	e := New(config)
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
	client := e.Client(func(o *sdk.Options) {
		o.BaseEndpoint = aws.String(endpoint)
		o.HTTPClient = &http.Client{Transport: readOnly{transport}}
		o.Retryer = aws.NopRetryer{}
	})
	return &Server{Service: e, Endpoint: endpoint, Client: client}
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
