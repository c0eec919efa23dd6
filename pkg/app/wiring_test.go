package app_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/config"
	"github.com/gapless-rooms/gapless/pkg/hook"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

// setting describes the effect of a variable: what is seen without it, or with
// the value of `with`, and what with its value.
type setting struct {
	function, variable, value string
	with                      map[string]string // set in both runs
	run                       func(d *deployment) string
	before, after             string
}

// functions maps functions to their configurations.
var functions = map[string]reflect.Type{
	"connect": reflect.TypeFor[config.Connect](), "disconnect": reflect.TypeFor[config.Disconnect](),
	"message": reflect.TypeFor[config.Message](), "broadcast": reflect.TypeFor[config.Broadcaster](),
	"sweep": reflect.TypeFor[config.Sweeper](), "revocations": reflect.TypeFor[config.Revocations](),
	"tickets": reflect.TypeFor[config.Tickets](), "rebalance": reflect.TypeFor[config.Rebalance](),
}

// unseen are variables that a function reads, as parts of groups, but does not
// use.
var unseen = map[string]string{
	"connect GAPLESS_ROOMS_TABLE":          "it writes connections only",
	"connect GAPLESS_LOG_TABLE":            "it writes connections only",
	"connect GAPLESS_OPEN_ROOMS":           "permissions are kept as the token has them, and decided on later",
	"connect GAPLESS_IDLE_AFTER":           "the sweeper's",
	"connect AWS_LAMBDA_FUNCTION_NAME":     "it writes no metrics",
	"disconnect GAPLESS_LOG_TABLE":         "it knows no log",
	"disconnect AWS_LAMBDA_FUNCTION_NAME":  "it writes no metrics",
	"message GAPLESS_HOLE_WAIT":            "drains alone wait for holes",
	"message GAPLESS_IDLE_AFTER":           "the sweeper's",
	"message AWS_LAMBDA_FUNCTION_NAME":     "it writes no metrics",
	"broadcast GAPLESS_IDEMPOTENCY_WINDOW": "it appends nothing",
	"broadcast GAPLESS_HEAD_LIFETIME":      "it appends nothing",
	"sweep GAPLESS_LOG_TABLE":              "it knows no log",
	"tickets GAPLESS_JWT_LEEWAY":           "a ticket has no clock but ours",
}

// variables returns the variables of a configuration.
func variables(of reflect.Type) []string {
	var names []string
	for i := range of.NumField() {
		if f := of.Field(i); f.Anonymous {
			names = append(names, variables(f.Type)...)
		} else {
			name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
			names = append(names, name)
		}
	}
	return names
}

// TestEachSettingIsSeen changes each variable of each function and checks what
// the function then does.
func TestEachSettingIsSeen(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for _, s := range settings {
		pair := s.function + " " + s.variable
		tried[pair] = true
		t.Run(pair, func(t *testing.T) {
			t.Parallel()
			for _, run := range []struct {
				set  map[string]string
				want string
			}{{nil, s.before}, {map[string]string{s.variable: s.value}, s.after}} {
				synctest.Test(t, func(t *testing.T) {
					d := deploy(t, s.with, run.set)
					if got := s.run(d); got != run.want {
						t.Errorf("with %v: saw %q, want %q\n%s", run.set, got, run.want, strings.Join(d.calls, "\n"))
					}
				})
			}
			if s.before == s.after {
				t.Error("nothing changes")
			}
		})
	}
	var want []string
	for function, of := range functions {
		for _, name := range variables(of) {
			want = append(want, function+" "+name)
		}
	}
	for _, pair := range want {
		if _, excused := unseen[pair]; excused == tried[pair] {
			t.Errorf("%s: tried is %v, said to be of no use is %v", pair, tried[pair], excused)
		}
	}
	for pair := range tried {
		if !slices.Contains(want, pair) {
			t.Errorf("%s is not a setting", pair)
		}
	}
	for pair := range maps.Keys(unseen) {
		if !slices.Contains(want, pair) {
			t.Errorf("%s is not a setting", pair)
		}
	}
}

const tableOf = `"TableName":"((?:other-)?\w+)"`

func partition(id string, n uint32) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return fmt.Sprint(h.Sum32() % n)
}

// asks are the settings that connect and message share, because both check a
// token.
func asks(function string, take func(d *deployment, token string) string) []setting {
	const good, bad = "good", "bad"
	issuer := map[string]string{
		"GAPLESS_AUTH_SECRET_ARN": "", "GAPLESS_JWT_ISSUERS": "https://issuer.example.com", "GAPLESS_JWT_AUDIENCES": "rooms",
		"GAPLESS_JWKS_URLS": "https://keys.example.com/keys",
	}
	byIssuer := func(d *deployment) string { return take(d, d.issued("keys.example.com/keys")) }
	with := func(change map[string]any) func(d *deployment) string {
		return func(d *deployment) string { return take(d, d.token(change)) }
	}
	return []setting{
		{function, "GAPLESS_AUTH_SECRET_ARN", "other", nil, func(d *deployment) string {
			take(d, d.token(nil))
			return d.called(`"SecretId":"(\w+)"`)
		}, "secret", "other"},
		{function, "GAPLESS_JWT_ISSUERS", "https://other.example.com", issuer, byIssuer, good, bad},
		{function, "GAPLESS_JWT_AUDIENCES", "others", issuer, byIssuer, good, bad},
		{function, "GAPLESS_JWKS_URLS", "https://other.example.com/keys", issuer, byIssuer, good, bad},
		{function, "GAPLESS_JWT_MAX_LIFETIME", "30m", nil, with(nil), good, bad},
		{function, "GAPLESS_JWT_LEEWAY", "1s", nil, func(d *deployment) string {
			return take(d, d.token(map[string]any{"iat": time.Now().Unix() + 3}))
		}, good, bad},
		{function, "GAPLESS_JWT_ROOMS_CLAIM", "grants", nil, func(d *deployment) string {
			take(d, d.token(map[string]any{"rooms": auth.Permissions{"a": {auth.Join}}, "grants": auth.Permissions{"b": {auth.Join}}}))
			return d.called(`"(?:p|:p)":\{"S":"\{\\"(\w+)`)
		}, "a", "b"},
		{function, "GAPLESS_HOOK_TIMEOUT", "5s", nil, func(d *deployment) string {
			d.hooks = slowly{}
			return take(d, d.token(nil))
		}, bad, good},
	}
}

// slowly are hooks that take three seconds and refuse everybody.
type slowly struct{ hook.None }

func (slowly) Authenticate(ctx context.Context, token string, verify hook.Verify) (auth.Identity, error) {
	select {
	case <-time.After(3 * time.Second):
		return verify(ctx, token)
	case <-ctx.Done():
		return auth.Identity{}, ctx.Err()
	}
}

func (slowly) AuthorizeJoin(ctx context.Context, r hook.Reading) error {
	if !r.Staying {
		return nil
	}
	select {
	case <-time.After(3 * time.Second):
		return hook.Refuse("no")
	case <-ctx.Done():
		return ctx.Err()
	}
}

var settings = slices.Concat(
	asks("connect", func(d *deployment, token string) string {
		if d.connect("c", bearer(token)) == "200" {
			return "good"
		}
		return "bad"
	}),
	[]setting{
		{"connect", "GAPLESS_CONNECTIONS_TABLE", "other-connections", nil, func(d *deployment) string {
			d.connect("c", nil)
			return d.called(`^PutItem .*` + tableOf)
		}, "connections", "other-connections"},
		{"connect", "GAPLESS_CONNECTION_PARTITIONS", "1000", nil, func(d *deployment) string {
			d.connect("c", nil)
			return d.called(`^PutItem .*"c#(\d+)"`)
		}, partition("c", 16), partition("c", 1000)},
		{"connect", "GAPLESS_AUTH_GRACE", "20s", nil, func(d *deployment) string { d.connect("c", nil); return d.until(`^PutItem `, `"ck":\{"N":"(\d+)"`) }, "10s", "20s"},
		{"connect", "GAPLESS_CHECK_EVERY", "7m", nil, func(d *deployment) string {
			d.connect("c", bearer(d.token(nil)))
			return d.until(`^PutItem `, `"ck":\{"N":"(\d+)"`)
		}, "10m0s", "7m0s"},
		{"connect", "GAPLESS_ALLOWED_ORIGINS", "https://b.example.com", nil, func(d *deployment) string {
			return d.connect("c", map[string]string{"Origin": "https://a.example.com"})
		}, "200", "403"},
		{"connect", "GAPLESS_AUTH_COOKIE", "t", map[string]string{"GAPLESS_ALLOWED_ORIGINS": "https://a.example.com"}, func(d *deployment) string {
			d.connect("c", map[string]string{"Origin": "https://a.example.com", "Cookie": "t=" + d.token(nil)})
			return d.called(`^PutItem .*"u":\{"S":"(\w+)"`)
		}, "", "ada"},
		{"connect", "GAPLESS_LOG_LEVEL", "error", nil, func(d *deployment) string {
			d.connect("c", bearer("bad"))
			return d.logged("handshake refused")
		}, "true", "false"},
	},
	[]setting{
		{"disconnect", "GAPLESS_CONNECTIONS_TABLE", "other-connections", nil, func(d *deployment) string {
			d.disconnect("c")
			return d.called(`^GetItem .*` + tableOf)
		}, "connections", "other-connections"},
		{"disconnect", "GAPLESS_CONNECTION_PARTITIONS", "1000", nil, func(d *deployment) string {
			d.disconnect("c")
			return d.called(`^GetItem .*"c#(\d+)"`)
		}, partition("c", 16), partition("c", 1000)},
		{"disconnect", "GAPLESS_ROOMS_TABLE", "other-rooms", nil, func(d *deployment) string {
			d.joined("c", "r")
			d.disconnect("c")
			return d.called(`^DeleteItem .*"m#r.*` + tableOf)
		}, "rooms", "other-rooms"},
		{"disconnect", "GAPLESS_WAKE_TOPIC", "arn:aws:sns:us-east-1:000000000000:other", nil, func(d *deployment) string {
			d.joined("c", "r")
			d.forget()
			d.disconnect("c")
			return d.called(`TopicArn=\S*%3A(\w+)`)
		}, "wake", "other"},
		{"disconnect", "GAPLESS_LOG_LEVEL", "error", nil, func(d *deployment) string {
			d.joined("c", "r")
			d.wakes = errors.New("broken")
			d.disconnect("c")
			return d.logged("could not tell rooms who left")
		}, "true", "false"},
	},
	asks("message", func(d *deployment, token string) string {
		d.connect("c", nil)
		if strings.Contains(d.say("c", `{"action":"hello","id":1,"token":"`+token+`"}`), `"ok"`) {
			return "good"
		}
		return "bad"
	}),
	[]setting{
		{"message", "GAPLESS_CONNECTIONS_TABLE", "other-connections", nil, func(d *deployment) string {
			d.say("c", `{"action":"history","id":1,"room":"r","since":0}`)
			return d.called(`^GetItem .*"c#.*` + tableOf)
		}, "connections", "other-connections"},
		{"message", "GAPLESS_CONNECTION_PARTITIONS", "1000", nil, func(d *deployment) string {
			d.say("c", `{"action":"history","id":1,"room":"r","since":0}`)
			return d.called(`^GetItem .*"c#(\d+)"`)
		}, partition("c", 16), partition("c", 1000)},
		{"message", "GAPLESS_ROOMS_TABLE", "other-rooms", nil, func(d *deployment) string {
			d.joined("c", "r")
			return d.called(`^PutItem .*"m#r.*`+tableOf) + " " + d.called(`^GetItem .*"h#r.*`+tableOf)
		}, "rooms rooms", "other-rooms other-rooms"},
		{"message", "GAPLESS_LOG_TABLE", "other-log", nil, publishing(func(d *deployment) string { return d.called(`^PutItem .*"e#r.*` + tableOf) }), "log", "other-log"},
		{"message", "GAPLESS_WAKE_TOPIC", "arn:aws:sns:us-east-1:000000000000:other", nil, publishing(func(d *deployment) string { return d.called(`TopicArn=\S*%3A(\w+)`) }), "wake", "other"},
		{"message", "GAPLESS_OPEN_ROOMS", "false", nil, func(d *deployment) string {
			d.connect("c", bearer(d.token(nil)))
			return fmt.Sprint(strings.Contains(d.say("c", `{"action":"history","id":1,"room":"r","since":0}`), "forbidden"))
		}, "false", "true"},
		{"message", "GAPLESS_AUTH_GRACE", "20s", nil, func(d *deployment) string {
			d.connect("c", nil)
			return fmt.Sprint(strings.Contains(d.sayAt("c", `{"action":"hello","id":1,"token":"`+d.token(nil)+`"}`, time.Now().Add(-15*time.Second)), `"ok"`))
		}, "false", "true"},
		{"message", "GAPLESS_CHECK_EVERY", "7m", nil, func(d *deployment) string {
			d.connect("c", nil)
			d.say("c", `{"action":"hello","id":1,"token":"`+d.token(nil)+`"}`)
			return d.until(`^UpdateItem .*":ck"`, `":ck":\{"N":"(\d+)"`)
		}, "10m0s", "7m0s"},
		{"message", "GAPLESS_RETENTION", "48h", nil, publishing(func(d *deployment) string { return d.until(`^PutItem .*"e#r`, `"x":\{"N":"(\d+)"`) }), "24h0m0s", "48h0m0s"},
		{"message", "GAPLESS_IDEMPOTENCY_WINDOW", "20m", nil, publishing(func(d *deployment) string { return d.until(`^UpdateItem .*"k#r`, `":x":\{"N":"(\d+)"`) }), "10m0s", "20m0s"},
		{"message", "GAPLESS_HEAD_LIFETIME", "100h", nil, publishing(func(d *deployment) string { return d.until(`^UpdateItem .*":fresh"`, `":x":\{"N":"(\d+)"`) }), "73h0m0s", "101h0m0s"}, // rounded up by an hour
		{"message", "GAPLESS_HEARTBEAT", "33s", nil, func(d *deployment) string {
			d.joined("c")
			_, after, _ := strings.Cut(d.say("c", `{"action":"hello","id":1}`), `"heartbeatMs":`)
			ms, _, _ := strings.Cut(after, ",")
			return ms
		}, "45000", "33000"},
		{"message", "GAPLESS_MAX_ROOMS", "1", nil, func(d *deployment) string {
			d.joined("c", "a")
			return fmt.Sprint(strings.Contains(d.say("c", `{"action":"join","id":1,"room":"b"}`), "at most 1 rooms"))
		}, "false", "true"},
		{"message", "GAPLESS_PUBLISH_RATE", "1", map[string]string{"GAPLESS_COMMAND_RATE": "100", "GAPLESS_USER_PUBLISH_RATE": "100"}, flooding(publish), "0", "2"},
		{"message", "GAPLESS_USER_PUBLISH_RATE", "1", nil, flooding(publish), "0", "2"},
		{"message", "GAPLESS_COMMAND_RATE", "1", map[string]string{"GAPLESS_USER_COMMAND_RATE": "100"}, flooding(history), "0", "2"},
		{"message", "GAPLESS_USER_COMMAND_RATE", "1", nil, flooding(history), "0", "2"},
		{"message", "GAPLESS_JOIN_RATE", "1", nil, flooding(func(i int) string { return fmt.Sprintf(`{"action":"join","id":1,"room":"r%d"}`, i) }), "0", "2"},
		{"message", "GAPLESS_EPHEMERAL_RATE", "1", nil, flooding(func(int) string { return `{"action":"publish","id":1,"room":"r","data":1,"ephemeral":true}` }), "0", "2"},
		{"message", "GAPLESS_LOG_LEVEL", "error", nil, func(d *deployment) string {
			d.connect("c", nil)
			d.say("c", `{"action":"hello","id":1,"token":"bad"}`)
			return d.logged("token refused")
		}, "true", "false"},
	},
	[]setting{
		{"broadcast", "GAPLESS_CONNECTIONS_TABLE", "other-connections", nil, refusing(func(d *deployment) string { return d.called(`^(?:UpdateItem|GetItem) .*"c#.*` + tableOf) }), "connections", "other-connections"},
		{"broadcast", "GAPLESS_CONNECTION_PARTITIONS", "1000", nil, refusing(func(d *deployment) string { return d.called(`^(?:UpdateItem|GetItem) .*"c#(\d+)"`) }), partition("c", 16), partition("c", 1000)},
		{"broadcast", "GAPLESS_ROOMS_TABLE", "other-rooms", nil, draining(func(d *deployment) string {
			return d.called(`^UpdateItem .*"h#r.*`+tableOf) + " " + d.called(`^Query .*"m#r.*`+tableOf)
		}), "rooms rooms", "other-rooms other-rooms"},
		{"broadcast", "GAPLESS_LOG_TABLE", "other-log", nil, draining(func(d *deployment) string { return d.called(`^Query .*"e#r.*` + tableOf) }), "log", "other-log"},
		{"broadcast", "GAPLESS_GATEWAY_ENDPOINT", "https://other.example.com/stage", nil, draining(func(d *deployment) string { return d.called(`^POST https://(\w+)\.example\.com/stage/@connections/c `) }), "gateway", "other"},
		{"broadcast", "GAPLESS_WAKE_TOPIC", "arn:aws:sns:us-east-1:000000000000:other", nil, func(d *deployment) string {
			d.backlog("c")
			ctx, cancel := context.WithTimeout(d.t.Context(), 3*time.Second)
			defer cancel()
			d.wake(ctx, drain) // no time is left: it hands over
			return d.called(`TopicArn=\S*%3A(\w+)`)
		}, "wake", "other"},
		{"broadcast", "GAPLESS_RETENTION", "48h", nil, func(d *deployment) string {
			d.hole()
			d.wake(d.t.Context(), drain)
			return d.until(`^PutItem .*"e#r`, `"x":\{"N":"(\d+)"`)
		}, "24h0m0s", "48h0m0s"},
		{"broadcast", "GAPLESS_HOLE_WAIT", "3s", nil, func(d *deployment) string {
			d.hole()
			return d.takes(drain)
		}, "1s", "3s"},
		{"broadcast", "GAPLESS_LINGER", "2s", nil, func(d *deployment) string {
			d.backlog("c")
			came := 0
			d.post = func(string) int {
				if came++; came <= 2 {
					d.say("p", `{"action":"publish","id":1,"room":"r","data":2}`)
				}
				return http.StatusOK
			}
			d.wake(d.t.Context(), drain)
			if len(d.posts) != 3 {
				return fmt.Sprint(len(d.posts), " posts")
			}
			return d.posts[2].Sub(d.posts[1]).String()
		}, "100ms", "2s"},
		{"broadcast", "GAPLESS_SLOW_AFTER", "6s", nil, func(d *deployment) string {
			d.backlog("c", "slow")
			d.post = func(id string) int {
				if id == "slow" {
					return http.StatusTooManyRequests
				}
				return http.StatusOK
			}
			return fmt.Sprint(took(d, drain) > 4*time.Second)
		}, "false", "true"},
		{"broadcast", "GAPLESS_POSTS_PER_SECOND", "1", nil, func(d *deployment) string {
			d.backlog("c", "d", "e", "f")
			return fmt.Sprint(took(d, drain) >= 2*time.Second)
		}, "false", "true"},
		{"broadcast", "GAPLESS_PRESENCE_MEMBERS", "-1", nil, func(d *deployment) string {
			d.backlog("c")
			d.wake(d.t.Context(), `{"kind":"presence","room":"r","user":"bob","origin":"x"}`)
			return fmt.Sprint(len(d.posts))
		}, "1", "0"},
		{"broadcast", "GAPLESS_EPHEMERAL_MEMBERS", "-1", nil, func(d *deployment) string {
			d.backlog("c")
			d.wake(d.t.Context(), `{"kind":"ephemeral","room":"r","user":"bob","data":1}`)
			return fmt.Sprint(len(d.posts))
		}, "1", "0"},
		{"broadcast", "GAPLESS_LOG_LEVEL", "error+1", nil, func(d *deployment) string {
			d.wake(d.t.Context(), `poison`)
			return d.logged("skipped an unreadable wake-up")
		}, "true", "false"},
		{"broadcast", "AWS_LAMBDA_FUNCTION_NAME", "mine", nil, func(d *deployment) string {
			d.backlog("c")
			time.Sleep(5 * time.Second)
			d.wake(d.t.Context(), drain)
			return d.logged(`"FunctionName":"none"`) + " " + d.logged(`"FunctionName":"mine"`)
		}, "true false", "false true"},
	},
	[]setting{
		{"sweep", "GAPLESS_CONNECTIONS_TABLE", "other-connections", nil, sweeping(func(d *deployment) string { return d.called(`^Query .*` + tableOf) }), "connections", "other-connections"},
		{"sweep", "GAPLESS_CONNECTION_PARTITIONS", "1000", nil, sweeping(func(d *deployment) string { return fmt.Sprint(d.called(`^Query .*"(c#999)"`) != "") }), "false", "true"},
		{"sweep", "GAPLESS_ROOMS_TABLE", "other-rooms", nil, ending(func(d *deployment) string { return d.called(`^DeleteItem .*"m#r.*` + tableOf) }), "rooms", "other-rooms"},
		{"sweep", "GAPLESS_WAKE_TOPIC", "arn:aws:sns:us-east-1:000000000000:other", nil, ending(func(d *deployment) string { return d.called(`TopicArn=\S*%3A(\w+)`) }), "wake", "other"},
		{"sweep", "GAPLESS_GATEWAY_ENDPOINT", "https://other.example.com/stage", nil, ending(func(d *deployment) string { return d.called(`^DELETE https://(\w+)\.example`) }), "gateway", "other"},
		{"sweep", "GAPLESS_DEAD_LETTER_QUEUE", "https://sqs.example.com/others", nil, sweeping(func(d *deployment) string { return d.called(`"QueueUrl":"https://sqs.example.com/(\w+)"`) }), "letters", "others"},
		{"sweep", "GAPLESS_JWT_MAX_LIFETIME", "1h", nil, func(d *deployment) string { return d.revoked(2*time.Hour, 0) }, "true", "false"},
		{"sweep", "GAPLESS_JWT_LEEWAY", "1s", nil, func(d *deployment) string { return d.revoked(0, 3*time.Second) }, "true", "false"},
		{"sweep", "GAPLESS_OPEN_ROOMS", "false", nil, func(d *deployment) string {
			d.environ["GAPLESS_OPEN_ROOMS"], d.environ["set"] = "true", d.environ["GAPLESS_OPEN_ROOMS"]
			d.joined("c", "r")
			d.environ["GAPLESS_OPEN_ROOMS"] = d.environ["set"]
			d.forget()
			_, _ = d.sweep()
			return fmt.Sprint(d.called(`^UpdateItem .*"(m#r)`) != "")
		}, "false", "true"},
		{"sweep", "GAPLESS_HOOK_TIMEOUT", "5s", map[string]string{"GAPLESS_IDLE_AFTER": "1h"}, func(d *deployment) string {
			d.hooks = slowly{}
			d.environ["GAPLESS_HOOK_TIMEOUT"], d.environ["set"] = "5s", d.environ["GAPLESS_HOOK_TIMEOUT"]
			d.joined("c", "r")
			d.environ["GAPLESS_HOOK_TIMEOUT"] = max(d.environ["set"], "2s")
			time.Sleep(10 * time.Minute)
			d.forget()
			_, _ = d.sweep()
			return fmt.Sprint(d.called(`^UpdateItem .*"(m#r)`) != "")
		}, "false", "true"},
		{"sweep", "GAPLESS_MAX_CONNECTIONS", "1", nil, func(d *deployment) string {
			d.joined("c")
			time.Sleep(time.Second)
			d.joined("d")
			_, _ = d.sweep()
			return d.called(`^DELETE https://.*/@connections/(\w+)`)
		}, "", "d"},
		{"sweep", "GAPLESS_CHECK_EVERY", "7m", map[string]string{"GAPLESS_IDLE_AFTER": "1h"}, func(d *deployment) string {
			d.joined("c")
			time.Sleep(10 * time.Minute)
			_, _ = d.sweep()
			return d.until(`^UpdateItem .*":ck"`, `":ck":\{"N":"(\d+)"`)
		}, "10m0s", "7m0s"},
		{"sweep", "GAPLESS_IDLE_AFTER", "1h", nil, func(d *deployment) string {
			d.joined("c")
			time.Sleep(10 * time.Minute)
			report, err := d.sweep()
			return fmt.Sprint(report.Ended, err)
		}, "1 <nil>", "0 <nil>"},
		{"sweep", "GAPLESS_LOG_LEVEL", "error", nil, sweeping(func(d *deployment) string { return d.logged("swept") }), "true", "false"},
		{"sweep", "AWS_LAMBDA_FUNCTION_NAME", "mine", nil, sweeping(func(d *deployment) string {
			return d.logged(`"FunctionName":"none"`) + " " + d.logged(`"FunctionName":"mine"`)
		}), "true false", "false true"},
	},
	[]setting{
		{"revocations", "GAPLESS_CONNECTIONS_TABLE", "other-connections", nil, func(d *deployment) string {
			d.revoke(0)
			return d.called(`^UpdateItem .*` + tableOf)
		}, "connections", "other-connections"},
		{"revocations", "GAPLESS_JWT_MAX_LIFETIME", "1h", nil, func(d *deployment) string { return d.dropped(2 * time.Hour) }, "false", "true"},
		{"revocations", "GAPLESS_JWT_LEEWAY", "1h", nil, func(d *deployment) string { return d.dropped(168*time.Hour + time.Minute) }, "true", "false"},
		{"tickets", "GAPLESS_CONNECTIONS_TABLE", "other-connections", nil, func(d *deployment) string {
			_ = d.ticket(time.Hour)
			return d.called(`^PutItem .*` + tableOf)
		}, "connections", "other-connections"},
		{"tickets", "GAPLESS_JWT_MAX_LIFETIME", "1h", nil, func(d *deployment) string { return fmt.Sprint(d.ticket(2*time.Hour) == nil) }, "true", "false"},
		{"rebalance", "GAPLESS_CONNECTIONS_TABLE", "other-connections", nil, func(d *deployment) string {
			_, _ = app.Rebalance(d.t.Context(), d.host(), 1)
			return d.called(`^Query .*` + tableOf)
		}, "connections", "other-connections"},
		{"rebalance", "GAPLESS_CONNECTION_PARTITIONS", "1000", nil, func(d *deployment) string {
			_, _ = app.Rebalance(d.t.Context(), d.host(), 1)
			return d.called(`^Query .*"c#(\d+)"`)
		}, "15", "999"},
	},
)

func publish(int) string { return `{"action":"publish","id":1,"room":"r","data":1}` }

func history(int) string { return `{"action":"history","id":1,"room":"r","since":0}` }

// flooding sends twelve commands, where a window at one a second allows ten.
func flooding(body func(int) string) func(d *deployment) string {
	return func(d *deployment) string {
		d.joined("c")
		return d.flood("c", 12, body)
	}
}

// publishing publishes with a key and then calls look.
func publishing(look func(d *deployment) string) func(d *deployment) string {
	return func(d *deployment) string {
		d.joined("c")
		d.forget()
		d.say("c", `{"action":"publish","id":1,"room":"r","key":"k","data":1}`)
		return look(d)
	}
}

// backlog makes connections join room r, and another publish a message there.
func (d *deployment) backlog(ids ...string) {
	d.t.Helper()
	d.joined("p")
	for _, id := range ids {
		d.joined(id, "r")
	}
	if reply := d.say("p", publish(0)); !strings.Contains(reply, `"ok"`) {
		d.t.Fatal(reply)
	}
	d.forget()
}

// hole takes a number whose writer then dies.
func (d *deployment) hole() {
	d.t.Helper()
	d.backlog("c")
	d.wake(d.t.Context(), drain)
	_, err := dynamo.NewLog(awsdynamodb.NewFromConfig(d.sdk()), d.environ["GAPLESS_ROOMS_TABLE"], d.environ["GAPLESS_LOG_TABLE"], slog.New(slog.DiscardHandler)).
		TakeNumber(d.t.Context(), msglog.TakeParams{Room: "r", Now: time.Now(), Expires: time.Now().Add(time.Hour)})
	if err != nil {
		d.t.Fatal(err)
	}
	d.forget()
}

func draining(look func(d *deployment) string) func(d *deployment) string {
	return func(d *deployment) string {
		d.backlog("c")
		d.wake(d.t.Context(), drain)
		return look(d)
	}
}

// refusing drains to a connection that is gone, and then calls look.
func refusing(look func(d *deployment) string) func(d *deployment) string {
	return func(d *deployment) string {
		d.backlog("c")
		d.post = func(string) int { return http.StatusGone }
		d.wake(d.t.Context(), drain)
		return look(d)
	}
}

func took(d *deployment, message string) time.Duration {
	began := time.Now()
	d.wake(d.t.Context(), message)
	return time.Since(began)
}

func (d *deployment) takes(message string) string {
	return took(d, message).Round(time.Second).String()
}

func sweeping(look func(d *deployment) string) func(d *deployment) string {
	return func(d *deployment) string {
		_, _ = d.sweep()
		return look(d)
	}
}

// ending sweeps a connection in room r whose token has expired.
func ending(look func(d *deployment) string) func(d *deployment) string {
	return func(d *deployment) string {
		d.joined("c", "r")
		time.Sleep(2 * time.Hour)
		d.forget()
		if _, err := d.sweep(); err != nil {
			return err.Error()
		}
		return look(d)
	}
}

func (d *deployment) revocations() revocation.Store {
	d.t.Helper()
	store, err := app.Revocations(d.t.Context(), d.host())
	if err != nil {
		d.t.Fatal(err)
	}
	return store
}

// revoke revokes the tokens issued to ada until ago before now.
func (d *deployment) revoke(ago time.Duration) {
	d.t.Helper()
	if err := d.revocations().Revoke(d.t.Context(), revocation.Revocation{User: "ada", At: time.Now().Add(-ago)}); err != nil {
		d.t.Fatal(err)
	}
}

// dropped revokes twice, and reports whether the first revocation was dropped so
// much later.
func (d *deployment) dropped(later time.Duration) string {
	d.revoke(0)
	time.Sleep(later)
	if err := d.revocations().Revoke(d.t.Context(), revocation.Revocation{User: "ada", Session: "s", At: time.Now()}); err != nil {
		d.t.Fatal(err)
	}
	return fmt.Sprint(d.called(`(REMOVE)`) != "")
}

// revoked sweeps ada's connection after a revocation that time ago, of a token
// dated later by the given time. It reports whether the connection was ended.
func (d *deployment) revoked(ago, dated time.Duration) string {
	d.t.Helper()
	d.hooks = dating{issued: time.Now().Add(dated)}
	d.joined("c")
	d.hooks = nil
	long := d.environ["GAPLESS_JWT_MAX_LIFETIME"]
	delete(d.environ, "GAPLESS_JWT_MAX_LIFETIME")
	d.revoke(0)
	if long != "" {
		d.environ["GAPLESS_JWT_MAX_LIFETIME"] = long
	}
	time.Sleep(ago)
	report, err := d.sweep()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(report.Ended == 1 && d.called(`^POST .*"code":(\d+)`) == "3503")
}

// dating are hooks that date tokens, which then never expire.
type dating struct {
	hook.None
	issued time.Time
}

func (h dating) Authenticate(context.Context, string, hook.Verify) (auth.Identity, error) {
	return auth.Identity{User: "ada", Issued: h.issued}, nil
}

func (d *deployment) ticket(stay time.Duration) error {
	d.t.Helper()
	office, err := app.Tickets(d.t.Context(), d.host())
	if err != nil {
		d.t.Fatal(err)
	}
	_, err = office.Issue(d.t.Context(), ticket.Params{User: "ada", Stay: stay})
	return err
}
