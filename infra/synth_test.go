//go:build infra

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// TestMain needs Node, in which CDK itself runs. Without it nothing is tested,
// and the output says so.
func TestMain(m *testing.M) {
	// CDK works with Node 20 and later, but complains of each that it was not
	// tested with.
	for name, value := range map[string]string{"DEPRECATED": "1", "END_OF_LIFE": "20", "UNTESTED": "1"} {
		_ = os.Setenv("JSII_SILENCE_WARNING_"+name+"_NODE_VERSION", value)
	}
	if _, err := exec.LookPath("node"); err != nil {
		println("SKIPPED: ALL TESTS OF infra: CDK needs Node, and there is none on the PATH")
		os.Exit(0)
	}
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

type template struct {
	Resources map[string]resource       `json:"Resources"`
	Outputs   map[string]map[string]any `json:"Outputs"`
}

type resource struct {
	Type                string         `json:"Type"`
	Properties          map[string]any `json:"Properties"`
	DeletionPolicy      string         `json:"DeletionPolicy"`
	UpdateReplacePolicy string         `json:"UpdateReplacePolicy"`
	DependsOn           []string       `json:"DependsOn"`
}

// newApp returns an app as the CLI would start it, with cdk.json's context and
// the given.
func newApp(t *testing.T, context map[string]any) awscdk.App {
	t.Helper()
	all := map[string]any{}
	var file struct{ Context map[string]any }
	content, err := os.ReadFile("../cdk.json")
	if err == nil {
		err = json.Unmarshal(content, &file)
	}
	if err != nil {
		t.Fatalf("read cdk.json: %v", err)
	}
	for _, m := range []map[string]any{file.Context, context} {
		for k, v := range m {
			all[k] = v
		}
	}
	return awscdk.NewApp(&awscdk.AppProps{
		AnalyticsReporting: jsii.Bool(false), Context: &all, Outdir: jsii.String(t.TempDir()),
	})
}

// fakeBuild is a build folder whose bootstraps do nothing.
func fakeBuild(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range functions {
		if err := os.MkdirAll(filepath.Join(dir, f.name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f.name, "bootstrap"), []byte(f.name), 0o755); err != nil { //nolint:gosec // runs on Lambda
			t.Fatal(err)
		}
	}
	return dir
}

// build composes an app without synthesising it.
func build(t *testing.T, context map[string]any) (awscdk.App, Options) {
	t.Helper()
	return buildOf(t, context, fakeBuild(t))
}

// buildOf composes an app of the bootstraps in a folder.
func buildOf(t *testing.T, context map[string]any, folder string) (awscdk.App, Options) {
	t.Helper()
	app := newApp(t, context)
	o, err := loadOptions(app, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatalf("options: %v", err)
	}
	if err := compose(app, o, folder); err != nil {
		t.Fatalf("compose: %v", err)
	}
	return app, o
}

// synthesised are the templates that were made already, by their context: CDK
// takes a second for each. Nobody may change them.
var synthesised = map[string]map[string]template{}

// synth returns the templates, by "data" and "app". Only tests that do not run
// in parallel may call it.
func synth(t *testing.T, context map[string]any) map[string]template {
	t.Helper()
	key := text(context)
	if out, ok := synthesised[key]; ok {
		return out
	}
	out := map[string]template{}
	for name, raw := range synthRaw(t, context) {
		b, err := json.Marshal(raw)
		if err != nil {
			t.Fatal(err)
		}
		var parsed template
		if err := json.Unmarshal(b, &parsed); err != nil {
			t.Fatalf("template %s: %v", name, err)
		}
		out[name] = parsed
	}
	synthesised[key] = out
	return out
}

// synthRaw returns the templates as they are, by "data" and "app".
func synthRaw(t *testing.T, context map[string]any) map[string]any {
	t.Helper()
	app, o := build(t, context)
	assembly := app.Synth(nil)
	out := map[string]any{}
	for _, name := range []string{"data", "app"} {
		out[name] = assembly.GetStackByName(jsii.String("gapless-" + o.Stage + "-" + name)).Template()
	}
	return out
}
