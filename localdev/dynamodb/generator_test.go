package dynamodb_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// generator makes random requests for a table of key (pk S, sk N) with a
// global index by (g S, sk) and a local one by (pk, r N). It keeps away from
// what DynamoDB leaves open: no two items are alike in an index's key.
type generator struct {
	*rand.Rand
	starts []map[string]any // start keys that queries may continue from
}

const generatedTable = `CreateTable {"TableName":"random","BillingMode":"PAY_PER_REQUEST",` +
	`"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"N"},{"AttributeName":"g","AttributeType":"S"},{"AttributeName":"r","AttributeType":"N"}],` +
	`"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],` +
	`"GlobalSecondaryIndexes":[{"IndexName":"by-g","KeySchema":[{"AttributeName":"g","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["n","s"]}}],` +
	`"LocalSecondaryIndexes":[{"IndexName":"by-r","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"r","KeyType":"RANGE"}],"Projection":{"ProjectionType":"KEYS_ONLY"}}]}`

type object = map[string]any

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// next is a random command.
func (g *generator) next() command {
	operation := pick(g, "PutItem", "PutItem", "UpdateItem", "UpdateItem", "UpdateItem", "UpdateItem", "DeleteItem",
		"GetItem", "Query", "Query", "Query", "Query", "Scan", "BatchWriteItem", "BatchGetItem", "TransactWriteItems", "TransactGetItems")
	var body object
	switch operation {
	case "PutItem":
		body = g.single(g.write(object{"Item": g.item()}), "ALL_OLD")
	case "UpdateItem":
		body = g.update()
	case "DeleteItem":
		body = g.single(g.write(object{"Key": g.key()}), "ALL_OLD")
		// The referee reports the capacity of a delete even if it must not.
		body["ReturnConsumedCapacity"] = "INDEXES"
	case "GetItem":
		body = g.read()
		body["ConsistentRead"] = g.chance(50)
		body["ReturnConsumedCapacity"] = pick(g, "NONE", "TOTAL", "INDEXES")
	case "Query":
		body = g.query()
	case "Scan":
		e := expression{generator: g}
		body = object{"TableName": "random", "ConsistentRead": true}
		if g.chance(60) {
			body["FilterExpression"] = e.condition(2)
		}
		e.into(body)
	case "BatchWriteItem":
		body = g.batchWrite()
	case "BatchGetItem":
		body = object{"RequestItems": object{"random": object{"Keys": g.keys()}}}
	case "TransactWriteItems":
		body = g.transactWrite()
	case "TransactGetItems":
		var items []any
		for _, key := range g.keys() {
			items = append(items, object{"Get": object{"TableName": "random", "Key": key}})
		}
		body = object{"TransactItems": items}
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return command{operation: operation, body: string(text)}
}

func (g *generator) key() object {
	return object{"pk": object{"S": pick(g, "a", "b", "ü")}, "sk": object{"N": pick(g, "1", "2", "3", "10", "-2.5", "1e1", "0.30")}}
}

// keys are some distinct keys.
func (g *generator) keys() []any {
	var all []any
	for _, pk := range []string{"a", "b", "ü"} {
		for _, sk := range []string{"1", "2", "3", "10"} {
			all = append(all, object{"pk": object{"S": pk}, "sk": object{"N": sk}})
		}
	}
	g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+g.IntN(5)]
}

func (g *generator) item() object {
	it := g.key()
	for range g.IntN(6) {
		name := pick(g, "n", "s", "l", "m", "ss", "ns", "x", "big")
		it[name] = g.value(name)
	}
	g.indexKeys(it)
	return it
}

// indexKeys adds index keys that no other item has.
func (g *generator) indexKeys(it object) {
	pk, sk := it["pk"].(object)["S"].(string), it["sk"].(object)["N"].(string)
	if g.chance(60) {
		it["g"] = object{"S": pk + pick(g, "-x", "-y")}
	}
	if g.chance(60) {
		n, _ := strconv.ParseFloat(sk, 64)
		it["r"] = object{"N": strconv.FormatFloat(pick(g, n, -n-100, n+1000), 'f', -1, 64)}
	}
}

// value is mostly of the type that the attribute's name suggests.
func (g *generator) value(name string) object {
	if g.chance(15) {
		name = pick(g, "n", "s", "l", "m", "ss", "ns", "x", "b")
	}
	switch name {
	case "n":
		return object{"N": pick(g, "0", "1", "-1", "5", "2.5", "1000", "-0.001", "99999999999999999999999999999999999999", "0."+strings.Repeat("0", 129)+"1", "9"+strings.Repeat("0", 125))}
	case "s":
		return object{"S": pick(g, "", "x", "xy", "ü", "\U0001F600", "z")}
	case "l":
		list := []any{}
		for range g.IntN(4) {
			list = append(list, g.value(pick(g, "n", "s", "m")))
		}
		return object{"L": list}
	case "m":
		m := object{}
		for range g.IntN(3) {
			m[pick(g, "k", "j", "i")] = g.value(pick(g, "n", "s", "l"))
		}
		return object{"M": m}
	case "ss":
		return object{"SS": pick(g, []string{"x"}, []string{"x", "y"}, []string{"z", ""})}
	case "ns":
		return object{"NS": pick(g, []string{"1"}, []string{"1", "2.5"}, []string{"3", "-4"})}
	case "b":
		return object{"B": pick(g, "", "AAE=", "/w==")}
	case "big":
		return object{"S": strings.Repeat("x", g.IntN(9000))}
	}
	return pick(g, object{"BOOL": true}, object{"BOOL": false}, object{"NULL": true}, object{"B": "AA=="})
}

// write adds what every write may have.
func (g *generator) write(body object) object {
	e := expression{generator: g}
	body["TableName"] = "random"
	if g.chance(40) {
		body["ConditionExpression"] = e.condition(2)
		body["ReturnValuesOnConditionCheckFailure"] = pick(g, "NONE", "ALL_OLD")
	}
	e.into(body)
	return body
}

// single adds what a write that stands alone may have.
func (g *generator) single(body object, returnValues ...string) object {
	body["ReturnValues"] = pick(g, append(returnValues, "NONE")...)
	body["ReturnConsumedCapacity"] = pick(g, "NONE", "TOTAL", "INDEXES")
	return body
}

func (g *generator) update() object {
	e := expression{generator: g}
	body := object{"TableName": "random", "Key": g.key(), "UpdateExpression": e.update()}
	nested := strings.ContainsAny(body["UpdateExpression"].(string), "[.")
	if g.chance(30) {
		body["ConditionExpression"] = e.condition(1)
	}
	e.into(body)
	if nested {
		return g.single(body, "ALL_OLD", "ALL_NEW")
	}
	return g.single(body, "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
}

func (g *generator) read() object {
	e := expression{generator: g}
	body := object{"TableName": "random", "Key": g.key()}
	if g.chance(60) {
		body["ProjectionExpression"] = e.projection()
	}
	e.into(body)
	return body
}

func (g *generator) query() object {
	e := expression{generator: g}
	body := object{"TableName": "random", "ScanIndexForward": g.chance(50), "ReturnConsumedCapacity": "INDEXES"}
	pk := pick(g, "a", "b", "ü")
	hash, sort := "pk", "sk"
	switch g.IntN(3) {
	case 0:
		hash, pk = "g", pk+pick(g, "-x", "-y")
		body["IndexName"] = "by-g"
	case 1:
		sort = "r"
		body["IndexName"] = "by-r"
		body["ConsistentRead"] = g.chance(50)
		body["Select"] = pick(g, "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "COUNT")
	default:
		body["ConsistentRead"] = g.chance(50)
		if g.chance(40) {
			body["FilterExpression"] = e.filter()
		}
		if g.chance(30) {
			body["ProjectionExpression"] = e.projection()
		}
	}
	condition := hash + " = " + e.val(object{"S": pk})
	bound := func() string { return e.val(object{"N": pick(g, "1", "2", "-2.5", "5", "10", "1002", "-103")}) }
	switch g.IntN(5) {
	case 0:
		condition += " AND " + sort + pick(g, " < ", " <= ", " > ", " >= ", " = ") + bound()
	case 1:
		condition += " AND " + sort + " BETWEEN " + bound() + " AND " + bound()
	case 2:
		condition = bound() + pick(g, " < ", " >= ") + sort + " AND " + condition
	}
	body["KeyConditionExpression"] = condition
	if g.chance(60) {
		body["Limit"] = 1 + g.IntN(4)
	}
	if len(g.starts) > 0 && g.chance(20) {
		body["ExclusiveStartKey"] = pick(g, g.starts...)
	}
	e.into(body)
	return body
}

func (g *generator) batchWrite() object {
	var requests []any
	// The referee charges twice for the delete of an absent item in a batch.
	deletes, capacity := 0, "INDEXES"
	if g.chance(50) {
		deletes, capacity = 60, "NONE"
	}
	for _, key := range g.keys() {
		if g.chance(deletes) {
			requests = append(requests, object{"DeleteRequest": object{"Key": key}})
			continue
		}
		it := g.item()
		for name, v := range key.(object) {
			it[name] = v
		}
		delete(it, "g")
		delete(it, "r")
		g.indexKeys(it)
		requests = append(requests, object{"PutRequest": object{"Item": it}})
	}
	return object{"RequestItems": object{"random": requests}, "ReturnConsumedCapacity": capacity}
}

func (g *generator) transactWrite() object {
	var items []any
	for _, key := range g.keys() {
		switch g.IntN(4) {
		case 0:
			it := object{}
			for name, v := range key.(object) {
				it[name] = v
			}
			g.indexKeys(it)
			items = append(items, object{"Put": g.write(object{"Item": it})})
		case 1:
			items = append(items, object{"Delete": g.write(object{"Key": key})})
		case 2:
			e := expression{generator: g}
			body := object{"TableName": "random", "Key": key, "ConditionExpression": e.condition(1)}
			e.into(body)
			items = append(items, object{"ConditionCheck": body})
		default:
			e := expression{generator: g}
			body := object{"TableName": "random", "Key": key, "UpdateExpression": e.update()}
			e.into(body)
			items = append(items, object{"Update": body})
		}
	}
	return object{"TransactItems": items}
}

// expression makes the expressions of one request with their placeholders.
type expression struct {
	*generator
	names  object
	values object
}

// into adds the placeholders to a request.
func (e *expression) into(body object) {
	if len(e.names) > 0 {
		body["ExpressionAttributeNames"] = e.names
	}
	if len(e.values) > 0 {
		body["ExpressionAttributeValues"] = e.values
	}
}

func (e *expression) val(v object) string {
	if e.values == nil {
		e.values = object{}
	}
	key := fmt.Sprintf(":v%d", len(e.values))
	e.values[key] = v
	return key
}

// name is an attribute's name, at times behind a placeholder.
func (e *expression) name(name string) string {
	if e.chance(70) {
		return name
	}
	if e.names == nil {
		e.names = object{}
	}
	e.names["#"+name] = name
	return "#" + name
}

// path is a document path and the name that suggests its value's type.
func (e *expression) path() (text, like string) {
	switch e.IntN(10) {
	case 0:
		return e.name("l") + "[" + strconv.Itoa(e.IntN(3)) + "]", "n"
	case 1:
		return e.name("m") + "." + e.name(pick(e.generator, "k", "j")), pick(e.generator, "n", "s", "l")
	case 2:
		return "l[0].k", "n"
	case 3:
		return "m.i[1]", "n"
	}
	like = pick(e.generator, "n", "s", "l", "m", "ss", "ns", "x")
	return e.name(like), like
}

func (e *expression) condition(depth int) string {
	if depth > 0 && e.chance(50) {
		switch e.IntN(3) {
		case 0:
			return "NOT " + e.grouped(depth-1)
		case 1:
			return e.condition(depth-1) + " AND " + e.grouped(depth-1)
		default:
			return e.grouped(depth-1) + " OR " + e.condition(depth-1)
		}
	}
	path, like := e.path()
	v := func() string { return e.val(e.value(like)) }
	switch e.IntN(9) {
	case 0:
		return "attribute_exists(" + path + ")"
	case 1:
		return "attribute_not_exists(" + path + ")"
	case 2:
		return "attribute_type(" + path + ", " + e.val(object{"S": pick(e.generator, "S", "N", "L", "M", "SS", "NS", "BOOL", "NULL", "B")}) + ")"
	case 3:
		return "contains(" + path + ", " + e.val(e.value(pick(e.generator, "s", "n"))) + ")"
	case 4:
		return "begins_with(" + path + ", " + e.val(e.value("s")) + ")"
	case 5:
		return "size(" + path + ")" + pick(e.generator, " > ", " = ", " <= ") + e.val(object{"N": strconv.Itoa(e.IntN(4))})
	case 6:
		return path + " IN (" + v() + ", " + v() + ")"
	case 7:
		other, _ := e.path()
		return path + pick(e.generator, " = ", " <> ", " < ", " >= ") + other
	}
	return path + pick(e.generator, " = ", " <> ", " < ", " <= ", " > ", " >= ") + v()
}

func (e *expression) grouped(depth int) string { return "(" + e.condition(depth) + ")" }

// filter is a condition without key attributes.
func (e *expression) filter() string { return e.condition(1) }

func (e *expression) projection() string {
	var paths []string
	for range 1 + e.IntN(3) {
		path, _ := e.path()
		paths = append(paths, path)
	}
	return strings.Join(paths, ", ")
}

// update is an UpdateExpression with one to three actions, whose paths may
// overlap.
func (e *expression) update() string {
	sections := map[string][]string{}
	for range 1 + e.IntN(3) {
		path, like := e.path()
		switch e.IntN(8) {
		case 0:
			sections["REMOVE"] = append(sections["REMOVE"], path)
		case 1:
			sections["ADD"] = append(sections["ADD"], path+" "+e.val(e.value(pick(e.generator, "n", "ss", "ns"))))
		case 2:
			sections["DELETE"] = append(sections["DELETE"], path+" "+e.val(e.value(pick(e.generator, "ss", "ns"))))
		default:
			sections["SET"] = append(sections["SET"], path+" = "+e.assigned(like))
		}
	}
	var all []string
	for _, section := range []string{"SET", "REMOVE", "ADD", "DELETE"} {
		if len(sections[section]) > 0 {
			all = append(all, section+" "+strings.Join(sections[section], ", "))
		}
	}
	e.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return strings.Join(all, " ")
}

func (e *expression) assigned(like string) string {
	other, _ := e.path()
	switch e.IntN(6) {
	case 0:
		return other
	case 1:
		return other + pick(e.generator, " + ", " - ") + e.val(e.value("n"))
	case 2:
		return "if_not_exists(" + other + ", " + e.val(e.value(like)) + ")"
	case 3:
		return "list_append(" + other + ", " + e.val(e.value("l")) + ")"
	case 4:
		return "if_not_exists(n, " + e.val(object{"N": "0"}) + ") + " + e.val(object{"N": "1"})
	}
	return e.val(e.value(like))
}
