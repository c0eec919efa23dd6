// Package inproc calls HTTP handlers without a socket: the real AWS SDK clients
// speak their wire protocol to the local services inside one process, also
// inside a testing/synctest bubble, where a socket would never count as idle.
package inproc

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Transport is an http.RoundTripper over a handler. The handler runs on the
// caller's goroutine; its answer is complete before RoundTrip returns.
type Transport struct{ Handler http.Handler }

// RoundTrip serves one request. It fails if the request's context is over, and
// with ErrAborted if the handler gave the connection up.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	server := r.Clone(r.Context())
	if server.Body == nil {
		server.Body = http.NoBody
	}
	defer server.Body.Close() //nolint:errcheck // a body in memory
	if server.Host == "" {
		server.Host = r.URL.Host
	}
	server.RequestURI = r.URL.RequestURI()
	server.RemoteAddr = "127.0.0.1:0"
	w := &answer{header: http.Header{}}
	if !serve(t.Handler, w, server) {
		return nil, ErrAborted
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// AWS is an SDK configuration whose calls go to a handler in process. Its
// endpoint names no host of AWS, so that nothing that is made of it leads there.
func AWS(h http.Handler, region string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String("http://localhost"),
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:   &http.Client{Transport: Transport{h}},
	}
}

// Discard is a http.ResponseWriter for an answer that nobody reads.
func Discard() http.ResponseWriter { return &answer{header: http.Header{}} }

// ErrAborted is returned when a handler panics with http.ErrAbortHandler, upon
// which a server would drop the connection without an answer.
var ErrAborted = errors.New("connection reset by peer")

// serve reports whether the handler has answered.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (answered bool) {
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			answered = false
		}
	}()
	h.ServeHTTP(w, r)
	return true
}

// answer gathers what a handler writes.
type answer struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (w *answer) Header() http.Header { return w.header }

func (w *answer) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *answer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}
