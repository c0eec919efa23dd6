//go:build infra

package main

import (
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// Options is what can be chosen for a deployment; README.md has the table.
type Options struct {
	// Stage names the deployment: 1 to 20 of a-z, 0-9 and "-". Default dev.
	Stage string
	// Protect keeps the data: deletion protection, point-in-time recovery, and
	// tables and secret outlive their stack. Default: true but for the stages
	// dev and local.
	Protect bool
	// RetentionHours is for how long messages can be replayed. Default 24.
	RetentionHours int
	// OpenRooms grants all rooms to tokens that say nothing of rooms. Default
	// false.
	OpenRooms bool
	// JWTIssuers are those whose tokens are taken, JWKSURL where their keys are,
	// JWTAudiences for whom a token may be meant: each as the functions read it,
	// separated by commas. Default: none, and tokens are checked with the data
	// stack's secret.
	JWTIssuers, JWKSURL, JWTAudiences string
	// AllowedOrigins are the pages' origins that may connect, separated by
	// commas. Default: all. AuthCookie is the cookie that may hold a token, and
	// needs AllowedOrigins. Default: none does.
	AllowedOrigins, AuthCookie string
	// PublishRate is how many messages a second one connection may publish, and
	// half of what one user may publish and one connection may command. Default
	// 50.
	PublishRate int
	// MaxConnections is how many connections one user may have; -1 means any
	// number. Default 100.
	MaxConnections int
	// PostsPerSecond is one broadcaster's share of the account's 10,000
	// requests a second. Default 2,000.
	PostsPerSecond int
	// LogLevel is debug, info, warn or error. Default info.
	LogLevel string
	// LogDays is for how long logs are kept, one of the values that CloudWatch
	// Logs knows. Default 30, in dev and local 7.
	LogDays int
	// ThrottleRate and ThrottleBurst bound the client messages that each route
	// takes, per second and at once; see routeShares for those that take less.
	// Default 2,000 and 1,000: what is left of the account's 10,000 and 5,000 is
	// for @connections.
	ThrottleRate, ThrottleBurst int
	// BroadcastConcurrency reserves so many broadcasters, which also bounds
	// them, and one sweeper; 0 reserves nothing. Default 0 in dev and local
	// (new accounts have 10 in all, of which none can be reserved), else 50.
	BroadcastConcurrency int
	// GatewayAccount sets the role with which API Gateway writes logs, one per
	// account and region: whatever role the account had is not used any more.
	// Without one the stage cannot be made. Default false.
	GatewayAccount bool
	// AlarmEmail gets the alarms. Default: nobody.
	AlarmEmail string
	// AlarmConnections is above how many open connections there is an alarm.
	// Default 10,000.
	AlarmConnections int
	// CustomDomain is served by the certificate, an ARN of ACM in the same
	// region. Default: none.
	CustomDomain, CertificateARN string
}

// signs reports whether tokens are checked with the data stack's secret.
func (o Options) signs() bool { return o.JWTIssuers == "" }

// environmentPrefix is put before an option's name in capitals to give its
// environment variable: GAPLESS_DEPLOY_RETENTION_HOURS.
const environmentPrefix = "GAPLESS_DEPLOY_"

// loadOptions reads the options from the CDK context (-c name=value) or, where
// that says nothing, from the environment.
func loadOptions(app awscdk.App, environ func(string) (string, bool)) (Options, error) {
	all, ok := app.Node().GetAllContext(nil).(map[string]any)
	if !ok {
		return Options{}, errors.New("options: the CDK context is no object")
	}
	return readOptions(func(name string) (string, bool) {
		if v := app.Node().TryGetContext(jsii.String(name)); v != nil {
			return fmt.Sprint(v), true
		}
		return environ(environmentPrefix + screaming(name))
	}, slices.Sorted(maps.Keys(all)))
}

// readOptions reads the options by a look-up. context are the names of all that
// the context holds: one that is no option is an error, as it is a misspelt one.
func readOptions(lookup func(string) (string, bool), context []string) (Options, error) {
	r := reader{lookup: lookup, known: map[string]bool{}}
	o := Options{Stage: r.text("stage", "dev")}
	trial := o.Stage == "dev" || o.Stage == "local"
	o.Protect = r.truth("protect", !trial)
	o.RetentionHours = r.number("retentionHours", 24)
	o.OpenRooms = r.truth("openRooms", false)
	o.JWTIssuers = r.text("jwtIssuers", "")
	o.JWKSURL = r.text("jwksUrl", "")
	o.JWTAudiences = r.text("jwtAudiences", "")
	o.AllowedOrigins = r.text("allowedOrigins", "")
	o.AuthCookie = r.text("authCookie", "")
	o.PublishRate = r.number("publishRate", 50)
	o.MaxConnections = r.number("maxConnections", 100)
	o.PostsPerSecond = r.number("postsPerSecond", 2000)
	o.LogLevel = r.text("logLevel", "info")
	o.LogDays = r.number("logDays", choose(trial, 7, 30))
	o.ThrottleRate = r.number("throttleRate", 2000)
	o.ThrottleBurst = r.number("throttleBurst", 1000)
	o.BroadcastConcurrency = r.number("broadcastConcurrency", choose(trial, 0, 50))
	o.GatewayAccount = r.truth("gatewayAccount", false)
	o.AlarmEmail = r.text("alarmEmail", "")
	o.AlarmConnections = r.number("alarmConnections", 10_000)
	o.CustomDomain = r.text("customDomain", "")
	o.CertificateARN = r.text("certificateArn", "")
	for _, name := range context {
		// The CLI and the library keep their own settings beside ours.
		if !r.known[name] && !strings.ContainsAny(name, "@:") {
			r.fail(name, "no such option")
		}
	}
	r.validate(o)
	if err := errors.Join(r.errs...); err != nil {
		return Options{}, fmt.Errorf("options: %w", err)
	}
	return o, nil
}

var (
	// originName is the form in which browsers send an origin.
	originName = regexp.MustCompile(`^https?://[a-z0-9.-]+(:[0-9]+)?$`)
	stageName  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,19}$`)
	// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
	logDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653}
)

func (r *reader) validate(o Options) {
	check := func(ok bool, name, why string) {
		if !ok {
			r.fail(name, why)
		}
	}
	check(stageName.MatchString(o.Stage), "stage", "must be 1 to 20 of a-z, 0-9 and -")
	check(o.RetentionHours >= 1, "retentionHours", "must be at least 1")
	check(o.PublishRate >= 1, "publishRate", "must be at least 1")
	check(o.MaxConnections >= 1 || o.MaxConnections == -1, "maxConnections", "must be at least 1, or -1 for any number")
	check(o.PostsPerSecond >= 1, "postsPerSecond", "must be at least 1")
	check(slices.Contains([]string{"debug", "info", "warn", "error"}, o.LogLevel), "logLevel", "must be debug, info, warn or error")
	check(slices.Contains(logDays, o.LogDays), "logDays", fmt.Sprintf("must be one of %v", logDays))
	check(o.ThrottleRate >= 1, "throttleRate", "must be at least 1")
	check(o.ThrottleBurst >= 1, "throttleBurst", "must be at least 1")
	check(o.BroadcastConcurrency >= 0, "broadcastConcurrency", "must not be negative")
	check(o.AlarmConnections >= 1, "alarmConnections", "must be at least 1")
	if o.AlarmEmail != "" {
		_, err := mail.ParseAddress(o.AlarmEmail)
		check(err == nil, "alarmEmail", "is no address")
	}
	check((o.JWTIssuers == "") == (o.JWTAudiences == ""), "jwtIssuers", "needs jwtAudiences, and the other way round")
	check(o.JWKSURL == "" || o.JWTIssuers != "", "jwksUrl", "needs jwtIssuers")
	check(o.AuthCookie == "" || o.AllowedOrigins != "", "authCookie", "needs allowedOrigins: any page could connect as its visitor")
	for origin := range strings.SplitSeq(o.AllowedOrigins, ",") {
		check(o.AllowedOrigins == "" || originName.MatchString(origin), "allowedOrigins", strconv.Quote(origin)+" is not like https://app.example.com")
	}
	check((o.CustomDomain == "") == (o.CertificateARN == ""), "customDomain", "needs certificateArn, and the other way round")
}

// reader reads options and gathers what is wrong with them.
type reader struct {
	lookup func(string) (string, bool)
	known  map[string]bool
	errs   []error
}

func (r *reader) fail(name, why string) {
	r.errs = append(r.errs, fmt.Errorf("%s (%s%s): %s", name, environmentPrefix, screaming(name), why))
}

func (r *reader) text(name, otherwise string) string {
	r.known[name] = true
	if v, ok := r.lookup(name); ok && v != "" {
		return v
	}
	return otherwise
}

func (r *reader) number(name string, otherwise int) int {
	v := r.text(name, strconv.Itoa(otherwise))
	n, err := strconv.Atoi(v)
	if err != nil {
		r.fail(name, strconv.Quote(v)+" is no whole number")
	}
	return n
}

func (r *reader) truth(name string, otherwise bool) bool {
	v := r.text(name, strconv.FormatBool(otherwise))
	b, err := strconv.ParseBool(v)
	if err != nil {
		r.fail(name, strconv.Quote(v)+" is neither true nor false")
	}
	return b
}

var hump = regexp.MustCompile(`[A-Z]`)

// screaming turns retentionHours into RETENTION_HOURS.
func screaming(name string) string { return strings.ToUpper(hump.ReplaceAllString(name, "_$0")) }

// title turns connections into Connections.
func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

func choose[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}
