// Package events is a folder of events, one for each case of each function, in
// the form in which AWS hands them over: <function>-<case>.json, as
// `sam local invoke` takes them. The tokens in them are signed with the local
// stack's public secret. The test hands each to its function.
package events
