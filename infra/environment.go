//go:build infra

package main

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/aws/jsii-runtime-go"

	"github.com/gapless-rooms/gapless/pkg/config"
)

// wants is the configuration of each function: which variables it reads.
var wants = map[string]reflect.Type{
	"connect":    reflect.TypeFor[config.Connect](),
	"disconnect": reflect.TypeFor[config.Disconnect](),
	"message":    reflect.TypeFor[config.Message](),
	"broadcast":  reflect.TypeFor[config.Broadcaster](),
	"sweep":      reflect.TypeFor[config.Sweeper](),
}

// environment is a function's environment: of the variables that it reads,
// those that we have something to say about. The others keep their defaults;
// the tests see to it that none is left out that has none.
func (a *application) environment(name string) map[string]*string {
	table := func(name string) func() *string {
		return func() *string { return a.data.tables[name].TableName() }
	}
	literal := func(value string) func() *string {
		return func() *string { return jsii.String(value) }
	}
	values := map[string]func() *string{
		"GAPLESS_CONNECTIONS_TABLE": table("connections"),
		"GAPLESS_ROOMS_TABLE":       table("rooms"),
		"GAPLESS_LOG_TABLE":         table("log"),
		"GAPLESS_WAKE_TOPIC":        a.wake.topic.TopicArn,
		"GAPLESS_DEAD_LETTER_QUEUE": a.wake.deadLetters.QueueUrl,
		"GAPLESS_AUTH_SECRET_ARN":   a.data.secret.SecretArn,
		"GAPLESS_JWT_ISSUERS":       literal(a.options.JWTIssuers),
		"GAPLESS_JWKS_URLS":         literal(a.options.JWKSURL),
		"GAPLESS_JWT_AUDIENCES":     literal(a.options.JWTAudiences),
		"GAPLESS_ALLOWED_ORIGINS":   literal(a.options.AllowedOrigins),
		"GAPLESS_AUTH_COOKIE":       literal(a.options.AuthCookie),
		"GAPLESS_OPEN_ROOMS":        literal(strconv.FormatBool(a.options.OpenRooms)),
		"GAPLESS_PUBLISH_RATE":      literal(strconv.Itoa(a.options.PublishRate)),
		"GAPLESS_MAX_CONNECTIONS":   literal(strconv.Itoa(a.options.MaxConnections)),
		"GAPLESS_RETENTION":         literal(strconv.Itoa(a.options.RetentionHours) + "h"),
		"GAPLESS_POSTS_PER_SECOND":  literal(strconv.Itoa(a.options.PostsPerSecond)),
		"GAPLESS_LOG_LEVEL":         literal(a.options.LogLevel),
	}
	if !a.options.signs() {
		delete(values, "GAPLESS_AUTH_SECRET_ARN") // it is either the one or the other
	}
	out := map[string]*string{}
	for _, v := range variables(wants[name]) {
		value := values[v.name]
		if value == nil {
			continue
		}
		if text := value(); *text != "" {
			out[v.name] = text
		}
	}
	return out
}

// endpointVariable is set when the gateway is there: its routes need the
// functions first.
const endpointVariable = "GAPLESS_GATEWAY_ENDPOINT"

// variable is one environment variable of a configuration.
type variable struct {
	name     string
	required bool
}

// variables reads the tags of a configuration's fields.
func variables(t reflect.Type) []variable {
	var out []variable
	for i := range t.NumField() {
		field := t.Field(i)
		if tag, ok := field.Tag.Lookup("env"); ok {
			name, options, _ := strings.Cut(tag, ",")
			_, optional := field.Tag.Lookup("envDefault")
			out = append(out, variable{name, options != "" && !optional})
		} else if field.Type.Kind() == reflect.Struct {
			out = append(out, variables(field.Type)...)
		}
	}
	return out
}
