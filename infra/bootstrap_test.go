//go:build infra

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestBootstraps wants make build to compile for what the functions are
// declared to be: Linux on arm64, static, without the RPC mode that
// provided.al2023 has no use for
// (https://docs.aws.amazon.com/lambda/latest/dg/golang-package.html).
func TestBootstraps(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), "make", "-C", "..", "-n", "build", "GOARCH=", "GOOS=", "OUT=build")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "-tags lambda.norpc", "-trimpath", "-ldflags='-s -w'", "-o build/$name/bootstrap"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in %s", want, out)
		}
	}
}
