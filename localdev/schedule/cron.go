package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	firstYear = 1970
	lastYear  = 2199
)

// cron is a parsed six-field expression: minutes, hours, day of month, month,
// day of week, year.
type cron struct {
	minutes, hours, months set
	years                  set // less firstYear
	days                   func(date) bool
}

// set holds small numbers.
type set [256]bool

// date is a day with what the wildcards need to know of its month.
type date struct {
	day     int
	weekday int // 1 is Sunday, as in the expressions
	last    int // last day of the month
}

// on is the weekday of another day of the month.
func (d date) on(day int) int { return ((d.weekday-1+day-d.day)%7+7)%7 + 1 }

var (
	monthNames = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	dayNames   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

func parseCron(text string) (Expression, error) {
	fields := strings.Fields(text)
	if len(fields) != 6 {
		return nil, fmt.Errorf("want 6 fields, got %d", len(fields))
	}
	c := &cron{}
	for _, f := range []struct {
		name      string
		text      string
		low, high int
		names     []string
		into      *set
	}{
		{"minutes", fields[0], 0, 59, nil, &c.minutes},
		{"hours", fields[1], 0, 23, nil, &c.hours},
		{"month", fields[3], 1, 12, monthNames, &c.months},
		{"year", fields[5], firstYear, lastYear, nil, &c.years},
	} {
		base := 0
		if f.low == firstYear {
			base = firstYear
		}
		for _, item := range strings.Split(f.text, ",") {
			if err := addRange(f.into, item, f.low, f.high, base, f.names); err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
		}
	}
	var err error
	switch {
	case (fields[2] == "?") == (fields[4] == "?"):
		return nil, fmt.Errorf("exactly one of day of month and day of week must be ?")
	case fields[4] == "?":
		c.days, err = parseDays("day of month", fields[2], dayOfMonth)
	default:
		c.days, err = parseDays("day of week", fields[4], dayOfWeek)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// addRange adds *, n, a-b, and with /step each step-th from the beginning.
func addRange(into *set, item string, low, high, base int, names []string) error {
	span, stepText, stepped := strings.Cut(item, "/")
	step := 1
	if stepped {
		n, err := strconv.Atoi(stepText)
		if err != nil || n < 1 {
			return fmt.Errorf("bad increment in %q", item)
		}
		step = n
	}
	from, to := low, high
	if span != "*" {
		first, second, ranged := strings.Cut(span, "-")
		var err error
		if from, err = number(first, low, high, names); err != nil {
			return err
		}
		switch {
		case ranged:
			if to, err = number(second, low, high, names); err != nil {
				return err
			}
			if to < from {
				return fmt.Errorf("range %q runs backwards", item)
			}
		case !stepped:
			to = from
		}
	}
	for n := from; n <= to; n += step {
		into[n-base] = true
	}
	return nil
}

// number reads a number or a name, which counts from low.
func number(text string, low, high int, names []string) (int, error) {
	for i, name := range names {
		if strings.EqualFold(text, name) {
			return low + i, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%q is not from %d to %d", text, low, high)
	}
	return n, nil
}

// parseDays reads a list of days, of which one must match.
func parseDays(name, text string, parse func(string) (func(date) bool, error)) (func(date) bool, error) {
	var any []func(date) bool
	for _, item := range strings.Split(text, ",") {
		match, err := parse(item)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		any = append(any, match)
	}
	return func(d date) bool {
		for _, match := range any {
			if match(d) {
				return true
			}
		}
		return false
	}, nil
}

// dayOfMonth reads L (the last day), LW (the last weekday), nW (the weekday
// nearest to the n-th, within the month) and ranges.
func dayOfMonth(item string) (func(date) bool, error) {
	switch {
	case item == "L":
		return func(d date) bool { return d.day == d.last }, nil
	case item == "LW":
		return func(d date) bool { return d.day == nearestWeekday(d, d.last) }, nil
	case strings.HasSuffix(item, "W"):
		n, err := number(strings.TrimSuffix(item, "W"), 1, 31, nil)
		return func(d date) bool { return n <= d.last && d.day == nearestWeekday(d, n) }, err
	}
	var days set
	err := addRange(&days, item, 1, 31, 0, nil)
	return func(d date) bool { return days[d.day] }, err
}

// nearestWeekday is the day from Monday to Friday nearest to day in its month.
func nearestWeekday(d date, day int) int {
	const sunday, saturday = 1, 7
	switch d.on(day) {
	case saturday:
		if day == 1 {
			return 3
		}
		return day - 1
	case sunday:
		if day == d.last {
			return day - 2
		}
		return day + 1
	}
	return day
}

// dayOfWeek reads L (Saturday), nL (the last n of the month), n#k (the k-th n of
// the month) and ranges.
func dayOfWeek(item string) (func(date) bool, error) {
	const saturday = 7
	if item == "L" {
		return func(d date) bool { return d.weekday == saturday }, nil
	}
	if text, ok := strings.CutSuffix(item, "L"); ok {
		n, err := number(text, 1, 7, dayNames)
		return func(d date) bool { return d.weekday == n && d.day+7 > d.last }, err
	}
	if text, which, ok := strings.Cut(item, "#"); ok {
		n, err := number(text, 1, 7, dayNames)
		if err != nil {
			return nil, err
		}
		k, err := number(which, 1, 5, nil)
		return func(d date) bool { return d.weekday == n && (d.day-1)/7 == k-1 }, err
	}
	var days set
	err := addRange(&days, item, 1, 7, 0, dayNames)
	return func(d date) bool { return days[d.weekday] }, err
}

// Next looks at each day until the year 2199.
func (c *cron) Next(t, _ time.Time) (time.Time, bool) {
	t = t.UTC().Truncate(time.Minute).Add(time.Minute)
	for t.Year() < firstYear {
		t = time.Date(firstYear, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	for t.Year() <= lastYear {
		switch {
		case !c.years[t.Year()-firstYear]:
			t = time.Date(t.Year()+1, time.January, 1, 0, 0, 0, 0, time.UTC)
			continue
		case !c.months[t.Month()]:
			t = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		}
		last := time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
		if c.days(date{day: t.Day(), weekday: int(t.Weekday()) + 1, last: last}) {
			if next, ok := c.within(t); ok {
				return next, true
			}
		}
		t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
	}
	return time.Time{}, false
}

// within finds the first matching minute from t on, on the same day.
func (c *cron) within(t time.Time) (time.Time, bool) {
	for hour := t.Hour(); hour <= 23; hour++ {
		if !c.hours[hour] {
			continue
		}
		minute := 0
		if hour == t.Hour() {
			minute = t.Minute()
		}
		for ; minute <= 59; minute++ {
			if c.minutes[minute] {
				return time.Date(t.Year(), t.Month(), t.Day(), hour, minute, 0, 0, time.UTC), true
			}
		}
	}
	return time.Time{}, false
}
