package sns

// Limits of the service. Sources:
//   - https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
//   - https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
//   - https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
const (
	// maxMessage is the largest message with its attributes, in bytes, and the
	// largest batch.
	maxMessage = 256 << 10
	// maxBatch is the number of entries of a batch.
	maxBatch = 10
	// maxSubject is the length of a subject, in characters.
	maxSubject = 100
	// maxRequest is where the emulator stops reading a request, in bytes: above
	// what a batch of the largest size takes in form encoding.
	maxRequest = 2 << 20

	// maxFilterKeys is the number of keys of a filter policy.
	maxFilterKeys = 5
	// maxFilterCombinations bounds the product of the numbers of values of each
	// key (times its depth, in a body policy).
	maxFilterCombinations = 150
	// maxFilterNumber bounds the numbers in a policy, which have an accuracy of
	// five digits after the point.
	maxFilterNumber = 1e9
)
