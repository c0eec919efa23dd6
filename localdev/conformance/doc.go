// Package conformance holds no code, only tests: the suites of pkg/storetest
// over the DynamoDB adapter, on the embedded engine and on the official
// DynamoDB Local, so that engine and adapter cannot share a misunderstanding.
// They are here because pkg may not import localdev.
package conformance
