package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/config"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// Bounds of what the page is shown.
const (
	maxRooms   = 24
	maxMembers = 50
	maxTail    = 40 // of each room's log
	maxPreview = 160
)

// snapshot reads what there is: the gateway's connections, and the tables with
// the production adapters.
type snapshot struct {
	stack       *stack.Stack
	client      *awsdynamodb.Client
	tables      config.Tables
	connections *dynamo.Connections
	rooms       *dynamo.Rooms
	log         *dynamo.Log
}

func newSnapshot(s *stack.Stack) (*snapshot, error) {
	environ := map[string]string{}
	for _, f := range s.Lambda.Functions() {
		maps.Copy(environ, f.Env)
	}
	tables, err := config.Load[config.Tables](environ)
	if err != nil {
		return nil, err
	}
	client := dynamo.NewClient(s.AWS())
	return &snapshot{
		stack: s, client: awsdynamodb.NewFromConfig(s.AWS()), tables: tables,
		connections: dynamo.NewConnections(client, tables.Connections, tables.Partitions),
		rooms:       dynamo.NewRooms(client, tables.Rooms),
		log:         dynamo.NewLog(client, tables.Rooms, tables.Log, slog.New(slog.DiscardHandler)),
	}, nil
}

// connectionView is a connection as the gateway and as the table know it: one
// of them may not.
type connectionView struct {
	ID string `json:"id"`
	// Open says that the gateway has it, Known that the table has.
	Open    bool     `json:"open"`
	Known   bool     `json:"known"`
	User    string   `json:"user,omitempty"`
	Session string   `json:"session,omitempty"`
	Rooms   []string `json:"rooms"`
	// Times are milliseconds since 1970, 0 for none.
	ConnectedAt int64 `json:"connectedAt"`
	ActiveAt    int64 `json:"activeAt,omitempty"`
	CheckAt     int64 `json:"checkAt,omitempty"`
	ExpiresAt   int64 `json:"expiresAt,omitempty"`
	Strikes     int   `json:"strikes,omitempty"`
	Closing     bool  `json:"closing,omitempty"`
	// Waiting counts the messages in the gateway's buffer for the client.
	Waiting int   `json:"waiting,omitempty"`
	In      int64 `json:"in"`
	Out     int64 `json:"out"`
	Frozen  bool  `json:"frozen,omitempty"`
}

// roomView is a room: its head, members and the end of its log.
type roomView struct {
	Name      string       `json:"name"`
	Epoch     string       `json:"epoch"`
	Head      uint64       `json:"head"`
	Delivered uint64       `json:"delivered"`
	Owner     string       `json:"owner,omitempty"` // of the lease
	Until     int64        `json:"until,omitempty"` // the lease's end
	Members   []memberView `json:"members"`
	Count     int          `json:"count"` // of all members
	Tail      []entryView  `json:"tail"`
}

type memberView struct {
	Connection string `json:"connection"`
	User       string `json:"user"`
	Behind     bool   `json:"behind,omitempty"`
}

type entryView struct {
	Seq  uint64 `json:"seq"`
	Void bool   `json:"void,omitempty"`
	User string `json:"user,omitempty"`
	At   int64  `json:"at,omitempty"`
	Text string `json:"text,omitempty"`
}

type functionView struct {
	Name        string `json:"name"`
	Invocations int    `json:"invocations"`
	Errors      int    `json:"errors"`
	ColdStarts  int    `json:"coldStarts"`
	Retries     int    `json:"retries"`
	DeadLetters int    `json:"deadLetters"`
	Busy        int    `json:"busy"`
}

// publish puts all of it on the board.
func (s *snapshot) publish(ctx context.Context, b *board, f *faults) error {
	for _, def := range s.stack.Lambda.Functions() {
		n := s.stack.Lambda.Stats(def.Name)
		b.put("function", def.Name, functionView{def.Name, n.Invocations, n.Errors, n.ColdStarts, n.Retries, n.DeadLetters, n.Busy})
	}
	b.put("armed", "", f.armed())
	return errors.Join(s.publishConnections(ctx, b, f), s.publishRooms(ctx, b))
}

func (s *snapshot) publishConnections(ctx context.Context, b *board, f *faults) error {
	views := map[string]*connectionView{}
	for _, info := range s.stack.Gateway.Connections() {
		views[info.ID] = &connectionView{
			ID: info.ID, Open: true, Rooms: []string{},
			ConnectedAt: info.ConnectedAt.UnixMilli(), ActiveAt: info.LastActiveAt.UnixMilli(),
			Waiting: info.WaitingMessages, In: info.Counters.MessagesIn, Out: info.Counters.MessagesOut,
			Frozen: f.isFrozen(info.ID),
		}
	}
	keys, err := s.keys(ctx, s.tables.Connections)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if !strings.HasPrefix(k.partition, "c#") {
			continue
		}
		c, err := s.connections.Get(ctx, k.sort)
		if errors.Is(err, connection.ErrNotFound) {
			continue // since then
		}
		if err != nil {
			return err
		}
		v := views[c.ID]
		if v == nil {
			v = &connectionView{ID: c.ID, ConnectedAt: c.ConnectedAt.UnixMilli()}
			views[c.ID] = v
		}
		v.Known, v.User, v.Session, v.Rooms = true, c.Identity.User, c.Session, slices.AppendSeq([]string{}, maps.Keys(c.Rooms))
		slices.Sort(v.Rooms)
		v.CheckAt, v.Strikes, v.Closing = c.CheckAt.UnixMilli(), c.Strikes, c.Closing
		if !c.Identity.Expires.IsZero() {
			v.ExpiresAt = c.Identity.Expires.UnixMilli()
		}
	}
	present := map[string]bool{}
	for id, v := range views {
		b.put("connection", id, v)
		present[id] = true
	}
	b.keep("connection", present)
	return nil
}

func (s *snapshot) publishRooms(ctx context.Context, b *board) error {
	keys, err := s.keys(ctx, s.tables.Rooms)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for _, k := range keys {
		// h#<room> is a head, m#<room>#<shard> a membership.
		if parts := strings.Split(k.partition, "#"); len(parts) > 1 {
			names[parts[1]] = true
		}
	}
	shown := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(names))[:min(len(names), maxRooms)] {
		v, err := s.room(ctx, name)
		if err != nil {
			return err
		}
		if v.Head == 0 && v.Count == 0 {
			continue // only marks of those who have left
		}
		b.put("room", name, v)
		shown[name] = true
	}
	b.keep("room", shown)
	return nil
}

func (s *snapshot) room(ctx context.Context, name string) (roomView, error) {
	now := s.stack.Clock.Now()
	head, err := s.log.Head(ctx, name)
	if err != nil {
		return roomView{}, err
	}
	roll, err := s.rooms.Members(ctx, name, 0, now)
	if err != nil {
		return roomView{}, err
	}
	members := roll.Members
	v := roomView{
		Name: name, Epoch: head.Epoch, Head: head.Seq, Delivered: head.Delivered, Owner: head.Lease.Owner,
		Members: []memberView{}, Count: len(members), Tail: []entryView{},
	}
	if head.Lease.Owner != "" {
		v.Until = head.Lease.Until.UnixMilli()
	}
	for _, m := range members[:min(len(members), maxMembers)] {
		v.Members = append(v.Members, memberView{m.ConnectionID, m.User, m.Behind})
	}
	if head.Seq == 0 {
		return v, nil
	}
	entries, err := s.log.Entries(ctx, msglog.RangeParams{
		Room: name, Epoch: head.Epoch, Upto: head.Seq, Limit: maxTail, Now: now, Backward: true,
	})
	if err != nil {
		return roomView{}, err
	}
	for _, e := range entries {
		entry := entryView{Seq: e.Seq, Void: e.Void, User: e.User, Text: preview(e.Data)}
		if !e.Void {
			entry.At = e.At.UnixMilli()
		}
		v.Tail = append(v.Tail, entry)
	}
	return v, nil
}

// preview is the beginning of a message's data, for people: the text of
// {"text":"…"} and of a string, else the JSON.
func preview(data []byte) string {
	var chat struct{ Text *string }
	text := textOf(data)
	if json.Unmarshal(data, &chat) == nil && chat.Text != nil {
		text = *chat.Text
	}
	if runes := []rune(text); len(runes) > maxPreview {
		text = string(runes[:maxPreview]) + "…"
	}
	return text
}

// itemKey is where an item lies.
type itemKey struct{ partition, sort string }

// keys are those of all of a table's items. A scan is for people who look, not
// for functions; it works on LocalStack's DynamoDB too.
func (s *snapshot) keys(ctx context.Context, table string) ([]itemKey, error) {
	pages := awsdynamodb.NewScanPaginator(s.client, &awsdynamodb.ScanInput{
		TableName: &table, ProjectionExpression: aws.String("pk, sk"), ConsistentRead: aws.Bool(true),
	})
	var keys []itemKey
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read keys of %s: %w", table, err)
		}
		for _, item := range page.Items {
			keys = append(keys, itemKey{textAt(item, dynamo.PartitionKey), textAt(item, dynamo.SortKey)})
		}
	}
	return keys, nil
}

func textAt(item map[string]types.AttributeValue, name string) string {
	if s, ok := item[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
