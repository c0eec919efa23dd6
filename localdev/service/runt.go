package service

// Tester is the part of testing.TB that RunT needs, so that the services do not
// link the testing package into programs.
type Tester interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// RunT returns s and closes it when the test ends.
func RunT[S interface{ Close() }](t Tester, s S) S {
	t.Helper()
	t.Cleanup(s.Close)
	return s
}
