// Package storetest is the contract of the Stores as tests: one subtest for
// each sentence of the interfaces in packages msglog, connection and room.
// Every implementation must pass. Opting in takes one line per Store:
//
//	storetest.RunLog(t, func(t *testing.T) msglog.Store { return memory.NewLog() })
//
// The factory is called once per subtest. It may return the same store each
// time: every subtest keeps to rooms and connections of its own. All times that
// a store is handed are in the year 2100, so that no TTL of a real service
// interferes.
package storetest
