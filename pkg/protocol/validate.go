package protocol

import (
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

func checkRoom(name string) *Error {
	switch {
	case name == "":
		return Errorf(BadRequest, "room is missing")
	case !ValidRoom(name):
		return Errorf(BadRequest, "room must be 1 to %d characters of A–Z a–z 0–9 . _ : / -", MaxRoomBytes)
	}
	return nil
}

func checkText(field, s string, max int) *Error {
	if !validText(s, max) {
		return Errorf(BadRequest, "%s must be at most %d bytes without control characters", field, max)
	}
	return nil
}

func checkInteger(field string, n *uint64, max uint64) *Error {
	if n != nil && *n > max {
		return Errorf(BadRequest, "%s must be an integer from 0 to %d", field, max)
	}
	return nil
}

func checkRooms(rooms map[string]From) *Error {
	if len(rooms) > MaxRoomsPerCommand {
		return Errorf(BadRequest, "rooms must name at most %d rooms", MaxRoomsPerCommand)
	}
	for name, from := range rooms {
		if err := firstError(checkRoom(name), from.validate()); err != nil {
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

func (f From) validate() *Error {
	if f.Since != nil && f.Last != nil {
		return Errorf(BadRequest, "since and last exclude each other")
	}
	return firstError(
		checkInteger("since", f.Since, MaxInteger),
		checkInteger("last", f.Last, MaxHistory),
		checkText("epoch", f.Epoch, MaxEpochBytes),
	)
}

func (h *Hello) validate() *Error {
	return firstError(checkToken(h.Token, false), checkText("session", h.Session, MaxSessionBytes), checkRooms(h.Rooms))
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

func (j *Join) validate() *Error { return firstError(checkRoom(j.Room), j.From.validate()) }

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
	switch {
	case (h.Since == nil) == (h.Before == nil):
		return Errorf(BadRequest, "history needs since or before, and not both")
	case h.Limit != nil && (*h.Limit == 0 || *h.Limit > MaxHistory):
		return Errorf(BadRequest, "limit must be an integer from 1 to %d", MaxHistory)
	}
	return firstError(
		checkRoom(h.Room),
		checkInteger("since", h.Since, MaxInteger),
		checkInteger("before", h.Before, MaxInteger),
		checkText("epoch", h.Epoch, MaxEpochBytes),
	)
}

func (s *Sync) validate() *Error {
	if len(s.Rooms) == 0 {
		return Errorf(BadRequest, "rooms is missing")
	}
	for name, from := range s.Rooms {
		if from.Since == nil {
			return Errorf(BadRequest, "since is missing for room %s", printable(name))
		}
	}
	return checkRooms(s.Rooms)
}

func (p *Presence) validate() *Error { return checkRoom(p.Room) }

// printable shortens what a client sent so that it can stand in a message.
func printable(s string) string {
	const most = 64
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
