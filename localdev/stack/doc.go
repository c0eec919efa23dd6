// Package stack puts the local AWS together and runs Gapless on it: the same
// functions, composed by the same code as in production, on a gateway, DynamoDB,
// SNS, SQS, Lambda and schedule that live in this process. A test calls RunT, a
// person `make dev`.
package stack
