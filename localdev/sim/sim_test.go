package sim

import (
	"flag"
	"testing"
	"time"
)

var (
	seeds = flag.Uint64("seeds", 30, "how many seeds to run")
	first = flag.Uint64("first", 1, "the first seed")
	only  = flag.String("class", "", "run seeds as if they were of this class")
	trace = flag.Bool("trace", false, "print the whole trace of each run")
	wait  = flag.Duration("for", 0, "stop after this long; 0: when the seeds are done")
)

func TestSeeds(t *testing.T) {
	began := time.Now()
	table := Table{}
	ran, messages, calls, failed, late := 0, 0, 0, 0, 0
	for seed := *first; seed < *first+*seeds; seed++ {
		config := Config{Seed: seed, Class: *only}
		r := Run(t, config)
		ran++
		messages += r.Messages
		calls += len(r.Calls)
		late += r.LateJoins
		table.Add(r)
		if *trace {
			t.Log("\n" + r.Trace())
		}
		if len(r.Violations) > 0 {
			failed++
			t.Errorf("%v", Shrink(t, config, r))
			if failed == 3 {
				break
			}
		}
		if *wait > 0 && time.Since(began) > *wait {
			break
		}
	}
	took := time.Since(began)
	t.Logf("%d seeds, %d calls of AWS, %d acknowledged messages, %d late joins (known) in %v: %.1f seeds a second\n%v",
		ran, calls, messages, late, took.Round(time.Millisecond), float64(ran)/took.Seconds(), table)
}

func TestSameSeedSameTrace(t *testing.T) {
	for seed := uint64(100); seed < 106; seed++ {
		one, two := Run(t, Config{Seed: seed}), Run(t, Config{Seed: seed})
		if a, b := one.Trace(), two.Trace(); a != b {
			t.Errorf("seed %d, class %s: two runs differ\n%s", seed, one.Class, firstDifference(a, b))
		}
	}
}
