package msglog

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Page is a contiguous piece of a log.
type Page struct {
	Epoch string
	// Head is the highest number up to which the log is known to be filled; if
	// the page was cut, the highest number handed out. Numbers above it are still
	// being written, and members get them by live delivery.
	Head uint64
	// Recovered is false, and Entries is empty, if what was asked for is gone:
	// the epoch is another one, the start is above the head, or the next entry
	// has expired or may have.
	Recovered bool
	// Entries are ascending and contiguous.
	Entries []Entry
	// More is true if a limit cut the page, or if the page ends at an entry that
	// is gone, which the next page then reports.
	More bool
	// Oldest is a number that can be read; a page that starts there is recovered.
	// It is the lowest such number above what is gone if entries expire in order.
	// It is set only if Recovered is false or a backward page met the end of the
	// retention; 0 means that nothing can be read.
	Oldest uint64
	// Pending is true if something waits for a drainer and none is at work.
	Pending bool
}

// Budget limits a page.
type Budget struct {
	Entries int             // most entries
	Bytes   int             // most bytes, though one entry always fits
	Size    func(Entry) int // size of an entry in bytes
}

// fit returns the number of leading entries that stay within the budget.
func (b Budget) fit(entries []Entry) int {
	var bytes int
	for i, e := range entries {
		bytes += b.Size(e)
		if i >= b.Entries || (i > 0 && bytes > b.Bytes) {
			return i
		}
	}
	return len(entries)
}

// Start says where a page begins.
type Start struct {
	// Epoch is the epoch that the numbers belong to; empty means the current one.
	Epoch string
	// Since asks for all entries above this number.
	Since *uint64
	// Before asks for the highest entries below this number.
	Before *uint64
	// Last asks for this many of the highest entries. If Since, Before and Last
	// are all unset, only the head is read.
	Last uint64
}

// Read returns a page of a room's log. It reads the head first. A caller that
// wrote its membership before gets everything up to the head from the page and
// everything above by live delivery, without a gap between them.
func (l *Log) Read(ctx context.Context, room string, start Start, budget Budget) (Page, error) {
	head, err := l.store.Head(ctx, room)
	if err != nil {
		return Page{}, fmt.Errorf("read head: %w", err)
	}
	page := Page{
		Epoch: head.Epoch, Head: head.Seq, Recovered: true,
		Pending: head.Pending() && !head.Lease.Live(l.clock.Now()),
	}
	r := reader{Log: l, room: room, head: head, budget: budget}
	switch {
	case start.Epoch != "" && start.Epoch != head.Epoch:
		err = r.lost(ctx, &page, 0)
	case start.Since != nil && *start.Since > head.Seq:
		err = r.lost(ctx, &page, 0)
	case start.Since != nil:
		err = r.forward(ctx, &page, *start.Since)
	case start.Before != nil:
		err = r.backward(ctx, &page, *start.Before, uint64(budget.Entries)) //nolint:gosec // positive
	default:
		err = r.newest(ctx, &page, start.Last)
	}
	if err != nil {
		return Page{}, err
	}
	return page, nil
}

// reader is one Read in progress.
type reader struct {
	*Log
	room   string
	head   Head
	budget Budget
}

// forward reads everything above since, up to the first hole or the budget.
func (r *reader) forward(ctx context.Context, page *Page, since uint64) error {
	last := since
	for last < r.head.Seq {
		got, err := r.entries(ctx, last, r.head.Seq, false)
		if err != nil {
			return err
		}
		run := contiguous(got, last)
		lost := slices.IndexFunc(run, func(e Entry) bool { return e.Lost })
		if lost >= 0 {
			run = run[:lost]
		}
		page.Entries = append(page.Entries, run...)
		last += uint64(len(run))
		if fit := r.budget.fit(page.Entries); fit < len(page.Entries) {
			page.Entries, page.More = page.Entries[:fit], true
			return nil
		}
		if lost >= 0 {
			return r.stopped(ctx, page, last)
		}
		if last == r.head.Seq {
			return nil
		}
		if len(run) < len(got) || len(got) == 0 {
			if last+1 > r.head.Delivered {
				// The writer is still at work or has died, or the entry expired
				// before it was drained. The drainer finds out, and the member
				// gets the entry live or notices that it is missing.
				page.Head = last
				return nil
			}
			return r.stopped(ctx, page, last)
		}
		if len(page.Entries) == r.budget.Entries {
			page.More = true
			return nil
		}
	}
	return nil
}

// stopped ends a page at an entry that is gone: all numbers up to Delivered were
// filled once. It first returns what can be read before that entry.
func (r *reader) stopped(ctx context.Context, page *Page, last uint64) error {
	if len(page.Entries) > 0 {
		page.More = true
		return nil
	}
	return r.lost(ctx, page, last+1)
}

// lost marks the page as not recovered: the reader must start again above the
// number gone, or anywhere if gone is 0.
func (r *reader) lost(ctx context.Context, page *Page, gone uint64) error {
	page.Recovered = false
	if err := r.settle(ctx, page); err != nil {
		return err
	}
	return r.oldest(ctx, page, gone)
}

// settle lowers the page's head to the last number before the first hole.
func (r *reader) settle(ctx context.Context, page *Page) error {
	last := r.head.Delivered
	for last < r.head.Seq {
		got, err := r.entries(ctx, last, r.head.Seq, false)
		if err != nil {
			return err
		}
		run := contiguous(got, last)
		last += uint64(len(run))
		if len(run) < len(got) || len(got) == 0 {
			break
		}
	}
	page.Head = last
	return nil
}

// oldest finds a number above gone from which there is something to read. It is
// not above the page's head: a reader that began there would skip the hole below,
// and the message that may still be written into it.
//
// Usually that is the first entry found. If TTL is late or many numbers in a row
// are lost, oldest bisects between gone and the head: two reads, and one more
// each time the distance doubles. If the head's entry is gone too, it finds
// nothing.
func (r *reader) oldest(ctx context.Context, page *Page, gone uint64) error {
	high := page.Head
	if gone >= high {
		return nil
	}
	first, err := r.readable(ctx, gone, high)
	if err != nil || first > 0 {
		page.Oldest = first
		return err
	}
	if first, err = r.readable(ctx, high-1, high); err != nil || first == 0 {
		return err
	}
	for high-gone > 1 {
		middle := gone + (high-gone)/2
		found, err := r.readable(ctx, middle-1, middle)
		if err != nil {
			return err
		}
		if found > 0 {
			high = middle
		} else {
			gone = middle
		}
	}
	page.Oldest = high
	return nil
}

// settling is the time for which an entry must stay readable for a reader to be
// sent there, at most. In a busy room, an older entry would be gone by the time
// the reader asks for it.
const settling = time.Minute

// readable returns the number of the first entry within (after, upto], or 0 if
// there is none, or if that entry is lost or about to expire.
func (r *reader) readable(ctx context.Context, after, upto uint64) (uint64, error) {
	got, err := r.store.Entries(ctx, RangeParams{
		Room: r.room, Epoch: r.head.Epoch, After: after, Upto: upto, Limit: 1,
		Now: r.clock.Now().Add(min(settling, r.config.Retention/60)),
	})
	if err != nil {
		return 0, fmt.Errorf("find the oldest entry: %w", err)
	}
	if len(got) == 0 || got[0].Lost {
		return 0, nil
	}
	return got[0].Seq, nil
}

// newest reads the highest count entries up to the settled head.
func (r *reader) newest(ctx context.Context, page *Page, count uint64) error {
	if r.head.Pending() {
		if err := r.settle(ctx, page); err != nil {
			return err
		}
	}
	if count == 0 {
		return nil
	}
	err := r.backward(ctx, page, page.Head+1, count)
	page.More = false
	return err
}

// backward reads the highest count entries below before. More then means that
// older entries can be read.
func (r *reader) backward(ctx context.Context, page *Page, before, count uint64) error {
	if r.head.Pending() && before > r.head.Delivered+1 {
		if err := r.settle(ctx, page); err != nil {
			return err
		}
	}
	upto := min(before, page.Head+1)
	if upto > 0 {
		upto--
	}
	for uint64(len(page.Entries)) < count && upto > 0 {
		got, err := r.entries(ctx, 0, upto, true)
		if err != nil {
			return err
		}
		run := contiguousBack(got, upto)
		page.Entries = append(run, page.Entries...)
		upto -= uint64(len(run))
		if len(run) < len(got) || len(got) == 0 {
			if len(page.Entries) == 0 {
				return r.oldest(ctx, page, upto)
			}
			page.Oldest = upto + 1
			break
		}
		if r.trim(page, count) {
			return nil
		}
	}
	r.trim(page, count)
	if len(page.Entries) > 0 && page.Oldest == 0 {
		page.More = page.More || page.Entries[0].Seq > 1
	}
	return nil
}

// trim drops the lowest entries over the budget and reports whether it dropped
// any.
func (r *reader) trim(page *Page, count uint64) bool {
	budget := r.budget
	budget.Entries = min(budget.Entries, int(count)) //nolint:gosec // at most what was asked for
	keep, bytes := 0, 0
	for i := len(page.Entries) - 1; i >= 0 && keep < budget.Entries; i-- {
		bytes += budget.Size(page.Entries[i])
		if keep > 0 && bytes > budget.Bytes {
			break
		}
		keep++
	}
	if keep == len(page.Entries) {
		return false
	}
	page.Entries, page.More, page.Oldest = page.Entries[len(page.Entries)-keep:], true, 0
	return true
}

// entries reads one page of the store within (after, upto].
func (r *reader) entries(ctx context.Context, after, upto uint64, backward bool) ([]Entry, error) {
	got, err := r.store.Entries(ctx, RangeParams{
		Room: r.room, Epoch: r.head.Epoch, After: after, Upto: upto,
		Limit: r.config.PageEntries, Now: r.clock.Now(), Backward: backward,
	})
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	return got, nil
}

// mayHaveExpired reports whether an entry above the head's pointer may have
// expired: something has been pending for the shortest retention with which a
// number was taken, or for ours if the head has none.
func (l *Log) mayHaveExpired(head Head) bool {
	retention := l.config.Retention
	if head.Retention > 0 {
		retention = min(retention, head.Retention)
	}
	return !l.clock.Now().Before(head.PendingSince.Add(retention))
}

// contiguous returns the leading entries numbered without a gap from after+1.
func contiguous(entries []Entry, after uint64) []Entry {
	for i, e := range entries {
		if e.Seq != after+1+uint64(i) {
			return entries[:i]
		}
	}
	return entries
}

// contiguousBack returns the trailing entries numbered without a gap up to upto,
// and nothing before a lost one.
func contiguousBack(entries []Entry, upto uint64) []Entry {
	for i := range entries {
		at := len(entries) - 1 - i
		if entries[at].Seq != upto-uint64(i) || entries[at].Lost {
			return entries[at+1:]
		}
	}
	return entries
}
