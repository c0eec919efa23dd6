package dynamodb

// units are capacity units, read and write.
type units struct{ read, write float64 }

func (u units) total() float64 { return u.read + u.write }

// usage is what one request consumed of one table and its indexes.
type usage struct {
	name   string
	label  string // the name or the ARN, as the request has it
	table  units
	local  map[string]*units
	global map[string]*units
}

func newUsage(table string) *usage { return &usage{name: table} }

func (u *usage) index(ix *index) *units {
	group := &u.local
	if ix.global {
		group = &u.global
	}
	if *group == nil {
		*group = map[string]*units{}
	}
	if (*group)[ix.name] == nil {
		(*group)[ix.name] = &units{}
	}
	return (*group)[ix.name]
}

// add adds what another request consumed of the same table, factor times.
func (u *usage) add(other *usage, factor float64) {
	u.table.add(other.table, factor)
	addGroup(&u.local, other.local, factor)
	addGroup(&u.global, other.global, factor)
}

func addGroup(group *map[string]*units, other map[string]*units, factor float64) {
	for name, each := range other {
		if *group == nil {
			*group = map[string]*units{}
		}
		if (*group)[name] == nil {
			(*group)[name] = &units{}
		}
		(*group)[name].add(*each, factor)
	}
}

func (u *units) add(other units, factor float64) {
	u.read += factor * other.read
	u.write += factor * other.write
}

// sum is the consumption of the table and all its indexes.
func (u *usage) sum() units {
	all := u.table
	for _, group := range []map[string]*units{u.local, u.global} {
		for _, each := range group {
			all.read += each.read
			all.write += each.write
		}
	}
	return all
}

// writeUnits is 1 per started KB, at least 1: the write of an item that is
// not there consumes 1.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html#write-operation-consumption
func writeUnits(size int) float64 { return float64(max(1, (size+1023)/1024)) }

// readUnits is 1 per started 4 KB of a strongly consistent read and half of
// that otherwise; a read that finds nothing consumes as for the smallest item.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html#read-operation-consumption
func readUnits(size int, consistent bool) float64 {
	whole := float64(max(1, (size+4095)/4096))
	if consistent {
		return whole
	}
	return whole / 2
}

// transactionFactor is what an item costs in a transaction: it is read or
// written twice, to prepare and to commit.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-capacity-handling
const transactionFactor = 2

// consumedCapacity is ConsumedCapacity on the wire.
type consumedCapacity struct {
	TableName              string                    `json:"TableName"`
	CapacityUnits          float64                   `json:"CapacityUnits"`
	ReadCapacityUnits      *float64                  `json:"ReadCapacityUnits,omitempty"`
	WriteCapacityUnits     *float64                  `json:"WriteCapacityUnits,omitempty"`
	Table                  *capacityUnits            `json:"Table,omitempty"`
	LocalSecondaryIndexes  map[string]*capacityUnits `json:"LocalSecondaryIndexes,omitempty"`
	GlobalSecondaryIndexes map[string]*capacityUnits `json:"GlobalSecondaryIndexes,omitempty"`
}

type capacityUnits struct {
	CapacityUnits      float64  `json:"CapacityUnits"`
	ReadCapacityUnits  *float64 `json:"ReadCapacityUnits,omitempty"`
	WriteCapacityUnits *float64 `json:"WriteCapacityUnits,omitempty"`
}

// Values of ReturnConsumedCapacity.
const (
	capacityTotal   = "TOTAL"
	capacityIndexes = "INDEXES"
	choiceNone      = "NONE"
)

// report is the ConsumedCapacity that a request asked for, nil for none.
// Answers of transactions tell reads and writes apart.
func (u *usage) report(wanted string, transaction bool) *consumedCapacity {
	if wanted != capacityTotal && wanted != capacityIndexes {
		return nil
	}
	sum := u.sum()
	whole := sum.wire(transaction)
	c := &consumedCapacity{
		TableName:          u.label,
		CapacityUnits:      whole.CapacityUnits,
		ReadCapacityUnits:  whole.ReadCapacityUnits,
		WriteCapacityUnits: whole.WriteCapacityUnits,
	}
	if wanted == capacityIndexes {
		c.Table = u.table.wire(transaction)
		c.LocalSecondaryIndexes = wireGroup(u.local, transaction)
		c.GlobalSecondaryIndexes = wireGroup(u.global, transaction)
	}
	return c
}

func wireGroup(group map[string]*units, transaction bool) map[string]*capacityUnits {
	if len(group) == 0 {
		return nil
	}
	wire := make(map[string]*capacityUnits, len(group))
	for name, u := range group {
		wire[name] = u.wire(transaction)
	}
	return wire
}

func (u units) wire(transaction bool) *capacityUnits {
	c := &capacityUnits{CapacityUnits: u.total()}
	if transaction && u.read > 0 {
		c.ReadCapacityUnits = &u.read
	}
	if transaction && u.write > 0 {
		c.WriteCapacityUnits = &u.write
	}
	return c
}
