package protocol

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidRoom reports whether name is 1 to 128 characters of
// A–Z a–z 0–9 . _ : / -
func ValidRoom(name string) bool {
	if name == "" || len(name) > MaxRoomBytes {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("._:/-", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// ValidUser reports whether id is 1 to 128 bytes of UTF-8 without control
// characters.
func ValidUser(id string) bool { return id != "" && validText(id, MaxUserBytes) }

func validText(s string, max int) bool {
	return len(s) <= max && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

var roomRule = fmt.Sprintf("1 to %d characters of A–Z a–z 0–9 . _ : / -", MaxRoomBytes)

func checkRoom(name string) *Error {
	switch {
	case name == "":
		return Errorf(BadRequest, "room is missing")
	case !ValidRoom(name):
		return Errorf(BadRequest, "room must be %s", roomRule)
	}
	return nil
}

func checkText(field, s string, max int) *Error {
	if !validText(s, max) {
		return Errorf(BadRequest, "%s must be at most %d bytes without control characters", field, max)
	}
	return nil
}

// integerRule describes the values that an integer field may have.
func integerRule(field string) string {
	low, high := integerRange(field)
	return fmt.Sprintf("an integer from %d to %d", low, high)
}

func integerRange(field string) (low, high uint64) {
	switch field {
	case "limit":
		return 1, MaxHistory
	case "last":
		return 0, MaxHistory
	default:
		return 0, MaxInteger
	}
}

// checkInteger refuses a value outside the field's range; prefix is the path to
// the field.
func checkInteger(prefix, field string, n *uint64) *Error {
	if n == nil {
		return nil
	}
	if low, high := integerRange(field); *n < low || *n > high {
		return Errorf(BadRequest, "%s%s must be %s", prefix, field, integerRule(field))
	}
	return nil
}

// checkRooms checks the rooms in the order of their names, so that the same frame
// always gets the same error.
func checkRooms(rooms map[string]From, needSince bool) *Error {
	if len(rooms) > MaxRoomsPerCommand {
		return Errorf(BadRequest, "rooms must name at most %d rooms, got %d", MaxRoomsPerCommand, len(rooms))
	}
	for _, name := range slices.Sorted(maps.Keys(rooms)) {
		from, path := rooms[name], "rooms"+pathStep(name)
		switch {
		case !ValidRoom(name):
			return Errorf(BadRequest, "%s: a room name must be %s", path, roomRule)
		case needSince && from.Since == nil:
			return Errorf(BadRequest, "%s.since is missing", path)
		}
		if err := from.check(path + "."); err != nil {
			return err
		}
	}
	return nil
}

func firstError(errs ...*Error) *Error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// check validates the fields; prefix is the path to them, "" or "rooms.lobby.".
func (f From) check(prefix string) *Error {
	if f.Since != nil && f.Last != nil {
		return Errorf(BadRequest, "%ssince and %[1]slast exclude each other", prefix)
	}
	return firstError(
		checkInteger(prefix, "since", f.Since),
		checkInteger(prefix, "last", f.Last),
		checkText(prefix+"epoch", f.Epoch, MaxEpochBytes),
	)
}

func (h *Hello) validate() *Error {
	return firstError(checkToken(h.Token, false), checkText("session", h.Session, MaxSessionBytes), checkRooms(h.Rooms, false))
}

func (a *Auth) validate() *Error { return checkToken(a.Token, true) }

func checkToken(token string, required bool) *Error {
	switch {
	case required && token == "":
		return Errorf(BadRequest, "token is missing")
	case len(token) > MaxTokenBytes:
		return Errorf(TooLarge, "token must be at most %d bytes", MaxTokenBytes)
	}
	return nil
}

func (j *Join) validate() *Error { return firstError(checkRoom(j.Room), j.check("")) }

func (l *Leave) validate() *Error { return checkRoom(l.Room) }

func (p *Publish) validate() *Error {
	if err := firstError(checkRoom(p.Room), checkText("key", p.Key, MaxKeyBytes)); err != nil {
		return err
	}
	switch {
	case len(p.Data) == 0:
		return Errorf(BadRequest, "data is missing")
	case len(p.Data) > MaxDataBytes:
		return Errorf(TooLarge, "data must be at most %d bytes of JSON, got %d", MaxDataBytes, len(p.Data))
	}
	return nil
}

func (h *History) validate() *Error {
	if err := checkRoom(h.Room); err != nil {
		return err
	}
	switch {
	case h.Since == nil && h.Before == nil:
		return Errorf(BadRequest, "since or before is missing")
	case h.Since != nil && h.Before != nil:
		return Errorf(BadRequest, "since and before exclude each other")
	}
	return firstError(
		checkInteger("", "since", h.Since),
		checkInteger("", "before", h.Before),
		checkInteger("", "limit", h.Limit),
		checkText("epoch", h.Epoch, MaxEpochBytes),
	)
}

func (s *Sync) validate() *Error {
	if len(s.Rooms) == 0 {
		return Errorf(BadRequest, "rooms must name at least one room")
	}
	return checkRooms(s.Rooms, true)
}

func (p *Presence) validate() *Error { return checkRoom(p.Room) }
