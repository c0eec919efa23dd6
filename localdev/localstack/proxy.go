package localstack

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// ErrURL is returned for something that is not like http://localhost:4566.
var ErrURL = errors.New("want a URL like http://localhost:4566")

// Proxy hands requests on to the API at a URL as they are: the service is told
// by the signature's scope, which is not checked there. A request that cannot
// be handed on is answered with status 502, which SDKs try again.
func Proxy(to string, logger *slog.Logger) (http.Handler, error) {
	target, err := url.Parse(to)
	if err != nil || (target.Scheme != "http" && target.Scheme != "https") || target.Host == "" || target.Path != "" {
		return nil, fmt.Errorf("%q: %w", to, ErrURL)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			logger.WarnContext(r.Context(), "call not handed on", "to", to, "error", err)
			http.Error(w, "not reached: "+to, http.StatusBadGateway)
		},
	}, nil
}
