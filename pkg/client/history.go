package client

import (
	"context"
	"fmt"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// HistoryQuery is the argument of [Room.History]. The zero value reads forwards
// from the beginning.
type HistoryQuery struct {
	// Since reads forwards the entries above its number. An empty Epoch means
	// the current one.
	Since Position
	// Before, if not 0, reads the last entries below it instead, in the epoch of
	// Since.
	Before uint64
	// Limit is the most entries to return, 1 to 100. Default 100. Fewer come if
	// they do not fit into one frame.
	Limit int
}

// HistoryPage is a part of a log.
type HistoryPage struct {
	Epoch string
	// Head is the highest number that can be read.
	Head uint64
	// Oldest is the lowest number that can be read, or 0 if the server did not
	// say.
	Oldest uint64
	// Messages are in ascending order. Numbers whose writer died are left out.
	Messages []Message
	// First and Last are the numbers that the page covers; 0 if it is empty.
	First, Last uint64
	// More is true if there are entries above Last, or below First if the query
	// had Before.
	More bool
}

// History reads one page of the log. It repeats the command until the server
// answers or ctx is done. It needs permission, and no membership. A
// [*ResetError] means that some of the requested entries are gone; its Oldest is
// the first that can be read.
func (r *Room) History(ctx context.Context, query HistoryQuery) (HistoryPage, error) {
	h := &protocol.History{Room: r.name, Epoch: query.Since.Epoch}
	if query.Before > 0 {
		h.Before = &query.Before
	} else {
		h.Since = &query.Since.Seq
	}
	if query.Limit != 0 {
		limit := uint64(max(0, query.Limit))
		h.Limit = &limit
	}
	result, err := r.client.command(ctx, h)
	if err != nil {
		return HistoryPage{}, fmt.Errorf("history: %w", err)
	}
	p, err := decode[page](result)
	if err != nil {
		return HistoryPage{}, fmt.Errorf("history: %w", err)
	}
	if !p.Recovered {
		return HistoryPage{}, fmt.Errorf("history: %w", &ResetError{
			Room: r.name, From: query.Since, To: Position{p.Epoch, p.Head}, Oldest: p.Oldest,
		})
	}
	answer := HistoryPage{Epoch: p.Epoch, Head: p.Head, Oldest: p.Oldest, More: p.More}
	if n := len(p.Messages); n > 0 {
		answer.First, answer.Last = p.Messages[0].Seq, p.Messages[n-1].Seq
	}
	for _, e := range p.Messages {
		if !e.Void {
			answer.Messages = append(answer.Messages, newMessage(r.name, p.Epoch, e))
		}
	}
	return answer, nil
}
