package schedule_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/schedule"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse("2006-01-02 15:04:05", text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestNextTimes(t *testing.T) {
	t.Parallel()
	for expression, times := range map[string][]string{
		// First the present, then the times at which the rule fires.
		"rate(1 minute)":                 {"2025-11-23 12:00:30", "2025-11-23 12:01:30", "2025-11-23 12:02:30"},
		"rate(90 minutes)":               {"2025-11-23 12:00:00", "2025-11-23 13:30:00", "2025-11-23 15:00:00"},
		"rate(1 day)":                    {"2025-11-23 12:00:00", "2025-11-24 12:00:00"},
		"cron(* * * * ? *)":              {"2025-11-23 12:00:30", "2025-11-23 12:01:00", "2025-11-23 12:02:00"},
		"cron(0/15 * * * ? *)":           {"2025-11-23 12:45:00", "2025-11-23 13:00:00", "2025-11-23 13:15:00"},
		"cron(1/10 * * * ? *)":           {"2025-11-23 12:52:00", "2025-11-23 13:01:00", "2025-11-23 13:11:00"},
		"cron(*/20 8-9 * * ? *)":         {"2025-11-23 09:20:00", "2025-11-23 09:40:00", "2025-11-24 08:00:00"},
		"cron(0 10 * * ? *)":             {"2025-11-23 10:00:00", "2025-11-24 10:00:00"},
		"cron(15 12 * * ? *)":            {"2025-12-31 13:00:00", "2026-01-01 12:15:00"},
		"cron(0 18 ? * MON-FRI *)":       {"2025-11-21 18:00:00", "2025-11-24 18:00:00"},
		"cron(0 18 ? * 2-6 *)":           {"2025-11-21 18:00:00", "2025-11-24 18:00:00"},
		"cron(0 8 1 * ? *)":              {"2025-11-23 00:00:00", "2025-12-01 08:00:00", "2026-01-01 08:00:00"},
		"cron(0 0 L * ? *)":              {"2028-01-31 00:00:00", "2028-02-29 00:00:00", "2028-03-31 00:00:00"},
		"cron(0 0 LW * ? *)":             {"2026-01-01 00:00:00", "2026-01-30 00:00:00", "2026-02-27 00:00:00"},
		"cron(0 0 3W * ? *)":             {"2026-01-01 00:00:00", "2026-01-02 00:00:00", "2026-02-03 00:00:00"},
		"cron(0 0 1W * ? *)":             {"2025-10-31 00:00:00", "2025-11-03 00:00:00", "2025-12-01 00:00:00"},
		"cron(0 0 31W * ? *)":            {"2026-04-01 00:00:00", "2026-05-29 00:00:00"},
		"cron(0 0 ? * 3#2 *)":            {"2025-11-01 00:00:00", "2025-11-11 00:00:00", "2025-12-09 00:00:00"},
		"cron(15 10 ? * 6L *)":           {"2025-11-01 00:00:00", "2025-11-28 10:15:00", "2025-12-26 10:15:00"},
		"cron(0 0 ? * L *)":              {"2025-11-23 00:00:00", "2025-11-29 00:00:00"},
		"cron(0 0 ? JAN,jul SUN,4 2026)": {"2025-11-23 00:00:00", "2026-01-04 00:00:00", "2026-01-07 00:00:00"},
		"cron(0 0 29 2 ? *)":             {"2025-11-23 00:00:00", "2028-02-29 00:00:00"},
		"cron(0 0 1 1 ? 2199)":           {"2025-11-23 00:00:00", "2199-01-01 00:00:00"},
		"cron(0 0 1 1 ? 2026/2)":         {"2026-06-01 00:00:00", "2028-01-01 00:00:00"},
	} {
		e, err := schedule.Parse(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		created := at(t, times[0])
		now := created
		for _, want := range times[1:] {
			next, ok := e.Next(now, created)
			if !ok || !next.Equal(at(t, want)) {
				t.Errorf("%s after %v: %v, %t, want %s", expression, now, next, ok, want)
			}
			now = next
		}
	}
}

func TestExpressionsThatNeverFireAgain(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{"cron(0 0 30 2 ? *)", "cron(0 0 1 1 ? 2020)"} {
		e, err := schedule.Parse(expression)
		if err != nil {
			t.Fatal(err)
		}
		now := at(t, "2025-11-23 12:00:00")
		if next, ok := e.Next(now, now); ok {
			t.Errorf("%s: %v", expression, next)
		}
	}
}

func TestInvalidExpressions(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{
		"", "rate", "every minute", "rate(0 minutes)", "rate(1 minutes)", "rate(5 minute)", "rate(-1 minutes)", "rate(1 second)",
		"rate(1.5 hours)", "rate(999999999 days)", "rate( 1 minute)", "cron(* * * * *)", "cron(* * * * * *)", "cron(* * ? * ? *)",
		"cron(* * 1 * MON *)", "cron(60 * * * ? *)", "cron(* 24 * * ? *)", "cron(* * 0 * ? *)", "cron(* * 32 * ? *)", "cron(* * * 13 ? *)",
		"cron(* * ? * 8 *)", "cron(* * ? * 0 *)", "cron(* * * * ? 1969)", "cron(* * * * ? 2200)", "cron(5-3 * * * ? *)", "cron(*/0 * * * ? *)",
		"cron(*/x * * * ? *)", "cron(* * ? * 2#6 *)", "cron(* * ? * X#1 *)", "cron(* * W * ? *)", "cron(* * 32W * ? *)", "cron(* * ? * XL *)",
		"cron(, * * * ? *)", "cron(1- * * * ? *)", "cron(? * * * ? *)", "cron(0 0 * * ? *",
	} {
		if _, err := schedule.Parse(expression); !errors.Is(err, schedule.ErrInvalidExpression) {
			t.Errorf("%q: %v", expression, err)
		}
	}
	if _, err := schedule.Parse("at(2025-11-23T12:00:00)"); !errors.Is(err, schedule.ErrUnsupported) {
		t.Errorf("at: %v", err)
	}
}
