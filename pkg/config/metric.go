package config

// Metric is a metric of our own in CloudWatch. It stands here since the
// functions write it and the CDK app's alarms and dashboard look for it by the
// same names.
type Metric struct {
	Name string
	// Unit is one of CloudWatch's
	// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html).
	Unit string
}

const (
	// MetricNamespace is where our metrics are.
	MetricNamespace = "Gapless"
	// MetricDimension is the one dimension of each: the name of the function
	// that writes it, as in Lambda's own metrics.
	MetricDimension = "FunctionName"
)

var (
	// OpenConnections is how many connections a sweep has found, once a sweep.
	// There is no value of a sweep that could not read them all.
	OpenConnections = Metric{"OpenConnections", "Count"}
	// DrainLag is how old a message was when the last member that was served had
	// it, or was given up for being too slow: the most in one drain. Values
	// below broadcast.Config's LateAfter are not written.
	DrainLag = Metric{"DrainLag", "Milliseconds"}
	// MembersBehind is how many members a drain has given up for being too slow.
	MembersBehind = Metric{"MembersBehind", "Count"}
)
