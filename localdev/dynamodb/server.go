package dynamodb

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/localdev/inproc"
	"github.com/gapless-rooms/gapless/localdev/service"
)

const maxRequestSize = 16 << 20

// call is a request on its way: what the hooks want to know of it.
type call struct {
	operation string
	tables    []string
	arns      map[string]string // by table, where the request has one in place of the name
	usages    []*usage
	fault     Fault
}

// consume adds a usage to what observers will see.
func (c *call) consume(table string) *usage {
	u := newUsage(table)
	u.label = c.label(table)
	c.usages = append(c.usages, u)
	return u
}

// label is what the request calls a table: its name or its ARN. Answers call it
// the same.
func (c *call) label(table string) string {
	if arn := c.arns[table]; arn != "" {
		return arn
	}
	return table
}

// tableName is the name of a table in a request. The request may give the
// table's ARN in its place.
type tableName string

// emptyName is a name that is there but empty, as opposed to one that is not.
const emptyName tableName = "\x00"

// readTableName reads a name or an ARN.
func (e *Service) readTableName(c *call) func(*jsontext.Decoder, *tableName) error {
	return func(dec *jsontext.Decoder, name *tableName) error {
		if dec.PeekKind() == 'n' {
			return dec.SkipValue()
		}
		if dec.PeekKind() != '"' {
			return errors.ErrUnsupported
		}
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		text := token.String()
		if text == "" {
			*name = emptyName
			return nil
		}
		if bare, ok := strings.CutPrefix(text, e.arn("")); ok {
			c.arns[bare] = text
			text = bare
		}
		*name = tableName(text)
		return nil
	}
}

// arn is the ARN of a table.
func (e *Service) arn(table string) string {
	return fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/%s", e.config.Region, e.config.AccountID, table)
}

// request is what every decoded request can tell.
type request interface{ tableNames() []tableName }

// handle makes an operation of a function that takes a decoded request.
func handle[R any, P interface {
	*R
	request
}](name string, run func(*Service, P, *call) (any, error)) service.Operation[*Service] {
	return func(e *Service, _ *http.Request, body []byte) (answer any, err error) {
		c := &call{operation: name, arns: map[string]string{}}
		// Observers are told even when a fault drops the connection by a panic.
		defer func() { e.report(c, err) }()
		r := P(new(R))
		if err := decodeRequest(body, r, json.UnmarshalFromFunc(e.readTableName(c))); err != nil {
			return nil, err
		}
		for _, table := range r.tableNames() {
			if table != emptyName {
				c.tables = append(c.tables, string(table))
			}
		}
		slices.Sort(c.tables)
		c.tables = slices.Compact(c.tables)
		if strike := e.fault.Get(); strike != nil {
			c.fault = strike(c.operation, strings.Join(c.tables, ","))
		}
		if err := before(c.fault, c.operation); err != nil {
			return nil, err
		}
		answer, err = run(e, r, c)
		if failed := c.fault.After(failures); failed != nil {
			return nil, failed
		}
		return answer, err
	}
}

var operations = map[string]service.Operation[*Service]{
	"PutItem":    handle("PutItem", (*Service).putItem),
	"GetItem":    handle("GetItem", (*Service).getItem),
	"UpdateItem": handle("UpdateItem", (*Service).updateItem),
	"DeleteItem": handle("DeleteItem", (*Service).deleteItem),
	"Query":      handle("Query", (*Service).query),
	"Scan":       handle("Scan", (*Service).scan),

	"BatchGetItem":       handle("BatchGetItem", (*Service).batchGetItem),
	"BatchWriteItem":     handle("BatchWriteItem", (*Service).batchWriteItem),
	"TransactGetItems":   handle("TransactGetItems", (*Service).transactGetItems),
	"TransactWriteItems": handle("TransactWriteItems", (*Service).transactWriteItems),

	"CreateTable":        handle("CreateTable", (*Service).createTable),
	"DescribeTable":      handle("DescribeTable", (*Service).describeTable),
	"DeleteTable":        handle("DeleteTable", (*Service).deleteTable),
	"ListTables":         handle("ListTables", (*Service).listTables),
	"UpdateTable":        handle("UpdateTable", (*Service).updateTable),
	"UpdateTimeToLive":   handle("UpdateTimeToLive", (*Service).updateTimeToLive),
	"DescribeTimeToLive": handle("DescribeTimeToLive", (*Service).describeTimeToLive),
}

// ServeHTTP answers one request of the wire protocol. A GET is answered as
// DynamoDB answers health checks.
func (e *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "healthy: dynamodb.%s.amazonaws.com \n", e.config.Region)
		return
	}
	e.front.ServeHTTP(w, r)
}

// newFront puts the JSON protocol before an engine.
func newFront(e *Service) *service.JSON[*Service] {
	return &service.JSON[*Service]{
		Service: e, Version: "1.0", Target: "DynamoDB_20120810.", Operations: operations, MaxRequest: maxRequestSize,
		RequestID:   func() string { return fmt.Sprintf("%052d", e.requests.Add(1)) },
		Unsupported: unknownOperation, Failure: failure,
	}
}

// Transport calls the engine in process, on the caller's goroutine. A connection
// that a fault drops is inproc.ErrAborted.
func (e *Service) Transport() http.RoundTripper { return inproc.Transport{Handler: e} }

// Client is an SDK client that calls the engine in process, without a socket
// and without a goroutine, so that it works inside a testing/synctest bubble.
// The options come after its own.
func (e *Service) Client(options ...func(*sdk.Options)) *sdk.Client {
	return sdk.NewFromConfig(inproc.AWS(e, e.config.Region), options...)
}

// Observe calls f for each request from now on, once it is answered and in its
// goroutine. No lock is held, so f may use the engine. stop ends it.
func (e *Service) Observe(f func(Call)) (stop func()) { return e.calls.Observe(f) }

// SetFault replaces Config.Fault; nil ends all faults.
func (e *Service) SetFault(f func(operation, tables string) Fault) { e.fault.Set(f) }

func (e *Service) report(c *call, err error) {
	seen := Call{Operation: c.operation, Tables: c.tables, Fault: c.fault}
	for _, u := range c.usages {
		sum := u.sum()
		seen.ReadUnits += sum.read
		seen.WriteUnits += sum.write
	}
	if err != nil {
		seen.Error = asAPIError(err).name()
	}
	e.calls.Emit(seen)
}
