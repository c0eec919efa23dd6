package stack

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/gapless-rooms/gapless/localdev/inproc"
	"github.com/gapless-rooms/gapless/localdev/service"
)

// router hands a signed request to the service that it is signed for, so that
// one endpoint serves them all. What it refuses, it refuses in the form of the
// request's own protocol.
type router struct {
	services map[string]http.Handler // by their names in signatures
	ids      *service.IDs
}

func (s router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, name, signed := service.Signed(r)
	if !signed {
		s.refuse(w, r, &service.Error{
			Status: http.StatusForbidden, Code: "MissingAuthenticationToken",
			Message: "the local AWS takes requests that are signed with Signature Version 4, with any credentials",
		})
		return
	}
	handler, ok := s.services[name]
	if !ok {
		s.refuse(w, r, unknown("the local AWS has no service "+name))
		return
	}
	handler.ServeHTTP(w, r)
}

func (s router) refuse(w http.ResponseWriter, r *http.Request, e *service.Error) {
	service.Refuse(w, r, e, s.ids.UUID())
}

// unknown refuses what the local AWS does not have.
func unknown(message string) *service.Error {
	return &service.Error{Status: http.StatusNotImplemented, Code: "UnsupportedByLocalAWSException", Message: message}
}

// sdk is an SDK configuration whose calls stay in this process.
func sdk(handler http.Handler, wrap func(http.RoundTripper) http.RoundTripper) aws.Config {
	var transport http.RoundTripper = inproc.Transport{Handler: handler}
	if wrap != nil {
		transport = wrap(transport)
	}
	return aws.Config{
		Region:      region,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:  &http.Client{Transport: transport},
	}
}
