package dynamodb

const (
	keyTypeHash  = "HASH"
	keyTypeRange = "RANGE"

	projectAll      = "ALL"
	projectKeysOnly = "KEYS_ONLY"
	projectInclude  = "INCLUDE"

	billingOnDemand    = "PAY_PER_REQUEST"
	billingProvisioned = "PROVISIONED"
)

type attributeDefinition struct {
	AttributeName string `json:"AttributeName"`
	AttributeType string `json:"AttributeType"`
}

type keyElement struct {
	AttributeName string `json:"AttributeName"`
	KeyType       string `json:"KeyType"`
}

type projectionSpec struct {
	ProjectionType   string   `json:"ProjectionType,omitempty"`
	NonKeyAttributes []string `json:"NonKeyAttributes,omitempty"`
}

type throughput struct {
	ReadCapacityUnits  int64 `json:"ReadCapacityUnits"`
	WriteCapacityUnits int64 `json:"WriteCapacityUnits"`
}

type indexSpec struct {
	IndexName             string          `json:"IndexName"`
	KeySchema             []keyElement    `json:"KeySchema"`
	Projection            *projectionSpec `json:"Projection"`
	ProvisionedThroughput *throughput     `json:"ProvisionedThroughput"`
}

type tag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

type encryption struct {
	Enabled        bool   `json:"Enabled"`
	SSEType        string `json:"SSEType"`
	KMSMasterKeyID string `json:"KMSMasterKeyId"`
}

type streamSpec struct {
	StreamEnabled  bool   `json:"StreamEnabled"`
	StreamViewType string `json:"StreamViewType"`
}

type createTableRequest struct {
	TableName                 tableName             `json:"TableName"`
	AttributeDefinitions      []attributeDefinition `json:"AttributeDefinitions"`
	KeySchema                 []keyElement          `json:"KeySchema"`
	LocalSecondaryIndexes     []indexSpec           `json:"LocalSecondaryIndexes"`
	GlobalSecondaryIndexes    []indexSpec           `json:"GlobalSecondaryIndexes"`
	BillingMode               string                `json:"BillingMode"`
	ProvisionedThroughput     *throughput           `json:"ProvisionedThroughput"`
	DeletionProtectionEnabled bool                  `json:"DeletionProtectionEnabled"`
	TableClass                string                `json:"TableClass"`
	SSESpecification          *encryption           `json:"SSESpecification"`
	StreamSpecification       *streamSpec           `json:"StreamSpecification"`
	Tags                      []tag                 `json:"Tags"`
}

func (r *createTableRequest) tableNames() []tableName { return []tableName{r.TableName} }

type tableRequest struct {
	TableName tableName `json:"TableName"`
}

func (r *tableRequest) tableNames() []tableName { return []tableName{r.TableName} }

type describeTableRequest struct {
	tableRequest
}

type deleteTableRequest struct {
	tableRequest
}

func (r *tableRequest) check() error {
	var c checks
	c.table("tableName", r.TableName)
	return c.err()
}

type createTableAnswer struct {
	TableDescription *tableDescription `json:"TableDescription"`
}

// createTable creates a table that is ACTIVE at once.
func (e *Service) createTable(r *createTableRequest, _ *call) (any, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	t := &table{name: string(r.TableName), created: e.now(), schema: r.schema(r.KeySchema), spec: *r, rows: newRows()}
	if e.config.StaleReads != nil {
		t.history = &history{}
	}
	for _, spec := range r.LocalSecondaryIndexes {
		t.indexes = append(t.indexes, r.newIndex(spec, false))
	}
	for _, spec := range r.GlobalSecondaryIndexes {
		t.indexes = append(t.indexes, r.newIndex(spec, true))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tables[t.name] != nil {
		return nil, serviceError("ResourceInUseException", "Table already exists: %s", t.name)
	}
	e.tables[t.name] = t
	return &createTableAnswer{TableDescription: e.describe(t, "ACTIVE")}, nil
}

func (r *createTableRequest) schema(elements []keyElement) keySchema {
	kinds := map[string]kind{}
	for _, d := range r.AttributeDefinitions {
		kinds[d.AttributeName], _ = kindOf(d.AttributeType)
	}
	k := keySchema{hash: keyAttribute{name: elements[0].AttributeName, kind: kinds[elements[0].AttributeName]}}
	if len(elements) > 1 {
		k.sort = keyAttribute{name: elements[1].AttributeName, kind: kinds[elements[1].AttributeName]}
	}
	return k
}

func (r *createTableRequest) newIndex(spec indexSpec, global bool) *index {
	ix := &index{name: spec.IndexName, global: global, schema: r.schema(spec.KeySchema), spec: spec, rows: newRows()}
	if spec.Projection.ProjectionType == projectAll {
		return ix
	}
	ix.keeps = map[string]bool{}
	for _, elements := range [][]keyElement{r.KeySchema, spec.KeySchema} {
		for _, element := range elements {
			ix.keeps[element.AttributeName] = true
		}
	}
	for _, name := range spec.Projection.NonKeyAttributes {
		ix.keeps[name] = true
	}
	return ix
}

func (e *Service) describeTable(r *describeTableRequest, _ *call) (any, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	t, done, err := e.lockForRead(string(r.TableName))
	if err != nil {
		return nil, errNamedTableNotFound(string(r.TableName))
	}
	defer done()
	return map[string]*tableDescription{"Table": e.describe(t, "ACTIVE")}, nil
}

// deleteTable removes a table and all its items at once.
func (e *Service) deleteTable(r *deleteTableRequest, _ *call) (any, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	t, done, err := e.lockForWrite(string(r.TableName))
	if err != nil {
		return nil, errNamedTableNotFound(string(r.TableName))
	}
	if t.spec.DeletionProtectionEnabled {
		done()
		return nil, invalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	}
	t.deleted = true
	answer := &createTableAnswer{TableDescription: e.describe(t, "DELETING")}
	done() // the engine's lock comes before any table's
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tables[t.name] == t {
		delete(e.tables, t.name)
	}
	return answer, nil
}

type listTablesRequest struct {
	ExclusiveStartTableName string `json:"ExclusiveStartTableName"`
	Limit                   *int   `json:"Limit"`
}

func (r *listTablesRequest) tableNames() []tableName { return nil }

type listTablesAnswer struct {
	TableNames             []string `json:"TableNames"`
	LastEvaluatedTableName string   `json:"LastEvaluatedTableName,omitempty"`
}

const maxListTables = 100

func (e *Service) listTables(r *listTablesRequest, _ *call) (any, error) {
	var c checks
	c.atLeast("limit", r.Limit, 1)
	c.atMost("limit", r.Limit, maxListTables)
	if err := c.err(); err != nil {
		return nil, err
	}
	limit := maxListTables
	if r.Limit != nil {
		limit = *r.Limit
	}
	answer := &listTablesAnswer{TableNames: []string{}}
	for _, name := range e.tableNames() {
		if name <= r.ExclusiveStartTableName {
			continue
		}
		if len(answer.TableNames) == limit {
			answer.LastEvaluatedTableName = answer.TableNames[limit-1]
			break
		}
		answer.TableNames = append(answer.TableNames, name)
	}
	return answer, nil
}

type updateTableRequest struct {
	TableName                 tableName             `json:"TableName"`
	AttributeDefinitions      []attributeDefinition `json:"AttributeDefinitions"`
	BillingMode               string                `json:"BillingMode"`
	ProvisionedThroughput     *throughput           `json:"ProvisionedThroughput"`
	DeletionProtectionEnabled *bool                 `json:"DeletionProtectionEnabled"`
	TableClass                string                `json:"TableClass"`
}

func (r *updateTableRequest) tableNames() []tableName { return []tableName{r.TableName} }

// checkChange refuses a throughput that the table has already.
func (r *updateTableRequest) checkChange(now createTableRequest) error {
	wanted, has := r.ProvisionedThroughput, now.ProvisionedThroughput
	if wanted == nil || has == nil || *wanted != *has || r.BillingMode == billingOnDemand {
		return nil
	}
	return invalid("The provisioned throughput for the table will not change. The requested value equals the current value. "+
		"Current ReadCapacityUnits provisioned for the table: %d. Requested ReadCapacityUnits: %d. "+
		"Current WriteCapacityUnits provisioned for the table: %d. Requested WriteCapacityUnits: %d. "+
		"Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.",
		has.ReadCapacityUnits, wanted.ReadCapacityUnits, has.WriteCapacityUnits, wanted.WriteCapacityUnits)
}

// updateTable changes what has no effect on items. Members that it does not
// know, such as GlobalSecondaryIndexUpdates, were refused by name before.
func (e *Service) updateTable(r *updateTableRequest, _ *call) (any, error) {
	var c checks
	c.table("tableName", r.TableName)
	c.enum("billingMode", r.BillingMode, billingProvisioned, billingOnDemand)
	c.enum("tableClass", r.TableClass, "STANDARD", "STANDARD_INFREQUENT_ACCESS")
	if err := c.err(); err != nil {
		return nil, err
	}
	if r.AttributeDefinitions != nil {
		return nil, invalid("The parameter AttributeDefinitions is not supported by this engine in UpdateTable, since it cannot change indexes; create the table anew")
	}
	t, done, err := e.lockForWrite(string(r.TableName))
	if err != nil {
		return nil, errNamedTableNotFound(string(r.TableName))
	}
	defer done()
	changed := t.spec
	if err := r.checkChange(t.spec); err != nil {
		return nil, err
	}
	if r.BillingMode != "" {
		changed.BillingMode = r.BillingMode
		changed.ProvisionedThroughput = nil
	}
	if r.ProvisionedThroughput != nil {
		changed.ProvisionedThroughput = r.ProvisionedThroughput
	}
	if err := changed.checkBilling(); err != nil {
		return nil, err
	}
	if r.DeletionProtectionEnabled != nil {
		changed.DeletionProtectionEnabled = *r.DeletionProtectionEnabled
	}
	if r.TableClass != "" {
		changed.TableClass = r.TableClass
	}
	t.spec = changed
	return &createTableAnswer{TableDescription: e.describe(t, "ACTIVE")}, nil
}
