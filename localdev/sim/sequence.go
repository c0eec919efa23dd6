package sim

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Sequences tells what the runs of the functions call, in order. Runs that call
// the same are told once, where the first of them begins. Calls that are under
// way at once have no order: they are marked with &, and sorted.
func Sequences(points []Point) string {
	runs := map[string][]Point{}
	var order []string // of runs, as they begin
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b Point) int { return cmp.Or(cmp.Compare(a.Sent, b.Sent), strings.Compare(a.Label, b.Label)) })
	for _, p := range points {
		id := p.Function + " " + p.Run
		if runs[id] == nil {
			order = append(order, id)
		}
		runs[id] = append(runs[id], p)
	}
	var texts []string
	counts := map[string]int{}
	for _, id := range order {
		text := runs[id][0].Function + "\n" + sequence(runs[id])
		if counts[text] == 0 {
			texts = append(texts, text)
		}
		counts[text]++
	}
	var b strings.Builder
	for _, text := range texts {
		function, calls, _ := strings.Cut(text, "\n")
		if n := counts[text]; n > 1 {
			function += ", " + strconv.Itoa(n) + " runs"
		}
		b.WriteString(function + "\n" + calls)
	}
	return b.String()
}

// sequence is the calls of one run, a line each.
func sequence(points []Point) string {
	var lines []string
	for len(points) > 0 {
		n, end := 1, points[0].Done
		for n < len(points) && points[n].Sent < end {
			end = max(end, points[n].Done)
			n++
		}
		group := make([]string, n)
		for i, p := range points[:n] {
			group[i] = map[bool]string{true: "& ", false: "  "}[n > 1] + p.Label
		}
		slices.Sort(group)
		lines = append(lines, group...)
		points = points[n:]
	}
	var b strings.Builder
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && lines[n] == lines[0] {
			n++
		}
		times := ""
		if n > 1 {
			times = strconv.Itoa(n)
		}
		b.WriteString(strings.Repeat(" ", 4-len(times)) + times + " " + lines[0] + "\n")
		lines = lines[n:]
	}
	return b.String()
}
