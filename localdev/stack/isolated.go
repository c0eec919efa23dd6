package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gapless-rooms/gapless/localdev/iam"
	"github.com/gapless-rooms/gapless/localdev/inproc"
	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/service"
	"github.com/gapless-rooms/gapless/localdev/template"
)

// isolation is what functions need that are processes: they reach the services
// over HTTP, on a port of loopback that is theirs alone.
type isolation struct {
	processes *lambda.Process
	server    *http.Server
	listener  net.Listener
}

// isolate opens the port, so that the functions' environment can name it.
// Nothing is served yet.
func (s *Stack) isolate() error {
	if s.config.Host != nil {
		return errors.New("a Host cannot change what is around a process: its clock, ids and log are its own")
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for isolated functions: %w", err)
	}
	s.isolation = &isolation{
		processes: lambda.NewProcess(s.config.FunctionLog), listener: listener,
		server: &http.Server{ReadHeaderTimeout: 10 * time.Second},
	}
	return nil
}

// serveIsolated starts to serve, once the services are there.
func (s *Stack) serveIsolated() {
	s.isolation.server.Handler = s.Handler()
	s.serving.Go(func() { _ = s.isolation.server.Serve(s.isolation.listener) }) // ErrServerClosed, at the end
}

// executor runs the functions; nil for in this process.
func (s *Stack) executor() lambda.Executor {
	switch {
	case s.config.SAM != "":
		return lambda.NewRemote(s.config.SAM, region, func(function string) string {
			f, _ := s.template.Function(function)
			return f.FullName
		})
	case s.isolation == nil:
		return nil
	case s.config.Executor != nil:
		return s.config.Executor(s.isolation.processes)
	default:
		return s.isolation.processes
	}
}

// Kills reports whether a function can be ended from here: it runs in this
// process or as one of Processes, and not in a container of SAM's.
func (s *Stack) Kills() bool { return s.config.SAM == "" }

// Processes are the functions' processes that have not ended.
func (s *Stack) Processes() []lambda.Running {
	if s.isolation == nil {
		return nil
	}
	return s.isolation.processes.Running()
}

func (i *isolation) url() string { return "http://" + i.listener.Addr().String() }

// close ends all processes, and then what they talk to.
func (i *isolation) close() error {
	i.processes.Close()
	return errors.Join(i.server.Close(), ignoreClosed(i.listener.Close()))
}

// ignoreClosed passes over that a server has closed its listener already.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// binary is the path of a function's bootstrap file.
func (s *Stack) binary(f template.Function) (string, error) {
	file := filepath.Join(s.config.Isolated, f.Name, "bootstrap")
	if _, err := os.Stat(file); err != nil {
		return "", fmt.Errorf("function %s is not built for this machine, see make build-isolated: %w", f.Name, err)
	}
	return file, nil
}

// processEnviron is the environment of a function that is a process.
func (s *Stack) processEnviron(f template.Function) map[string]string {
	return s.outside(f, s.isolation.url())
}

// accessKey is the id of the credentials of a function's role: like an id of
// temporary credentials on AWS, and of no use elsewhere.
func accessKey(f template.Function) string { return "ASIALOCAL" + strings.ToUpper(f.Name) }

// roles serves callers with a role's credentials by what the role is granted,
// and all others with everything.
type roles struct {
	byKey map[string]http.RoundTripper
	all   router
}

// Handler serves the AWS API of all services on one endpoint. Calls that are
// signed with the credentials of a function's role are held against its
// policy; other credentials, which are those of a developer, may do all.
func (s *Stack) Handler() http.Handler {
	r := roles{map[string]http.RoundTripper{}, s.router}
	for _, f := range s.template.Functions {
		r.byKey[accessKey(f)] = s.calls(f, inproc.Transport{Handler: s.router})
	}
	return s.deliveries(r)
}

func (h roles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var transport http.RoundTripper
	if key, _, ok := service.Signed(r); ok {
		transport = h.byKey[key]
	}
	if transport == nil {
		h.all.ServeHTTP(w, r)
		return
	}
	response, err := transport.RoundTrip(r)
	switch {
	case errors.Is(err, iam.ErrUnknownCall):
		h.all.refuse(w, r, unknown(err.Error()))
		return
	case err != nil:
		panic(http.ErrAbortHandler) // the caller sees what it would see in process: no answer
	}
	defer response.Body.Close() //nolint:errcheck // a body in memory
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body) // the caller has gone if this fails
}
