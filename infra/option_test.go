//go:build infra

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func lookup(set map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := set[name]; return v, ok }
}

func TestOptionDefaults(t *testing.T) {
	t.Parallel()
	dev, err := readOptions(lookup(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	if dev.Stage != "dev" || dev.Protect || dev.LogDays != 7 || dev.BroadcastConcurrency != 0 || dev.RetentionHours != 24 {
		t.Errorf("dev: %+v", dev)
	}
	prod, err := readOptions(lookup(map[string]string{"stage": "prod"}), []string{"stage"})
	if err != nil {
		t.Fatal(err)
	}
	if !prod.Protect || prod.LogDays != 30 || prod.BroadcastConcurrency != 50 {
		t.Errorf("prod: %+v", prod)
	}
}

func TestOptionsAreRefused(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"stage": "Prod", "protect": "maybe", "retentionHours": "a day", "postsPerSecond": "0", "logLevel": "loud",
		"logDays": "8", "throttleRate": "-1", "throttleBurst": "0", "broadcastConcurrency": "-1", "alarmEmail": "nobody",
		"customDomain": "rooms.example.com", "jwksUrl": "https://x", "jwtIssuers": "https://x", "allowedOrigins": "*", "authCookie": "session",
		"publishRate": "0", "maxConnections": "0", "alarmConnections": "0",
	} {
		_, err := readOptions(lookup(map[string]string{name: value}), []string{name})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	if _, err := readOptions(lookup(nil), []string{"retention", "@aws-cdk/core:x", "aws:cdk:y"}); err == nil || !strings.Contains(err.Error(), "retention") || strings.Contains(err.Error(), "aws") {
		t.Errorf("unknown option: %v", err)
	}
}

// TestOptionTable holds the table in the README against the options.
func TestOptionTable(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	_, _ = readOptions(func(name string) (string, bool) { asked = append(asked, name); return "", false }, nil)
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-zA-Z]+)` \\| `(GAPLESS_DEPLOY_[A-Z_]+)` \\| [^ |]").FindAllStringSubmatch(string(readme), -1) {
		rows[m[1]] = true
		if m[2] != environmentPrefix+screaming(m[1]) {
			t.Errorf("%s is set by %s", m[1], environmentPrefix+screaming(m[1]))
		}
	}
	for _, name := range asked {
		if !rows[name] {
			t.Errorf("the table lacks %s", name)
		}
		delete(rows, name)
	}
	for name := range rows {
		t.Errorf("the table has %s, which is no option", name)
	}
}
