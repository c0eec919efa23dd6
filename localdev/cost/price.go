package cost

// Prices in USD per unit, us-east-1, on demand:
// https://aws.amazon.com/api-gateway/pricing/ ,
// https://aws.amazon.com/dynamodb/pricing/on-demand/ ,
// https://aws.amazon.com/sns/pricing/ , https://aws.amazon.com/lambda/pricing/ .
const (
	priceMessage  = 1.00e-6 // API Gateway, each 32 KB begun, in or out
	priceWrite    = 0.625e-6
	priceRead     = 0.125e-6
	pricePublish  = 0.50e-6 // SNS, each 64 KB begun
	priceRequest  = 0.20e-6 // Lambda
	priceGBSecond = 0.0000133334
)

// Assumed of a function on AWS: the memory that the CDK app gives it, and the
// time that one call of a service takes within a region. The functions do little
// but wait for such calls; their processor time (infra/README.md) is not counted,
// some 0.12 USD a million messages to a quiet room of ten.
const (
	memoryGB       = 0.256
	secondsPerCall = 0.005
)

// Bill is what an operation costs.
type Bill struct {
	Messages    int64 // API Gateway's, in and out
	Usage       Usage
	Invocations int
	// Serial is how many calls the functions wait for one after the other.
	Serial int
}

// Gateway is what API Gateway takes for the messages alone.
func (b Bill) Gateway() float64 { return float64(b.Messages) * priceMessage }

// Total is the whole.
func (b Bill) Total() float64 {
	return b.Gateway() +
		b.Usage.WriteUnits*priceWrite + b.Usage.ReadUnits*priceRead +
		float64(b.Usage.Calls["Publish"]+b.Usage.Calls["PublishBatch"])*pricePublish +
		float64(b.Invocations)*priceRequest +
		float64(b.Serial)*secondsPerCall*memoryGB*priceGBSecond
}
