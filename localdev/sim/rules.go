package sim

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/hook"
)

// rules are an application's own. They refuse who is banned, note what was
// published, and fail, hang and panic while faults happen.
type rules struct {
	hook.None
	w *world
}

var errRules = errors.New("the application's directory is down (injected)")

// trouble lets a hook go wrong in one call of six.
func (r rules) trouble(ctx context.Context, name string) error {
	if r.w.quiet.Load() {
		return nil
	}
	n := strconv.Itoa(r.w.ids.count("hook " + name))
	switch digest("hook", strconv.FormatUint(r.w.Seed, 16), name, n) % 36 {
	case 0, 1, 2:
		return errRules
	case 3:
		<-ctx.Done() // the hook's time-out
		return ctx.Err()
	case 4:
		panic("injected into hook " + name)
	case 5:
		return hook.TryAgain(200*time.Millisecond, "not now (injected)")
	}
	return nil
}

func (r rules) Authenticate(ctx context.Context, token string, verify hook.Verify) (auth.Identity, error) {
	if err := r.trouble(ctx, "Authenticate"); errors.Is(err, errRules) {
		return auth.Identity{}, errors.Join(auth.ErrUnavailable, err)
	} else if err != nil {
		return auth.Identity{}, err
	}
	return verify(ctx, token)
}

func (r rules) AuthorizeJoin(ctx context.Context, reading hook.Reading) error {
	if err := r.trouble(ctx, "AuthorizeJoin"); err != nil {
		return err
	}
	if r.w.bannedAt(reading.User, reading.Room) > 0 {
		return hook.Refuse("banned")
	}
	return nil
}

func (r rules) BeforePublish(ctx context.Context, _ hook.Publish) (json.RawMessage, error) {
	return nil, r.trouble(ctx, "BeforePublish")
}

func (r rules) AfterPublish(ctx context.Context, p hook.Published) error {
	r.w.check.told(place{p.Room, p.Epoch, p.Seq})
	return r.trouble(ctx, "AfterPublish")
}

// ban has the application refuse a user in a room from now on.
func (w *world) ban(user, room string) {
	w.fates.Lock()
	defer w.fates.Unlock()
	if w.banned[user+" "+room] == 0 {
		w.banned[user+" "+room] = w.now()
	}
}

// bannedAt is since when the application refuses a user in a room; 0: not.
func (w *world) bannedAt(user, room string) time.Duration {
	w.fates.Lock()
	defer w.fates.Unlock()
	return w.banned[user+" "+room]
}

// revokedAt is when all tokens of a user were taken back; 0: not.
func (w *world) revokedAt(user string) time.Duration {
	w.fates.Lock()
	defer w.fates.Unlock()
	return w.revoked[user]
}

// told notes that the application's AfterPublish was called about an entry.
func (k *checker) told(at place) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hooked[at] = true
}
