package sample

import (
	"errors"
	"testing"
	"time"
)

func TestClamp(t *testing.T) {
	l := Limits{Low: 1, High: 3}
	for x, want := range map[int]int{0: 1, 2: 2, 4: 3} {
		if got := l.Clamp(x); got != want {
			t.Errorf("%d: %d", x, got)
		}
	}
}

func TestSum(t *testing.T) {
	if sum, err := Sum([]int{1, 2, 4}, func() {}); sum != 7 || err != nil {
		t.Errorf("%d, %v", sum, err)
	}
	if _, err := Sum(nil, func() {}); !errors.Is(err, ErrEmpty) {
		t.Error(err)
	}
}

func TestDue(t *testing.T) {
	at := time.Unix(0, 0)
	if Due(at, at.Add(time.Minute-1)) || !Due(at, at.Add(time.Minute)) {
		t.Error("due at another time")
	}
}

func TestNamed(t *testing.T) {
	if l := Named("small"); l != (Limits{1, 5}) || Named("x") != (Limits{}) {
		t.Errorf("%+v", l)
	}
}
