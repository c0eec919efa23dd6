package storetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Start is the time at which every subtest begins.
var Start = time.Date(2100, time.January, 1, 12, 0, 0, 123_000_000, time.UTC)

// width is the number of goroutines that race for one thing.
const width = 24

// test is one sentence of a contract.
type test[S any] struct {
	name string
	run  func(t *testing.T, s S)
}

// run runs a subtest for each sentence.
func run[S any](t *testing.T, topic string, factory func(*testing.T) S, tests []test[S]) {
	t.Helper()
	t.Run(topic, func(t *testing.T) {
		t.Parallel()
		for _, tt := range tests {
			t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
				t.Parallel()
				tt.run(t, factory(t))
			})
		}
	})
}

// unique returns an id that no other subtest uses, valid as the name of a room.
func unique(t *testing.T, name string) string {
	sum := sha256.Sum256([]byte(t.Name()))
	return name + "." + base64.RawURLEncoding.EncodeToString(sum[:9])
}

// ok ends the subtest on an error.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must returns v, or ends the subtest on an error.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

// fails checks that err is target.
func fails(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got error %v, want %v", err, target)
	}
}

// same checks that two values are equal. Nil and empty slices are equal; times
// are compared as instants.
func same[T any](t *testing.T, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), wholeBytes); diff != "" {
		t.Fatalf("differs (-want +got):\n%s", diff)
	}
}

// wholeBytes compares data at once: byte by byte, cmp takes seconds for 30 KB.
var wholeBytes = cmp.FilterValues(
	func(a, b []byte) bool { return len(a) > 0 || len(b) > 0 },
	cmp.Comparer(bytes.Equal),
)

// race runs f n times concurrently and returns the results in the order of i.
func race[T any](t *testing.T, n int, f func(i int) (T, error)) []T {
	t.Helper()
	results, errs := make([]T, n), make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			results[i], errs[i] = f(i)
		})
	}
	close(start)
	all.Wait()
	ok(t, errors.Join(errs...))
	return results
}

// agreed checks that all values are equal and returns the value.
func agreed[T comparable](t *testing.T, values []T) T {
	t.Helper()
	if distinct := slices.CompactFunc(slices.Clone(values), func(a, b T) bool { return a == b }); len(distinct) != 1 {
		t.Fatalf("no agreement: %v", values)
	}
	return values[0]
}

// numbered returns name followed by a number.
func numbered(name string, i int) string { return fmt.Sprintf("%s%03d", name, i) }
