package dynamodb

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	targetPrefix   = "DynamoDB_20120810."
	contentType    = "application/x-amz-json-1.0"
	maxRequestSize = 16 << 20
)

// call is a request on its way: what the hooks want to know of it.
type call struct {
	operation string
	tables    []string
	usages    []*usage
	fault     Fault
}

// consume adds a usage to what OnCall will see.
func (c *call) consume(table string) *usage {
	u := newUsage(table)
	c.usages = append(c.usages, u)
	return u
}

// request is what every decoded request can tell.
type request interface{ tableNames() []string }

type operation func(e *Engine, body []byte, c *call) (any, error)

// handle makes an operation of a function that takes a decoded request.
func handle[R any, P interface {
	*R
	request
}](run func(*Engine, P, *call) (any, error)) operation {
	return func(e *Engine, body []byte, c *call) (any, error) {
		r := P(new(R))
		if err := decodeRequest(body, r); err != nil {
			return nil, err
		}
		c.tables = r.tableNames()
		slices.Sort(c.tables)
		c.tables = slices.Compact(c.tables)
		if e.config.Fault != nil {
			c.fault = e.config.Fault(c.operation, strings.Join(c.tables, ","))
		}
		if err := c.fault.before(c.operation); err != nil {
			return nil, err
		}
		answer, err := run(e, r, c)
		if fault := c.fault.after(); fault != nil {
			return nil, fault
		}
		return answer, err
	}
}

var operations = map[string]operation{
	"PutItem":    handle((*Engine).putItem),
	"GetItem":    handle((*Engine).getItem),
	"UpdateItem": handle((*Engine).updateItem),
	"DeleteItem": handle((*Engine).deleteItem),
	"Query":      handle((*Engine).query),
	"Scan":       handle((*Engine).scan),

	"BatchGetItem":       handle((*Engine).batchGetItem),
	"BatchWriteItem":     handle((*Engine).batchWriteItem),
	"TransactGetItems":   handle((*Engine).transactGetItems),
	"TransactWriteItems": handle((*Engine).transactWriteItems),

	"CreateTable":        handle((*Engine).createTable),
	"DescribeTable":      handle((*Engine).describeTable),
	"DeleteTable":        handle((*Engine).deleteTable),
	"ListTables":         handle((*Engine).listTables),
	"UpdateTable":        handle((*Engine).updateTable),
	"UpdateTimeToLive":   handle((*Engine).updateTimeToLive),
	"DescribeTimeToLive": handle((*Engine).describeTimeToLive),
}

// ServeHTTP answers one request of the wire protocol. A GET is answered as
// DynamoDB answers health checks.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", fmt.Sprintf("%052d", e.requests.Add(1)))
	if r.Method == http.MethodGet {
		send(w, http.StatusOK, "text/plain; charset=utf-8", []byte("healthy: dynamodb."+e.config.Region+".amazonaws.com \n"))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestSize))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			failure := serviceError("RequestTooLarge", "Request size exceeded %d bytes", maxRequestSize)
			failure.status = http.StatusRequestEntityTooLarge
			e.answer(w, nil, failure)
		}
		return // otherwise the client is gone
	}
	answer, err := e.serve(r, body)
	e.answer(w, answer, err)
}

func (e *Engine) serve(r *http.Request, body []byte) (any, error) {
	target := r.Header.Get("X-Amz-Target")
	name, ok := strings.CutPrefix(target, targetPrefix)
	run := operations[name]
	if !ok || run == nil || r.Method != http.MethodPost {
		return nil, newError(protocolErrors+"UnknownOperationException", "Operation %q is not supported by this engine", []any{target})
	}
	c := &call{operation: name}
	// The hook runs even when a fault drops the connection by a panic.
	var failed error
	defer func() { e.report(c, failed) }()
	answer, err := run(e, body, c)
	failed = err
	return answer, err
}

func (e *Engine) report(c *call, err error) {
	if e.config.OnCall == nil {
		return
	}
	seen := Call{Operation: c.operation, Tables: c.tables, Fault: c.fault}
	for _, u := range c.usages {
		sum := u.sum()
		seen.ReadUnits += sum.read
		seen.WriteUnits += sum.write
	}
	if err != nil {
		seen.Error = asAPIError(err).name()
	}
	e.config.OnCall(seen)
}

func (e *Engine) answer(w http.ResponseWriter, answer any, err error) {
	status := http.StatusOK
	if err != nil {
		failure := asAPIError(err)
		status, answer = failure.status, failure
	}
	body, err := encodeJSON(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, status, contentType, body)
}

func send(w http.ResponseWriter, status int, kind string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // JSON, as its Content-Type says
}
