// Package sam makes the synthesised template into one that the SAM CLI runs
// without AWS: see Template. README.md says how it is used, what was tried and
// what was not.
package sam

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/gapless-rooms/gapless/infra/assembly"
	"github.com/gapless-rooms/gapless/localdev/stack"
)

// Options says what the template is made for.
type Options struct {
	// Build is the folder in which each function has <function>/bootstrap.
	Build string
	// Architecture is what those are built for, as Lambda names it: arm64 or
	// x86_64.
	Architecture string
	// AWS is where a container finds the local AWS, such as
	// http://host.docker.internal:3002.
	AWS string
	// Environ is added to every function's environment.
	Environ map[string]string
}

// Template is the committed template of the application in which three
// properties of each function are replaced, because SAM cannot know them: the
// code is the folder that was built, the architecture is that of the build, and
// the environment has values where the template has intrinsic functions (SAM
// makes the empty string of one that it does not know, and takes no variable
// that the template lacks). Everything else is as it is deployed.
func Template(o Options) ([]byte, error) {
	environments, err := stack.Outside(o.AWS)
	if err != nil {
		return nil, err
	}
	build, err := filepath.Abs(o.Build)
	if err != nil {
		return nil, fmt.Errorf("find the build folder: %w", err)
	}
	var whole map[string]any
	if err := json.Unmarshal(assembly.App, &whole); err != nil {
		return nil, fmt.Errorf("decode template: %w", err)
	}
	resources, _ := whole["Resources"].(map[string]any)
	for id, r := range resources {
		resource, _ := r.(map[string]any)
		if resource["Type"] != "AWS::Lambda::Function" {
			continue
		}
		properties, _ := resource["Properties"].(map[string]any)
		name := functionName(properties)
		environment, ok := environments[name]
		if !ok {
			return nil, fmt.Errorf("%s is no function that the local stack knows: %q", id, name)
		}
		maps.Copy(environment, o.Environ)
		properties["Code"] = filepath.Join(build, name)
		properties["Architectures"] = []string{o.Architecture}
		properties["Environment"] = map[string]any{"Variables": environment}
	}
	b, err := json.MarshalIndent(whole, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode template: %w", err)
	}
	return b, nil
}

// functionName is the folder in functions/, which the template has as a tag.
func functionName(properties map[string]any) string {
	tags, _ := properties["Tags"].([]any)
	for _, t := range tags {
		if tag, _ := t.(map[string]any); tag["Key"] == "gapless:function" {
			name, _ := tag["Value"].(string)
			return name
		}
	}
	return ""
}
