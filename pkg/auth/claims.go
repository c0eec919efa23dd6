package auth

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Rules say what a token must claim besides being signed. The zero value of a
// field means its default.
type Rules struct {
	// Audiences are the audiences that we accept: a token's aud must name one of
	// them or, if there is no aud, as in Cognito's access tokens, its client_id
	// must. Default: none, and the audience is not checked.
	Audiences []string
	// Leeway is the time by which the clocks of issuer and verifier may differ.
	// Default 5 s.
	Leeway time.Duration
	// MaxLifetime is the longest time from a token's issue to its expiry, and so
	// the time that revocations must be remembered. Default 7 days.
	MaxLifetime time.Duration
	// RoomsClaim is the claim that holds the Permissions, as an object or, for
	// issuers that can only make strings, as a string with the object's JSON.
	// Default "rooms".
	RoomsClaim string
}

// WithDefaults returns r with every zero field set to its default.
func (r Rules) WithDefaults() Rules {
	if r.Leeway == 0 {
		r.Leeway = 5 * time.Second
	}
	if r.MaxLifetime == 0 {
		r.MaxLifetime = 7 * 24 * time.Hour
	}
	if r.RoomsClaim == "" {
		r.RoomsClaim = "rooms"
	}
	return r
}

// claimSet maps the names of a token's claims to their JSON.
type claimSet map[string]jsontext.Value

// get reads a claim into v and reports whether the claim exists.
func (c claimSet) get(name string, v any) (bool, error) {
	raw, ok := c[name]
	if !ok {
		return false, nil
	}
	if err := json.Unmarshal(raw, v); err != nil || raw.Kind() == 'n' {
		return false, invalid("%s has the wrong form", name)
	}
	return true, nil
}

func (c claimSet) text(name string) (string, error) {
	var s string
	_, err := c.get(name, &s)
	return s, err
}

// lastDate is the end of the year 9999. Later dates are mistakes, and would
// overflow.
const lastDate = 253402300799

// date reads a NumericDate (RFC 7519, section 2); zero if the claim is absent.
func (c claimSet) date(name string) (time.Time, error) {
	var seconds float64
	ok, err := c.get(name, &seconds)
	if !ok || err != nil {
		return time.Time{}, err
	}
	if seconds < 0 || seconds > lastDate {
		return time.Time{}, invalid("%s is not a date", name)
	}
	return time.UnixMilli(int64(seconds * 1000)), nil
}

// texts reads a claim that is a string or an array of strings.
func (c claimSet) texts(name string) ([]string, error) {
	if c[name].Kind() == '"' {
		s, err := c.text(name)
		return []string{s}, err
	}
	var all []string
	_, err := c.get(name, &all)
	return all, err
}

// identity checks the claims of a token whose signature is valid. The prefix is
// put before the user's id.
func (r Rules) identity(c claimSet, prefix string, now time.Time) (Identity, error) {
	subject, err := c.text("sub")
	if err != nil {
		return Identity{}, err
	}
	user := prefix + subject
	if subject == "" || !protocol.ValidUser(user) {
		return Identity{}, invalid("sub must be 1 to %d bytes without control characters", protocol.MaxUserBytes-len(prefix))
	}
	if err := r.checkPurpose(c); err != nil {
		return Identity{}, err
	}
	issued, expires, err := r.checkDates(c, now)
	if err != nil {
		return Identity{}, err
	}
	rooms, err := c.permissions(r.RoomsClaim)
	if err != nil {
		return Identity{}, err
	}
	return Identity{User: user, Issued: issued, Expires: expires, Permissions: rooms}, nil
}

// checkPurpose refuses tokens for another audience or another purpose.
func (r Rules) checkPurpose(c claimSet) error {
	use, err := c.text("token_use")
	if err != nil {
		return err
	}
	// https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
	if use != "" && use != "access" && use != "id" {
		return invalid("token_use is neither access nor id")
	}
	if len(r.Audiences) == 0 {
		return nil
	}
	audience, err := c.texts("aud")
	if err != nil {
		return err
	}
	if _, named := c["aud"]; !named && use == "access" {
		client, err := c.text("client_id")
		if err != nil {
			return err
		}
		audience = []string{client}
	}
	for _, a := range audience {
		if slices.Contains(r.Audiences, a) {
			return nil
		}
	}
	return invalid("meant for another audience")
}

// checkDates returns when the token was issued and until when it is valid: its
// expiry or, if that passed within the leeway, the end of the leeway. Permanent
// faults are reported before expiry.
func (r Rules) checkDates(c claimSet, now time.Time) (issued, until time.Time, err error) {
	var dates [3]time.Time
	for i, name := range []string{"iat", "nbf", "exp"} {
		if dates[i], err = c.date(name); err != nil {
			return issued, until, err
		}
	}
	issued, notBefore, expires := dates[0], dates[1], dates[2]
	switch {
	case issued.IsZero() || expires.IsZero():
		return issued, until, invalid("iat or exp is missing")
	case expires.Sub(issued) > r.MaxLifetime:
		return issued, until, invalid("lives longer than %s", r.MaxLifetime)
	case issued.After(now.Add(r.Leeway)), notBefore.After(now.Add(r.Leeway)):
		return issued, until, invalid("not valid yet")
	}
	for _, until := range []time.Time{expires, expires.Add(r.Leeway)} {
		if now.Before(until) {
			return issued, until, nil
		}
	}
	return issued, expires, ErrExpired
}

// permissions reads the claim that holds them; nil if it is absent. A null claim
// grants nothing.
func (c claimSet) permissions(name string) (Permissions, error) {
	raw, ok := c[name]
	if !ok {
		return nil, nil
	}
	if raw.Kind() == '"' {
		inner, err := c.text(name)
		if err != nil {
			return nil, err
		}
		raw = jsontext.Value(inner)
	}
	p := Permissions{}
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, invalid("%s are no permissions", name)
	}
	if p == nil {
		p = Permissions{}
	}
	for pattern := range p {
		if len(pattern) > maxPatternBytes {
			return nil, invalid("%s has a pattern of more than %d bytes", name, maxPatternBytes)
		}
	}
	return p, nil
}
