package cost

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Usage is what was asked of AWS.
type Usage struct {
	// WriteUnits and ReadUnits are DynamoDB's, as it reports them.
	WriteUnits, ReadUnits float64
	// Calls counts the other services' calls by name.
	Calls map[string]int
}

// Meter counts the calls that functions make. It is safe for concurrent use.
type Meter struct {
	mu    sync.Mutex
	usage Usage
	by    map[string]Usage // by function
}

// Transport wraps a function's transport; it has the shape of
// stack.Config.Transport.
func (m *Meter) Transport(function string, next http.RoundTripper) http.RoundTripper {
	return &metered{m, function, next}
}

// Take returns what was used since the last Take.
func (m *Meter) Take() Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.usage
	m.usage, m.by = Usage{}, nil
	return u
}

// By returns what one function has used since the last Take.
func (m *Meter) By(function string) Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.by[function]
}

func (m *Meter) add(function string, add func(*Usage)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by == nil {
		m.by = map[string]Usage{}
	}
	u := m.by[function]
	add(&u)
	m.by[function] = u
	add(&m.usage)
}

func (u *Usage) call(name string) {
	if u.Calls == nil {
		u.Calls = map[string]int{}
	}
	u.Calls[name]++
}

type metered struct {
	meter    *Meter
	function string
	next     http.RoundTripper
}

// RoundTrip asks DynamoDB for the consumed capacity of every call, and counts
// the calls of the others.
func (t *metered) RoundTrip(r *http.Request) (*http.Response, error) {
	operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")
	if !ok {
		name := r.Method + " " + r.URL.Path
		if err := named(r, &name); err != nil {
			return nil, err
		}
		t.meter.add(t.function, func(u *Usage) { u.call(name) })
		return t.next.RoundTrip(r)
	}
	if err := askForCapacity(r); err != nil {
		return nil, err
	}
	response, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct {
		ConsumedCapacity *struct{ CapacityUnits float64 }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	units := 0.0
	if answer.ConsumedCapacity != nil {
		units = answer.ConsumedCapacity.CapacityUnits
	} else if response.StatusCode != http.StatusOK {
		// A failed condition consumes what the write would have: DynamoDB does
		// not report it
		// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html).
		units = 1
	}
	t.meter.add(t.function, func(u *Usage) {
		switch operation {
		case "PutItem", "UpdateItem", "DeleteItem":
			u.WriteUnits += units
		case "GetItem", "Query":
			u.ReadUnits += units
		default:
			u.call(operation)
		}
	})
	return response, nil
}

// askForCapacity adds ReturnConsumedCapacity to a DynamoDB request.
func askForCapacity(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	request := map[string]json.RawMessage{}
	if err := json.Unmarshal(body, &request); err != nil {
		return fmt.Errorf("read DynamoDB request: %w", err)
	}
	request["ReturnConsumedCapacity"] = json.RawMessage(`"TOTAL"`)
	if body, err = json.Marshal(request); err != nil {
		return err
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// named replaces a call's method and path by the operation's name.
func named(r *http.Request, name *string) error {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, operation, _ := strings.Cut(target, ".")
		*name = operation
		return nil
	}
	if strings.Contains(r.URL.Path, "/@connections/") {
		*name = map[string]string{
			http.MethodPost: "PostToConnection", http.MethodGet: "GetConnection", http.MethodDelete: "DeleteConnection",
		}[r.Method]
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	for pair := range strings.SplitSeq(string(body), "&") {
		if action, ok := strings.CutPrefix(pair, "Action="); ok {
			*name = action
		}
	}
	return nil
}
