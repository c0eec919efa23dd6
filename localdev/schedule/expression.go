package schedule

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Expression tells when a rule fires.
type Expression interface {
	// Next is the first time after t at which the rule fires, given that it was
	// created at created. ok is false if there is none.
	Next(t, created time.Time) (next time.Time, ok bool)
}

// Parse reads a rate(…) or cron(…) expression as EventBridge rules have them
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html).
// All times are UTC; nothing fires more often than once a minute.
func Parse(expression string) (Expression, error) {
	inner, kind := expression, ""
	for _, k := range []string{"rate", "cron", "at"} {
		if rest, ok := strings.CutPrefix(expression, k+"("); ok && strings.HasSuffix(rest, ")") {
			inner, kind = strings.TrimSuffix(rest, ")"), k
		}
	}
	var parsed Expression
	var err error
	switch kind {
	case "rate":
		parsed, err = parseRate(inner)
	case "cron":
		parsed, err = parseCron(inner)
	case "at":
		return nil, fmt.Errorf("%w: one-time schedules: %s", ErrUnsupported, expression)
	default:
		err = fmt.Errorf("neither rate(…) nor cron(…)")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrInvalidExpression, expression, err)
	}
	return parsed, nil
}

// rate fires each interval, counted from the rule's creation.
type rate time.Duration

var ratePattern = regexp.MustCompile(`^([1-9][0-9]{0,8}) (minute|hour|day)(s?)$`)

func parseRate(text string) (Expression, error) {
	parts := ratePattern.FindStringSubmatch(text)
	if parts == nil {
		return nil, fmt.Errorf("want a positive number and minute(s), hour(s) or day(s)")
	}
	n, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return nil, err
	}
	// rate(1 hours) and rate(5 hour) are refused, as EventBridge does.
	if (n == 1) != (parts[3] == "") {
		return nil, fmt.Errorf("the unit is singular for 1 and plural for more")
	}
	unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[parts[2]]
	const longest = 100 * 366 * 24 * time.Hour
	if n > int64(longest/unit) {
		return nil, fmt.Errorf("the interval is too long")
	}
	return rate(time.Duration(n) * unit), nil
}

func (r rate) Next(t, created time.Time) (time.Time, bool) {
	if t.Before(created) {
		return created.Add(time.Duration(r)), true
	}
	passed := t.Sub(created) / time.Duration(r)
	return created.Add((passed + 1) * time.Duration(r)), true
}
