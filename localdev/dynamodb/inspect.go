package dynamodb

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// Tables are the names of all tables, sorted.
func (e *Service) Tables() []string { return e.tableNames() }

// Count is the number of items in a table, expired ones included. It returns
// ErrNoTable if there is no such table.
func (e *Service) Count(table string) (int, error) {
	t, done, err := e.lockForRead(table)
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", table, ErrNoTable)
	}
	defer done()
	return t.rows.Len(), nil
}

// Dump is a table's items as a JSON array, in the form of the wire protocol
// ({"pk":{"S":"…"}}) with one item a line, partitions in the order of a scan
// and sorted within. It returns ErrNoTable if there is no such table. It
// consumes no capacity and no hook sees it.
func (e *Service) Dump(table string) ([]byte, error) {
	t, done, err := e.lockForRead(table)
	if err != nil {
		return nil, fmt.Errorf("dump %s: %w", table, ErrNoTable)
	}
	defer done()
	out := []byte("[")
	var failed error
	t.rows.Scan(func(r *row) bool {
		line, err := encodeJSON(r.item)
		if err != nil {
			failed = err
			return false
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(out, '\n'), line...)
		return true
	})
	if failed != nil {
		return nil, fmt.Errorf("dump %s: %w", table, failed)
	}
	return append(out, "\n]\n"...), nil
}

// Items is a table's items as JSON objects, in the order of Dump. It returns
// ErrNoTable if there is no such table.
func (e *Service) Items(table string) ([]jsontext.Value, error) {
	t, done, err := e.lockForRead(table)
	if err != nil {
		return nil, fmt.Errorf("items of %s: %w", table, ErrNoTable)
	}
	defer done()
	items := make([]jsontext.Value, 0, t.rows.Len())
	var failed error
	t.rows.Scan(func(r *row) bool {
		line, err := encodeJSON(r.item)
		items, failed = append(items, line), err
		return err == nil
	})
	if failed != nil {
		return nil, fmt.Errorf("items of %s: %w", table, failed)
	}
	return items, nil
}
