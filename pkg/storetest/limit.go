package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/limit"
)

// RunLimits checks an implementation of limit.Store.
func RunLimits(t *testing.T, factory func(*testing.T) limit.Store) {
	run(t, "Limits", factory, limitTests)
	run(t, "Late", factory, lateLimitTests)
}

func use(key string, window, n int) limit.AddParams {
	start := Start.Truncate(limit.Window).Add(time.Duration(window) * limit.Window)
	return limit.AddParams{Key: key, Start: start, N: n, Expires: start.Add(time.Hour)}
}

var limitTests = []test[limit.Store]{
	{"what is used adds up", func(t *testing.T, s limit.Store) {
		key := unique(t, "publish/ü #")
		same(t, must[int](t)(s.Add(t.Context(), use(key, 0, 3))), 3)
		same(t, must[int](t)(s.Add(t.Context(), use(key, 0, 4))), 7)
	}},
	{"windows and keys are apart", func(t *testing.T, s limit.Store) {
		key := unique(t, "a")
		same(t, must[int](t)(s.Add(t.Context(), use(key, 0, 1))), 1)
		same(t, must[int](t)(s.Add(t.Context(), use(key, 1, 1))), 1)
		same(t, must[int](t)(s.Add(t.Context(), use(key+"b", 0, 1))), 1)
	}},
	{"at once, everybody learns a sum of its own", func(t *testing.T, s limit.Store) {
		key := unique(t, "busy")
		sums := race(t, width, func(int) (int, error) { return s.Add(t.Context(), use(key, 0, 2)) })
		slices.Sort(sums)
		for i, sum := range sums {
			same(t, sum, 2*(i+1))
		}
	}},
}
