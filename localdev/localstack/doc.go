// Package localstack lets the local stack use the DynamoDB and the SNS of
// LocalStack, or of whatever else speaks those APIs at one URL: Proxy hands the
// calls on, Subscriber takes what SNS delivers over HTTP and invokes functions
// with it, as SNS on AWS does by itself. README.md says how it is used, what
// was tried and what was not.
package localstack
