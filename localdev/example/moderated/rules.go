package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/hook"
)

// rules are the application's: an authoriser of its own for machines, rooms that
// belong to teams, and a filter of words. Everything that is not written here is
// as hook.None has it.
type rules struct {
	hook.None
	clock    clock.Clock
	machines map[string]string // name → SHA-256 of its key, in hex
	isMember func(ctx context.Context, user, team string) (bool, error)
	// notify tells a user of a message. A notice that was given already has the
	// same id: a queue that knows the ids of minutes ago gives it once.
	notify func(ctx context.Context, id, user string, p hook.Published) error
}

// newRules is what pkg/rule calls New: it makes the rules of one environment of
// a function. A real application would make a client of its directory here,
// with the AWS configuration of the host, and keep answers for a moment.
func newRules(_ context.Context, host app.Host) (hook.Hooks, error) {
	r := &rules{clock: host.Clock}
	if err := json.Unmarshal([]byte(host.Environ["MACHINES"]), &r.machines); err != nil {
		return nil, fmt.Errorf("MACHINES: %w", err)
	}
	var teams map[string]string // user → team
	if err := json.Unmarshal([]byte(host.Environ["TEAMS"]), &teams); err != nil {
		return nil, fmt.Errorf("TEAMS: %w", err)
	}
	r.isMember = func(_ context.Context, user, team string) (bool, error) { return teams[user] == team, nil }
	r.notify = func(_ context.Context, id, user string, p hook.Published) error {
		_, err := fmt.Fprintf(host.Log, "notice %s: %s was mentioned in %s, number %d\n", id, user, p.Room, p.Seq)
		return err
	}
	return r, nil
}

// Authenticate takes the keys of machines, "key.<name>.<secret>", beside the
// tokens that the deployment takes anyway. A machine may publish into rooms of
// its name, and read nothing.
func (r *rules) Authenticate(ctx context.Context, token string, verify hook.Verify) (auth.Identity, error) {
	key, isKey := strings.CutPrefix(token, "key.")
	if !isKey {
		return verify(ctx, token)
	}
	name, secret, _ := strings.Cut(key, ".")
	sum := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(r.machines[name])) != 1 {
		return auth.Identity{}, auth.ErrInvalid
	}
	return auth.Identity{
		User: "machine:" + name, Issued: r.clock.Now(),
		Permissions: auth.Permissions{"telemetry." + name + ".*": {auth.Publish}},
	}, nil
}

// AuthorizeJoin keeps the rooms of a team, team.<name>.…, to the team. The
// sentence is the same whether there is such a team or not.
func (r *rules) AuthorizeJoin(ctx context.Context, reading hook.Reading) error {
	rest, ofTeam := strings.CutPrefix(reading.Room, "team.")
	if !ofTeam {
		return nil
	}
	team, _, _ := strings.Cut(rest, ".")
	member, err := r.isMember(ctx, reading.User, team)
	if err != nil {
		return fmt.Errorf("ask the directory: %w", err)
	}
	if !member {
		return hook.Refuse("this room belongs to a team that you are not in")
	}
	return nil
}

// The words that are masked, and those with which a message is refused.
var (
	rude   = regexp.MustCompile(`(?i)\b(darn|heck|frak)\b`)
	banned = regexp.MustCompile(`(?i)\bbuy now\b`)
)

// BeforePublish filters the text of chat messages. It looks at the message and
// nothing else, so a repetition meets the same verdict.
func (*rules) BeforePublish(_ context.Context, p hook.Publish) (json.RawMessage, error) {
	var message map[string]any
	_ = json.Unmarshal(p.Data, &message) // what is no object is no chat message
	text, _ := message["text"].(string)
	if banned.MatchString(text) {
		return nil, hook.Refuse("advertisements are not welcome here")
	}
	masked := rude.ReplaceAllStringFunc(text, func(word string) string { return strings.Repeat("*", len(word)) })
	if masked == text {
		return p.Data, nil
	}
	message["text"] = masked
	return json.Marshal(message)
}

var mention = regexp.MustCompile(`@(\w+)`)

// AfterPublish notifies who is mentioned. A repetition of a publish calls it
// again, also for an entry that stood there before: the first call may have died
// half-way.
func (r *rules) AfterPublish(ctx context.Context, p hook.Published) error {
	var message struct{ Text string }
	_ = json.Unmarshal(p.Data, &message) // what is no object mentions nobody
	for _, found := range mention.FindAllStringSubmatch(message.Text, -1) {
		id := fmt.Sprintf("%s/%s/%d/%s", p.Room, p.Epoch, p.Seq, found[1])
		if err := r.notify(ctx, id, found[1], p); err != nil {
			return fmt.Errorf("notify: %w", err)
		}
	}
	return nil
}
