package telemetry

// Metric is a metric of our own in CloudWatch. The functions write it, and the CDK
// app's alarms and dashboard use it.
type Metric struct {
	Name string
	// Unit is one of CloudWatch's
	// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html).
	Unit string
}

const (
	// Namespace is the namespace of our metrics.
	Namespace = "Gapless"
	// Dimension is the only dimension of each: the name of the function
	// that writes it, as in Lambda's own metrics.
	Dimension = "FunctionName"
)

var (
	// OpenConnections is the number of connections that a sweep has read. A sweep
	// that could not read them all writes no value.
	OpenConnections = Metric{"OpenConnections", "Count"}
	// DrainLag is the age of a message when the last member served accepted it,
	// or was given up for being too slow: the maximum of one drain. Values below
	// broadcast.Config's LateAfter are not written.
	DrainLag = Metric{"DrainLag", "Milliseconds"}
	// MembersBehind is the number of members that a drain has given up for being
	// too slow.
	MembersBehind = Metric{"MembersBehind", "Count"}
)
