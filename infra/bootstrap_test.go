//go:build infra

package main

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/jsii-runtime-go"
)

// built is the folder of `make build`'s output; the test is skipped where there
// is none. make test-infra names it.
func built(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("GAPLESS_BUILD")
	if folder == "" {
		t.Skip("SKIPPED: GAPLESS_BUILD names no build; make test-infra does")
	}
	return folder
}

// TestBootstraps wants what make build has made to be what the functions are
// declared to be: Linux on arm64, static, without symbols, without the RPC mode
// that provided.al2023 has no use for
// (https://docs.aws.amazon.com/lambda/latest/dg/golang-package.html).
func TestBootstraps(t *testing.T) {
	folder := built(t)
	for _, f := range functions {
		name := filepath.Join(folder, f.name, "bootstrap")
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&0o111 != 0o111 {
			t.Errorf("%s: not everybody may run it: %v", f.name, info.Mode())
		}
		file, err := elf.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if file.Machine != elf.EM_AARCH64 || file.Class != elf.ELFCLASS64 || file.Type != elf.ET_EXEC {
			t.Errorf("%s: %v %v %v", f.name, file.Machine, file.Class, file.Type)
		}
		for _, p := range file.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Errorf("%s is not static: %v", f.name, p.Type)
			}
		}
		if file.Section(".symtab") != nil || file.Section(".debug_info") != nil {
			t.Errorf("%s has symbols", f.name)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
		made, err := buildinfo.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		settings := map[string]string{}
		for _, s := range made.Settings {
			settings[s.Key] = s.Value
		}
		for key, want := range map[string]string{"GOOS": "linux", "GOARCH": "arm64", "CGO_ENABLED": "0", "-tags": "lambda.norpc", "-trimpath": "true"} {
			if settings[key] != want {
				t.Errorf("%s: %s is %q, want %q", f.name, key, settings[key], want)
			}
		}
		if want := "github.com/gapless-rooms/gapless/functions/" + f.name; made.Path != want || !strings.Contains(makefile(t), "TOOLCHAIN := "+made.GoVersion+"\n") {
			t.Errorf("%s is %s, built by %s", f.name, made.Path, made.GoVersion)
		}
	}
}

// TestTheBuildIsDeployed synthesises over what make build has made, and wants
// each function's code to be its bootstrap, whole, under a hash of its own.
func TestTheBuildIsDeployed(t *testing.T) {
	folder := built(t)
	app, _ := buildOf(t, nil, folder)
	assembly := app.Synth(nil)
	read := func(file string, into any) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(*assembly.Directory(), file))
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var assets struct {
		Files map[string]struct {
			Source struct{ Path, Packaging string }
		}
	}
	read("gapless-dev-app.assets.json", &assets)
	var stack template
	read(*assembly.GetStackByName(jsii.String("gapless-dev-app")).TemplateFile(), &stack)
	keys := map[string]string{}
	for name, f := range functionsOf(stack) {
		key, _ := f.Properties["Code"].(map[string]any)["S3Key"].(string)
		if other, ok := keys[key]; ok || !asset.MatchString(key) {
			t.Errorf("%s and %q share the code %s", name, other, key)
		}
		keys[key] = name
		source := assets.Files[strings.TrimSuffix(key, ".zip")].Source
		if source.Packaging != "zip" {
			t.Errorf("%s: the asset %s is %+v", name, key, source)
			continue
		}
		want, err := os.ReadFile(filepath.Join(folder, name, "bootstrap"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(*assembly.Directory(), source.Path, "bootstrap"))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes are deployed of %d: %v", name, len(got), len(want), err)
		}
	}
	if len(keys) != len(functions) {
		t.Errorf("%d functions have code", len(keys))
	}
}

func makefile(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestVerifyNeedsNode wants make verify to fail where it cannot compare the
// templates: passing by would look as if they were not stale.
func TestVerifyNeedsNode(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	for _, tool := range []string{"make", "bash"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "make", "-C", "..", "verify-template")
	command.Env = []string{"PATH=" + bin, "HOME=" + t.TempDir()}
	out, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "needs Node") {
		t.Errorf("%v: %s", err, out)
	}
}
