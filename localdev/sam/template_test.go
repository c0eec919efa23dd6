package sam_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/infra/assembly"
	"github.com/gapless-rooms/gapless/localdev/sam"
)

type document struct {
	Resources map[string]struct {
		Type       string
		Properties map[string]any
	}
}

func decode(t *testing.T, b []byte) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestTemplateIsTheSynthesisedOne wants nothing changed but what SAM cannot
// know of the functions.
func TestTemplateIsTheSynthesisedOne(t *testing.T) {
	t.Parallel()
	const aws = "http://host.docker.internal:3002"
	b, err := sam.Template(sam.Options{
		Build: "build", Architecture: "x86_64", AWS: aws, Environ: map[string]string{"EXTRA": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	build, err := filepath.Abs("build")
	if err != nil {
		t.Fatal(err)
	}
	got, want := decode(t, b), decode(t, assembly.App)
	functions := 0
	for id, resource := range got.Resources {
		if resource.Type != "AWS::Lambda::Function" {
			continue
		}
		functions++
		p := resource.Properties
		name := strings.TrimPrefix(p["FunctionName"].(string), "gapless-local-")
		if p["Code"] != filepath.Join(build, name) {
			t.Errorf("%s: code is %v", name, p["Code"])
		}
		if diff := cmp.Diff([]any{"x86_64"}, p["Architectures"]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		variables := p["Environment"].(map[string]any)["Variables"].(map[string]any)
		for variable, value := range variables {
			if text, ok := value.(string); !ok || strings.Contains(text, "resolve:") {
				t.Errorf("%s: %s = %v has no value", name, variable, value)
			}
		}
		committed := want.Resources[id].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		for variable := range committed {
			if _, ok := variables[variable]; !ok {
				t.Errorf("%s lacks %s", name, variable)
			}
		}
		if variables["AWS_ENDPOINT_URL"] != aws || variables["EXTRA"] != "1" {
			t.Errorf("%s: %v", name, variables)
		}
		if endpoint, ok := variables["GAPLESS_GATEWAY_ENDPOINT"]; ok && endpoint != aws+"/local" {
			t.Errorf("%s: gateway is at %v", name, endpoint)
		}
		for _, replaced := range []string{"Code", "Architectures", "Environment"} {
			p[replaced] = want.Resources[id].Properties[replaced]
		}
	}
	if functions < 5 {
		t.Errorf("%d functions", functions)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("besides that:\n%s", diff)
	}
}
