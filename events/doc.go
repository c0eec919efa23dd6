// Package events is a folder of events, one for each case of each function, in
// the form in which AWS hands them over: <function>-<case>.json, as
// `sam local invoke` takes them. The test hands each to its function.
//
// The tokens in them are signed with the local stack's public secret; but for
// the expired one they are valid until 2100. The functions take all of them as
// the test wants it if GAPLESS_AUTH_SECRET_ARN names a secret with that value,
// as it does in the local stack's Secrets Manager, and with
//
//	GAPLESS_JWT_MAX_LIFETIME=876000h
//	GAPLESS_ALLOWED_ORIGINS=https://app.example.com
//	GAPLESS_AUTH_COOKIE=gapless
//	GAPLESS_PUBLISH_RATE=3
//	GAPLESS_COMMAND_RATE=100
//
// Some need something to have happened before: tickets to have been made, a
// message to have been sent thirty times at once, time to have passed. The test
// sees to that, in the map "before".
package events
