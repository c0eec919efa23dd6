package sim

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// incarnation is a life of a room's log that is over: its head is deleted.
type incarnation struct {
	seq, delivered uint64
	at             time.Duration
}

// forget deletes a room's head, past every adapter, as an operator does who has
// the room start over, and whoever runs DynamoDB's TTL. The condition may be
// empty.
func (w *world) forget(room, condition string) {
	input := &dynamodb.DeleteItemInput{
		TableName:    aws.String("gapless-local-rooms"),
		Key:          map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "h#" + room}, "sk": &types.AttributeValueMemberS{Value: "h"}},
		ReturnValues: types.ReturnValueAllOld,
	}
	if condition != "" {
		input.ConditionExpression = &condition
		input.ExpressionAttributeValues = map[string]types.AttributeValue{
			":now": &types.AttributeValueMemberN{Value: strconv.FormatInt(w.clock.Now().Unix(), 10)},
		}
	}
	out, err := w.stack.DynamoDB.Client().DeleteItem(context.Background(), input)
	var refused *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &refused):
		return
	case err != nil:
		w.check.fail("", room, "forget %s: %v", room, err)
		return
	case len(out.Attributes) == 0:
		return
	}
	number := func(name string) uint64 {
		n, _ := out.Attributes[name].(*types.AttributeValueMemberN)
		if n == nil {
			return 0
		}
		v, _ := strconv.ParseUint(n.Value, 10, 64)
		return v
	}
	epoch, _ := out.Attributes["e"].(*types.AttributeValueMemberS)
	if epoch == nil {
		w.check.fail(dense, room, "the head of %s has no epoch", room)
		return
	}
	gone := incarnation{number("n"), number("d"), w.now()}
	w.note(event{actor: "DynamoDB", text: "deletes the head of epoch " + epoch.Value, fault: Forget, room: room})
	w.check.ended(line{room, epoch.Value}, gone)
}

// expire is DynamoDB's TTL: it deletes what has expired, at some time, until no
// fault happens any more.
func (w *world) expire(ctx context.Context) {
	for n := 1; w.now() < w.Active; n++ {
		timer := time.NewTimer(latency(w.Seed, time.Second, 25*time.Second, "ttl", strconv.Itoa(n)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		for _, room := range []string{lobby, den} {
			w.forget(room, "x <= :now")
		}
		w.stack.DynamoDB.SweepExpired() // all but heads
	}
}

// ended notes that a room starts over. TTL takes no head away too early:
// whatever was acknowledged has been delivered and is out of its retention.
func (k *checker) ended(log line, gone incarnation) {
	k.mu.Lock()
	k.lost[log] = gone
	var early []place
	for at, e := range k.written {
		if at.log() == log && !e.void && k.w.now() < k.writtenAt[at]+k.w.class.Retention-time.Second {
			early = append(early, at)
		}
	}
	var waiting []place
	for _, m := range k.acks {
		if at := m.place(); at.log() == log && at.seq > gone.delivered {
			waiting = append(waiting, at)
		}
	}
	k.mu.Unlock()
	if k.w.class.HeadLifetime == 0 {
		return // an operator may
	}
	for _, at := range early {
		k.fail(kept, log.room, "the head is deleted while %v is to be kept", at)
	}
	for _, at := range waiting {
		k.fail(kept, log.room, "the head is deleted, and %v, acknowledged, was never drained: the pointer is at %d", at, gone.delivered)
	}
}

// over reports whether an incarnation of a room's log is deleted.
func (k *checker) over(log line) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, over := k.lost[log]
	return over
}

func (p place) log() line { return line{p.room, p.epoch} }

func (m *message) place() place { return place{m.room, m.position.Epoch, m.position.Seq} }
