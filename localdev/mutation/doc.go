// Command mutation makes deliberate bugs in packages of this module, one after
// another, and reports which of them no test notices.
//
// All mutants of a package are compiled into one test binary and switched on by
// a variable of the environment, so that a mutant costs a run of some tests and
// no build. Nothing in the tree is touched: go test -overlay does the rest.
//
// Read in this order: operator.go, edit.go, helper.go.txt, load.go, build.go,
// reach.go, judge.go, accept.go, report.go, main.go.
package main
