package sqs

import "testing"

// The digests are what SQS itself answered for these attributes.
func TestAttributesDigest(t *testing.T) {
	t.Parallel()
	for want, attributes := range map[string]map[string]Attribute{
		"":                                 nil,
		"235c5c510d26fb653d073faed50ae77c": {"timestamp": {Type: "Number", String: "1493147359900"}},
		"994258c45346a2cc3f9cbb611aa7af30": {"timestamp": {Type: "Number.java.lang.Long", String: "1493147359900"}},
	} {
		if got := attributesDigest(attributes); got != want {
			t.Errorf("%v: %s, want %s", attributes, got, want)
		}
	}
}
