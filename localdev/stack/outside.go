package stack

import (
	"fmt"
	"maps"

	"github.com/gapless-rooms/gapless/localdev/template"
)

// Outside returns the environments of the functions, by their names, for
// functions that run outside of this process and find the local AWS of another
// one at url, such as http://host.docker.internal:3002.
func Outside(url string) (map[string]map[string]string, error) {
	parsed, err := deployed(url)
	if err != nil {
		return nil, fmt.Errorf("read the CloudFormation templates: %w", err)
	}
	s := &Stack{config: Config{Secret: DevSecret}}
	all := map[string]map[string]string{}
	for _, f := range parsed.Functions {
		all[f.Name] = s.outside(f, url)
	}
	return all, nil
}

// outside is the environment of a function that runs outside of this process:
// the SDK finds all services at url, whichever the function calls, and with its
// role's credentials. Nothing of the developer's own is in it.
func (s *Stack) outside(f template.Function, url string) map[string]string {
	environ := s.environ(f)
	maps.Copy(environ, map[string]string{
		"AWS_ENDPOINT_URL":      url,
		"AWS_ACCESS_KEY_ID":     accessKey(f),
		"AWS_SECRET_ACCESS_KEY": "local",
		"AWS_SESSION_TOKEN":     "local",
	})
	return environ
}
