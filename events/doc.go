// Package events is a folder of events, one for each case of each function, in
// the form in which AWS hands them over: <function>-<case>.json, as
// `sam local invoke` takes them. The test hands each to its function.
//
// The tokens in them are signed with the local stack's public secret and valid
// until 2100. A function takes them with that secret as GAPLESS_AUTH_SECRET and
// GAPLESS_JWT_MAX_LIFETIME=876000h.
package events
