package config

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
)

// mayBeNegative lists the variables for which -1 means "never".
var mayBeNegative = map[string]bool{"GAPLESS_PRESENCE_MEMBERS": true, "GAPLESS_EPHEMERAL_MEMBERS": true, "GAPLESS_MAX_CONNECTIONS": true}

// mayBeZero lists the variables for which 0 means "derived from another".
var mayBeZero = map[string]bool{
	"GAPLESS_USER_PUBLISH_RATE": true, "GAPLESS_COMMAND_RATE": true, "GAPLESS_USER_COMMAND_RATE": true, "GAPLESS_HEAD_LIFETIME": true,
}

// checkPositive refuses numbers and durations that are zero or negative.
func checkPositive(v reflect.Value) error {
	var errs []error
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		switch {
		case field.Anonymous:
			errs = append(errs, checkPositive(value))
		case value.CanInt() && value.Int() <= 0 && !mayBeNegative[variable(field)] &&
			(value.Int() < 0 || !mayBeZero[variable(field)]):
			errs = append(errs, fmt.Errorf("%s must be greater than zero", variable(field)))
		}
	}
	return errors.Join(errs...)
}

// checkParts checks that the variables of each part of a configuration agree.
func checkParts(v reflect.Value) error {
	var errs []error
	for i := range v.NumField() {
		if part, ok := v.Field(i).Interface().(interface{ check() error }); ok {
			errs = append(errs, part.check())
		}
	}
	return errors.Join(errs...)
}

// check requires exactly one way of checking tokens: with two, the weaker one's
// secret would be enough to impersonate anybody.
func (a Auth) check() error {
	switch {
	case a.SecretARN == "" && len(a.Issuers) == 0:
		return errors.New("GAPLESS_AUTH_SECRET_ARN is empty: set it, or the issuers of tokens")
	case a.SecretARN != "" && len(a.Issuers)+len(a.KeyURLs) > 0:
		return errors.New("GAPLESS_AUTH_SECRET_ARN is set beside GAPLESS_JWT_ISSUERS or GAPLESS_JWKS_URLS: want one of them")
	case len(a.Issuers) > 0 && len(a.Audiences) == 0:
		return errors.New("GAPLESS_JWT_AUDIENCES is empty: an issuer's tokens may be meant for others")
	case len(a.KeyURLs) > 0 && len(a.KeyURLs) != len(a.Issuers):
		return errors.New("GAPLESS_JWKS_URLS must name as many URLs as GAPLESS_JWT_ISSUERS")
	}
	return nil
}

// check refuses a cookie that any page could use, and origins that no browser
// sends, which would match nothing.
func (a Access) check() error {
	var errs []error
	if a.Cookie != "" && len(a.Origins) == 0 {
		errs = append(errs, errors.New("GAPLESS_AUTH_COOKIE needs GAPLESS_ALLOWED_ORIGINS: any page could connect as its visitor"))
	}
	for _, origin := range a.Origins {
		u, err := url.Parse(origin)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || strings.Contains(origin, "*") ||
			origin != strings.ToLower(u.Scheme+"://"+u.Host) {
			errs = append(errs, fmt.Errorf("GAPLESS_ALLOWED_ORIGINS: %q is not like https://app.example.com", origin))
		}
	}
	return errors.Join(errs...)
}

// variable is the environment variable of a field.
func variable(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
	return name
}
