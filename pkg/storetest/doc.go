// Package storetest tests the contract of the Stores: one subtest for each
// sentence of the interfaces in packages msglog, connection and room. Every
// implementation must pass. A test for one needs one line per Store:
//
//	storetest.RunLog(t, func(t *testing.T) msglog.Store { return memory.NewLog() })
//
// The factory is called once per subtest. It may return the same store each time,
// because every subtest uses its own rooms and connections. All times are in the
// year 2100, so that the TTL of a real service does not interfere.
package storetest
