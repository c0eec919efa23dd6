//go:build infra

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestLint runs cfn-lint, which knows the schema of every resource, over what
// is synthesised by default and with all that can be turned on.
func TestLint(t *testing.T) {
	linter := os.Getenv("CFN_LINT")
	if linter == "" {
		t.Skip("SKIPPED: CFN_LINT names no cfn-lint; make test-infra installs it where there is Python")
	}
	for name, context := range map[string]map[string]any{"committed": committed, "everything": everything} {
		var files []string
		for stack, raw := range synthRaw(t, context) {
			b, err := json.Marshal(raw)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), stack+".json")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		// W3005: CDK states that a function depends on its role and on the role's
		// policy; the former is implied.
		arguments := append([]string{"--ignore-checks", "W3005", "--"}, files...)
		if out, err := exec.CommandContext(t.Context(), linter, arguments...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
