package sqs

import "testing"

// The digests are those against which other implementations of SQS are tested.
func TestAttributesDigest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, value, want string }{
		{"timestamp", "1493147359900", "235c5c510d26fb653d073faed50ae77c"},
		{"timestamp", "1493147359901", "994258b45346a2cc3f9cbb611aa7af30"},
		{"SOME_Valid.attribute-Name", "1493147359900", "36655e7e9d7c0e8479fa3f3f42247ae7"},
	} {
		got := attributesDigest(map[string]Attribute{test.name: {Type: "Number", String: test.value}})
		if got != test.want {
			t.Errorf("%s %s: %s, want %s", test.name, test.value, got, test.want)
		}
	}
	if got := attributesDigest(nil); got != "" {
		t.Errorf("no attributes: %s", got)
	}
}
