package dynamo

import (
	"context"
	"strconv"

	"github.com/gapless-rooms/gapless/pkg/limit"
)

var _ limit.Store = (*Limits)(nil)

// Limits keeps counts in the connections table, one item per key and window. It
// is safe for concurrent use.
type Limits struct {
	client API
	table  string
}

// NewLimits returns Limits over the connections table.
func NewLimits(client API, table string) *Limits { return &Limits{client, table} }

// Add adds to a count: 1 WRU.
func (s *Limits) Add(ctx context.Context, p limit.AddParams) (int, error) {
	now, err := update{
		table: s.table, key: key("l#"+p.Key, text(strconv.FormatInt(p.Start.UnixMilli(), 10))),
		set: "SET x = :x ADD n :n", values: item{":x": seconds(p.Expires), ":n": number(p.N)},
	}.run(ctx, s.client, "count against a limit")
	if err != nil {
		return 0, err
	}
	return int(numberOf(now, "n")), nil
}
