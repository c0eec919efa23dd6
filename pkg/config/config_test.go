package config

import (
	"maps"
	"strings"
	"testing"
	"time"
)

func complete() map[string]string {
	return map[string]string{
		"GAPLESS_CONNECTIONS_TABLE": "c", "GAPLESS_ROOMS_TABLE": "r", "GAPLESS_LOG_TABLE": "l",
		"GAPLESS_WAKE_TOPIC": "t", "GAPLESS_AUTH_SECRET_ARN": "s",
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, err := Load[Message](complete())
	if err != nil {
		t.Fatal(err)
	}
	if c.Retention != 24*time.Hour || c.Window != 10*time.Minute || c.Heartbeat != 45*time.Second || c.Partitions != 16 || c.OpenRooms {
		t.Errorf("defaults: %+v", c)
	}
}

func TestErrorsNameTheVariable(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"GAPLESS_LOG_TABLE":             "",
		"GAPLESS_AUTH_SECRET_ARN":       "",
		"GAPLESS_RETENTION":             "soon",
		"GAPLESS_CONNECTION_PARTITIONS": "many",
		"GAPLESS_MAX_ROOMS":             "0",
		"GAPLESS_HEARTBEAT":             "-1s",
		"GAPLESS_OPEN_ROOMS":            "perhaps",
	} {
		environ := complete()
		environ[name] = value
		if _, err := Load[Message](environ); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%q: %v", name, value, err)
		}
	}
	if _, err := Load[Message](nil); err == nil || strings.Count(err.Error(), "GAPLESS_") != len(complete()) {
		t.Errorf("an empty environment: %v; want all %d names", err, len(complete()))
	}
}

func TestOneWayOfCheckingTokens(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]map[string]string{
		"GAPLESS_AUTH_SECRET_ARN": {"GAPLESS_AUTH_SECRET_ARN": ""},
		"GAPLESS_JWT_ISSUERS":     {"GAPLESS_JWT_ISSUERS": "https://a", "GAPLESS_JWT_AUDIENCES": "x"},
		"GAPLESS_JWKS_URLS":       {"GAPLESS_JWKS_URLS": "https://a"},
		"GAPLESS_JWT_AUDIENCES":   {"GAPLESS_AUTH_SECRET_ARN": "", "GAPLESS_JWT_ISSUERS": "https://a"},
		"must name as many": {
			"GAPLESS_AUTH_SECRET_ARN": "", "GAPLESS_JWT_ISSUERS": "a=https://a,b=https://b",
			"GAPLESS_JWT_AUDIENCES": "x", "GAPLESS_JWKS_URLS": "https://a",
		},
	} {
		environ := complete()
		maps.Copy(environ, set)
		if _, err := Load[Message](environ); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v; want %s named", set, err, name)
		}
	}
	environ := complete()
	maps.Copy(environ, map[string]string{
		"GAPLESS_AUTH_SECRET_ARN": "", "GAPLESS_JWT_ISSUERS": "a=https://a,b=https://b", "GAPLESS_JWT_AUDIENCES": "x,y",
	})
	if c, err := Load[Message](environ); err != nil || len(c.Issuers) != 2 || len(c.Audiences) != 2 {
		t.Errorf("issuers: %+v, %v", c.Auth, err)
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	for set, name := range map[[2]string]string{
		{"", ""}: "",
		{"https://a.example.com,http://localhost:5173", "__Host-token"}: "",
		{"", "token"}:                 "GAPLESS_AUTH_COOKIE",
		{"*", ""}:                     "GAPLESS_ALLOWED_ORIGINS",
		{"https://*.example.com", ""}: "GAPLESS_ALLOWED_ORIGINS",
		{"https://example.com/", ""}:  "GAPLESS_ALLOWED_ORIGINS",
		{"https://Example.com", ""}:   "GAPLESS_ALLOWED_ORIGINS",
		{"example.com", ""}:           "GAPLESS_ALLOWED_ORIGINS",
		{"null", ""}:                  "GAPLESS_ALLOWED_ORIGINS",
	} {
		environ := complete()
		environ["GAPLESS_ALLOWED_ORIGINS"], environ["GAPLESS_AUTH_COOKIE"] = set[0], set[1]
		_, err := Load[Connect](environ)
		if (err == nil) != (name == "") || (err != nil && !strings.Contains(err.Error(), name)) {
			t.Errorf("%q: %v, want %q named", set, err, name)
		}
	}
}

func TestNeverIsNegative(t *testing.T) {
	t.Parallel()
	environ := complete()
	environ["GAPLESS_PRESENCE_MEMBERS"], environ["GAPLESS_GATEWAY_ENDPOINT"] = "-1", "https://x/y"
	if c, err := Load[Broadcaster](environ); err != nil || c.PresenceMembers != -1 {
		t.Errorf("%+v, %v", c, err)
	}
	environ["GAPLESS_MAX_CONNECTIONS"], environ["GAPLESS_DEAD_LETTER_QUEUE"] = "-1", "https://x"
	if c, err := Load[Sweeper](environ); err != nil || c.MaxConnections != -1 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestRatesFollowFromOneAnother(t *testing.T) {
	t.Parallel()
	environ := complete()
	environ["GAPLESS_PUBLISH_RATE"] = "7"
	c, err := Load[Message](environ)
	if got := c.WithDefaults(); err != nil || got.UserPublishRate != 14 || got.CommandRate != 14 {
		t.Errorf("%+v, %v", got, err)
	}
	environ["GAPLESS_USER_PUBLISH_RATE"], environ["GAPLESS_COMMAND_RATE"] = "3", "5"
	c, err = Load[Message](environ)
	if got := c.WithDefaults(); err != nil || got.UserPublishRate != 3 || got.CommandRate != 5 {
		t.Errorf("%+v, %v", got, err)
	}
	environ["GAPLESS_COMMAND_RATE"] = "-5"
	if _, err := Load[Message](environ); err == nil {
		t.Error("a negative rate was taken")
	}
}
