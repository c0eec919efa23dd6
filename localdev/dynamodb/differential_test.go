package dynamodb_test

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
)

// refereeVariable names the official DynamoDB Local to compare with.
const refereeVariable = "DYNAMODB_LOCAL_ENDPOINT"

// sameMessage are errors that DynamoDB Local words otherwise than DynamoDB;
// the engine speaks as DynamoDB does. Both patterns must match in full.
var sameMessage = []struct{ engine, referee string }{
	{`Requested resource not found(: Table: .* not found)?`, `Cannot do operations on a non-existent table`},
	{`Table already exists: .*`, `Cannot create preexisting table`},
	{`The parameter cannot be converted to a numeric value.*`, `A value provided cannot be converted into a number`},
	{`(.*)The parameter cannot be converted to a numeric value.*( for key .*)`, `(.*)A value provided cannot be converted into a number( for key .*)`},
	{`Attempting to store more than 38 significant digits in a Number`, `DynamoDB only supports precision up to 38 digits`},
	{`\d+ validation errors? detected: .*`, `.*`},
	{`One or more parameter values were invalid: Missing the key .* in the item`, `One of the required keys was not given a value`},
	{`One or more parameter values were invalid: Type mismatch for key .* expected: .* actual: .*`, `One or more parameter values were invalid: Type mismatch for key`},
	{`One or more parameter values were invalid: Type mismatch for Index Key .*`, `One or more parameter values were invalid: Type mismatch for Index Key`},
	{`The provided key element does not match the schema`, `The number of conditions on the keys is invalid`},
	{`The provided key element does not match the schema`, `One or more parameter values were invalid: Type mismatch for key`},
	{`One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes`, `Hash primary key values must be under 2048 bytes, and range primary key values must be under 1024 bytes`},
	{`One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes`, `Hash primary key values must be under 2048 bytes, and range primary key values must be under 1024 bytes`},
	{`One or more parameter values were invalid: Size of the value of index key .*`, `One or more parameter values were invalid: Size limit exceeded`},
	{`One or more parameter values were invalid: Input collection .* contains duplicates\.`, `One or more parameter values were invalid: Input collection .* contains duplicates\.?`},
	{`One or more parameter values were invalid: Empty attribute name`, `Empty attribute name`},
	{`.* is not a data type of DynamoDB`, `Supplied AttributeValue is empty, .*`},
	{`(Invalid .*: Invalid attribute type name found; type: .*, valid types: ){.*}`, `(Invalid .*: Invalid attribute type name found; type: .*, valid types: ){.*}`},
	{`(Invalid .*; operator or function: attribute_type, operand type: ){.*}`, `(Invalid .*; operator or function: attribute_type, operand type: ){.*}`},
	{`(Value provided in .* unused in expressions: ).*`, `(Value provided in .* unused in expressions: ).*`},
	{`Query condition missed key schema element: .*`, `Query condition missed key schema element`},
	{`The provided starting key is (?:invalid.*|outside query boundaries .*)`, `(?:Exclusive Start Key must have same size as table's key schema|Type mismatch for attribute to update|The provided starting key does not match the range key predicate)`},
	{`Consistent reads are not supported on global secondary indexes`, `Consistent read cannot be true when querying a GSI`},
	{`The TotalSegments parameter is required .*`, `If segment is specified, total segment must also be specified`},
	{`The Segment parameter is required .*`, `If total segments is specified, a particular segment must also be specified for this request`},
	{`The Segment parameter is zero-based .*`, `1 validation error detected: Value '\d+' at 'segment' .*`},
	{`TimeToLive is active on a different AttributeName: .*`, `TimeToLive is active on a different AttributeName`},
	{`Transaction payload size cannot exceed 4MB\. Payload Size: \d+`, `Transaction payload size cannot exceed 4MB\. Payload Size: \d+`},
	{`Transaction cancelled, .* \[ValidationError\]`, `The number of conditions on the keys is invalid`},
	{`The legacy parameter Expected is not supported by this engine; use ConditionExpression`, `Can not use both expression and non-expression parameters in the same request: .*`},
	{`DynamoDB rejected the request because you retried .*`, ``},
}

func messagesAgree(engine, referee string) bool {
	if engine == referee {
		return true
	}
	for _, same := range sameMessage {
		a := regexp.MustCompile(`(?s)^` + same.engine + `$`).FindStringSubmatch(engine)
		b := regexp.MustCompile(`(?s)^` + same.referee + `$`).FindStringSubmatch(referee)
		if a != nil && b != nil && (len(a) != len(b) || slices.Equal(a[1:], b[1:])) {
			return true
		}
	}
	return false
}

// normal brings an answer into a form in which equal answers are equal: sets,
// items of a scan and answers per table have no order, and numbers of the
// control plane are the server's own.
func normal(operation string, body map[string]any) any {
	cleaned := map[string]any{}
	for name, v := range body {
		v = unordered(v)
		switch name {
		case "TableDescription", "Table":
			v = describable(v)
		case "Items":
			if operation == "Scan" {
				v = sorted(v)
			}
		case "Responses", "UnprocessedKeys", "UnprocessedItems":
			if tables, ok := v.(map[string]any); ok {
				for table := range tables {
					tables[table] = sorted(tables[table])
				}
			}
		}
		cleaned[name] = v
	}
	return cleaned
}

// describable are those members of a table's description that depend on the
// request alone.
func describable(v any) any {
	table, _ := v.(map[string]any)
	kept := map[string]any{}
	for _, name := range []string{"AttributeDefinitions", "TableName", "KeySchema", "TableStatus", "ItemCount", "DeletionProtectionEnabled"} {
		kept[name] = table[name]
	}
	return kept
}

func unordered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, each := range v {
			switch name {
			case "SS", "NS", "BS":
				v[name] = sorted(each)
			case "N":
				v[name] = trimmed(each)
			default:
				v[name] = unordered(each)
			}
		}
	case []any:
		for i, each := range v {
			v[i] = unordered(each)
		}
	}
	return v
}

// trimmed is a number without trailing zeros, which the referee can leave on
// a sum.
func trimmed(v any) any {
	text, ok := v.(string)
	if !ok || !strings.Contains(text, ".") {
		return v
	}
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

func sorted(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	text := func(v any) string {
		raw, _ := json.Marshal(v)
		return string(raw)
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b any) int { return cmp.Compare(text(a), text(b)) })
	return list
}

// pair runs commands on the engine and on the referee.
type pair struct {
	*testing.T
	engine    *dynamodb.Service
	transport *http.Transport
	endpoint  string
}

func newPair(t *testing.T) *pair {
	t.Helper()
	endpoint := os.Getenv(refereeVariable)
	if endpoint == "" {
		t.Skipf("NOT COMPARED WITH DYNAMODB LOCAL: %s is not set; run this test by .ci/dynamodb-local", refereeVariable)
	}
	p := &pair{T: t, engine: dynamodb.New(dynamodb.Config{}), transport: &http.Transport{}, endpoint: endpoint}
	t.Cleanup(p.transport.CloseIdleConnections)
	tables, _ := p.referee(command{operation: "ListTables", body: "{}"}).body["TableNames"].([]any)
	for _, name := range tables {
		p.referee(command{operation: "DeleteTable", body: `{"TableName":"` + name.(string) + `"}`})
	}
	return p
}

func (p *pair) referee(c command) answer { return send(p.T, p.transport, p.endpoint, c) }

// difference is how two answers differ, empty if they do not.
func difference(c command, ours, theirs answer) string {
	switch {
	case ours.failure() != theirs.failure():
		return "the engine answers " + ours.failure() + " " + ours.message() + "\nthe referee answers " + theirs.failure() + " " + theirs.message()
	case ours.failure() != "" && !messagesAgree(ours.message(), theirs.message()):
		return "engine:  " + ours.message() + "\nreferee: " + theirs.message()
	}
	for _, a := range []answer{ours, theirs} {
		delete(a.body, "message")
		delete(a.body, "Message")
	}
	return gocmp.Diff(normal(c.operation, theirs.body), normal(c.operation, ours.body))
}

// run compares the answers to one command.
func (p *pair) run(c command) (agreed bool) {
	p.Helper()
	ours, theirs := send(p.T, p.engine.Transport(), "http://dynamodb.local", c), p.referee(c)
	difference := difference(c, ours, theirs)
	switch {
	case difference != "" && c.deviation == "":
		p.Errorf("%s\n%s", c, difference)
	case difference == "" && c.deviation != "":
		p.Errorf("%s\nagrees, though it is marked as deviating: %s", c, c.deviation)
	}
	return difference == ""
}

// TestDifferential compares the engine's answers to the scripts with those of
// the official DynamoDB Local. Where that is known to differ from DynamoDB,
// the script or sameMessage says so.
func TestDifferential(t *testing.T) {
	for _, name := range scripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".ops"), func(t *testing.T) {
			p := newPair(t)
			for _, c := range readScript(t, name, rand.Text()) {
				p.run(c)
			}
		})
	}
}

// TestDifferentialRandom compares answers to random requests. A failure names
// its seed; DYNAMODB_LOCAL_SEED repeats it.
func TestDifferentialRandom(t *testing.T) {
	p := newPair(t)
	seed := uint64(1)
	if text := os.Getenv("DYNAMODB_LOCAL_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	const requests = 4000
	g := &generator{Rand: mathrand.New(mathrand.NewPCG(seed, 0))}
	operation, body, _ := strings.Cut(generatedTable, " ")
	p.run(command{operation: operation, body: body})
	failures := 0
	for i := range requests {
		c := g.next()
		ours, theirs := send(t, p.engine.Transport(), "http://dynamodb.local", c), p.referee(c)
		if last, ok := ours.body["LastEvaluatedKey"].(map[string]any); ok && len(last) > 2 == (len(g.starts)%2 == 0) {
			g.starts = append(g.starts, last)
		}
		if difference := randomDifference(c, ours, theirs); difference != "" {
			t.Errorf("seed %d, request %d: %s %s\n%s", seed, i, c.operation, c.body, difference)
			if failures++; failures == 10 {
				t.Fatal("further differences are not shown")
			}
		}
	}
}

// updateFaults are the errors that an update meets on an item.
var updateFaults = regexp.MustCompile(`^(An operand in the update expression has an incorrect data type` +
	`|The document path provided in the update expression is invalid for update` +
	`|The provided expression refers to an attribute that does not exist in the item` +
	`|Attempting to store more than 38 significant digits in a Number|DynamoDB only supports precision up to 38 digits` +
	`|Number (over|under)flow\..*)$`)

// severalActions finds an update of more than one action.
var severalActions = regexp.MustCompile(`"UpdateExpression":"[^"]*(,| (SET|REMOVE|ADD|DELETE) )`)

// randomDifference is difference, but for what the referee is known to do
// otherwise than DynamoDB.
func randomDifference(c command, ours, theirs answer) string {
	// The referee reports an invalid item of a transaction as if there were
	// no transaction.
	if ours.failure() == "TransactionCanceledException" && theirs.failure() == "ValidationException" {
		reasons, _ := ours.body["CancellationReasons"].([]any)
		for _, reason := range reasons {
			r := reason.(map[string]any)
			if r["Code"] == "ValidationError" && (r["Message"] == theirs.message() || updateFaults.MatchString(theirs.message())) {
				return ""
			}
		}
	}
	// Of several faults it may report another, at times by the order of a
	// hash table.
	if ours.failure() == "ValidationException" && theirs.failure() == ours.failure() {
		if strings.HasPrefix(ours.message(), "Invalid ") && strings.HasPrefix(theirs.message(), "Invalid ") {
			return ""
		}
		if severalActions.MatchString(c.body) && updateFaults.MatchString(ours.message()) && updateFaults.MatchString(theirs.message()) {
			return ""
		}
	}
	// It refuses a start key behind which the range can have nothing.
	if ours.body["ScannedCount"] == float64(0) && theirs.message() == "The provided starting key does not match the range key predicate" {
		return ""
	}
	// It may see that the last row of a page is the last row of all.
	if theirs.body["LastEvaluatedKey"] == nil && strings.Contains(c.body, fmt.Sprintf(`"Limit":%v,`, ours.body["ScannedCount"])) {
		delete(ours.body, "LastEvaluatedKey")
	}
	// It ends the message of a failed check with a full stop.
	if reasons, ok := theirs.body["CancellationReasons"].([]any); ok {
		for _, reason := range reasons {
			if r := reason.(map[string]any); r["Message"] != nil {
				r["Message"] = strings.TrimSuffix(r["Message"].(string), ".")
			}
		}
	}
	// It charges nothing for an empty page.
	if ours.body["ScannedCount"] == float64(0) {
		delete(ours.body, "ConsumedCapacity")
		delete(theirs.body, "ConsumedCapacity")
	}
	return difference(c, ours, theirs)
}
