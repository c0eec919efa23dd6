package sqs

import (
	"crypto/md5" //nolint:gosec // the protocol's checksum, not a protection
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
)

// bodyDigest is MD5OfMessageBody.
func bodyDigest(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // see import
	return hex.EncodeToString(sum[:])
}

// attributesDigest is MD5OfMessageAttributes: the attributes by name, of each
// the length and bytes of name, type and value, with a byte between the last two
// that says whether the value is text or binary. It is empty without attributes.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
func attributesDigest(attributes map[string]Attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	const text, binaryValue = 1, 2
	h := md5.New() //nolint:gosec // see import
	write := func(data []byte) {
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(data))) //nolint:gosec // a message's size fits
		h.Write(length[:])
		h.Write(data)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		write([]byte(name))
		write([]byte(a.Type))
		if a.Binary != nil {
			h.Write([]byte{binaryValue})
			write(a.Binary)
		} else {
			h.Write([]byte{text})
			write([]byte(a.String))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
