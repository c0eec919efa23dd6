package stack

import (
	"fmt"
	"net/http"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/gapless-rooms/gapless/localdev/inproc"
)

// scope finds the access key's id and the service's name in a Signature Version 4 header
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html).
var scope = regexp.MustCompile(`Credential=([^/]*)/[0-9]{8}/[^/]+/([^/]+)/aws4_request`)

// router hands a signed request to the service that it is signed for, so that
// one endpoint serves them all.
type router map[string]http.Handler

func (s router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	match := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	if match == nil {
		http.Error(w, "the local AWS takes requests that are signed with Signature Version 4, with any credentials", http.StatusForbidden)
		return
	}
	service, ok := s[match[2]]
	if !ok {
		http.Error(w, fmt.Sprintf("the local AWS has no service %q", match[2]), http.StatusNotImplemented)
		return
	}
	service.ServeHTTP(w, r)
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
