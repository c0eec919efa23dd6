package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// report writes the kill rates and the survivors as Markdown.
func report(w io.Writer, targets []*target, judged map[*Mutant]Verdict, known map[string]accepted) {
	fmt.Fprintf(w, "| package | mutants | killed | timed out | equivalent | accepted | survived | not reached | kill rate |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	var sum tally
	for _, t := range targets {
		n := count(t.mutants, judged, known)
		if n.all > 0 {
			fmt.Fprintln(w, n.row(t.dir))
			sum.add(n)
		}
	}
	if len(targets) > 1 {
		fmt.Fprintln(w, sum.row("all"))
	}
	fmt.Fprintf(w, "\n%s. Kill rate: of the mutants that are not equivalent.\n", time.Now().UTC().Format(time.DateOnly))
	for _, t := range targets {
		section(w, t, "survived", func(m *Mutant) bool {
			v, ok := judged[m]
			_, listed := known[m.Key()]
			return ok && v.alive() && !listed
		}, func(m *Mutant) string { return string(judged[m].Status) })
		section(w, t, "survived, with a reason", func(m *Mutant) bool {
			v, ok := judged[m]
			_, listed := known[m.Key()]
			return ok && v.alive() && listed
		}, func(m *Mutant) string {
			if a := known[m.Key()]; !a.equivalent {
				return "accepted: " + a.reason
			}
			return "equivalent: " + known[m.Key()].reason
		})
	}
}

func section(w io.Writer, t *target, title string, which func(*Mutant) bool, says func(*Mutant) string) {
	chosen := slices.DeleteFunc(slices.Clone(t.mutants), func(m *Mutant) bool { return !which(m) })
	if len(chosen) == 0 {
		return
	}
	fmt.Fprintf(w, "\n## %s: %s\n\n", t.dir, title)
	for _, m := range chosen {
		fmt.Fprintf(w, "- `%s` (line %d): %s\n", strings.ReplaceAll(m.Key(), "`", "'"), m.Line, says(m))
	}
}

func (v Verdict) alive() bool { return v.Status == Survived || v.Status == Unreached }

// tally counts verdicts.
type tally struct {
	all, killed, timedOut, equivalent, accepted, survived, unreached int
}

func (n *tally) add(o tally) {
	n.all += o.all
	n.killed += o.killed
	n.timedOut += o.timedOut
	n.equivalent += o.equivalent
	n.accepted += o.accepted
	n.survived += o.survived
	n.unreached += o.unreached
}

// rate is how many of those that are not equivalent are killed, in percent.
func (n *tally) rate() float64 {
	if n.all == n.equivalent {
		return 100
	}
	return 100 * float64(n.killed+n.timedOut) / float64(n.all-n.equivalent)
}

func (n *tally) row(name string) string {
	return fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %d | %d | %.1f %% |", name,
		n.all, n.killed, n.timedOut, n.equivalent, n.accepted, n.survived, n.unreached, n.rate())
}

func count(mutants []*Mutant, judged map[*Mutant]Verdict, known map[string]accepted) (n tally) {
	for _, m := range mutants {
		v, ok := judged[m]
		if !ok {
			continue
		}
		n.all++
		a, listed := known[m.Key()]
		switch {
		case v.Status == Killed:
			n.killed++
		case v.Status == TimedOut:
			n.timedOut++
		case listed && a.equivalent:
			n.equivalent++
		case listed:
			n.accepted++
		case v.Status == Survived:
			n.survived++
		default:
			n.unreached++
		}
	}
	return n
}
