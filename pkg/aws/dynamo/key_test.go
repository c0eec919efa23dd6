package dynamo

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// TestKeysStay pins the keys: with other keys, a deployment would lose what the
// one before it wrote.
func TestKeysStay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ got, want string }{
		{headKey("org.42/a"), "h#org.42/a"},
		{shardKey("lobby", 0), "m#lobby#0"},
		{entryKey("lobby", "epoch"), "e#lobby#epoch"},
		{markKey("lobby", "ada", "key"), "k#lobby#b4zxB0XcF1T4oalWg3OoE86Fw-yXJp3GDzMEqtitTJ8"},
		{partitionOf(t, "L0SM9cOFvHcCIhw=", 16), "c#13"},
		{partitionOf(t, "L0SM9cOFvHcCIhw=", 1), "c#0"},
		{partitionOf(t, "L0SM9cOFvHcCIhw=", 0), "c#0"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}

func partitionOf(t *testing.T, id string, partitions int) string {
	t.Helper()
	pk, ok := NewConnections(nil, "connections", partitions).key(id)[PartitionKey].(*types.AttributeValueMemberS)
	if !ok {
		t.Fatal("the partition key is not text")
	}
	return pk.Value
}

// TestPartitionsAreEven checks that no partition gets much more than its share of
// connections: the sweeper reads each as a whole.
func TestPartitionsAreEven(t *testing.T) {
	t.Parallel()
	const partitions, connections = 16, 16000
	counts := map[string]int{}
	for i := range connections {
		id := []byte("L0SM9cO0000CIhw=")
		for at := 7; at < 11; at++ {
			id[at] = byte('0' + i%10)
			i /= 10
		}
		counts[partitionOf(t, string(id)+string(rune('A'+i)), partitions)]++
	}
	for pk, n := range counts {
		if n < connections/partitions/2 || n > connections/partitions*2 {
			t.Errorf("%s has %d of %d connections", pk, n, connections)
		}
	}
}
