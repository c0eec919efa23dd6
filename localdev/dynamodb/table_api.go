package dynamodb

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"
)

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
	TableName                 string                `json:"TableName"`
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

func (r *createTableRequest) tableNames() []string { return []string{r.TableName} }

type tableRequest struct {
	TableName string `json:"TableName"`
}

func (r *tableRequest) tableNames() []string { return []string{r.TableName} }

type describeTableRequest struct {
	tableRequest
}

type deleteTableRequest struct {
	tableRequest
}

func (r *tableRequest) check() error {
	var c checks
	c.name("tableName", r.TableName)
	return c.err()
}

type createTableAnswer struct {
	TableDescription *tableDescription `json:"TableDescription"`
}

// createTable creates a table that is ACTIVE at once.
func (e *Engine) createTable(r *createTableRequest, _ *call) (any, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	t := &table{name: r.TableName, created: e.now(), schema: r.schema(r.KeySchema), spec: *r, rows: newRows()}
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

func (e *Engine) describeTable(r *describeTableRequest, _ *call) (any, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	t, done, err := e.lockForRead(r.TableName)
	if err != nil {
		return nil, errNamedTableNotFound(r.TableName)
	}
	defer done()
	return map[string]*tableDescription{"Table": e.describe(t, "ACTIVE")}, nil
}

// deleteTable removes a table and all its items at once.
func (e *Engine) deleteTable(r *deleteTableRequest, _ *call) (any, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	t, done, err := e.lockForWrite(r.TableName)
	if err != nil {
		return nil, errNamedTableNotFound(r.TableName)
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
	if e.tables[r.TableName] == t {
		delete(e.tables, r.TableName)
	}
	return answer, nil
}

type listTablesRequest struct {
	ExclusiveStartTableName string `json:"ExclusiveStartTableName"`
	Limit                   *int   `json:"Limit"`
}

func (r *listTablesRequest) tableNames() []string { return nil }

type listTablesAnswer struct {
	TableNames             []string `json:"TableNames"`
	LastEvaluatedTableName string   `json:"LastEvaluatedTableName,omitempty"`
}

const maxListTables = 100

func (e *Engine) listTables(r *listTablesRequest, _ *call) (any, error) {
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
	TableName                 string                `json:"TableName"`
	AttributeDefinitions      []attributeDefinition `json:"AttributeDefinitions"`
	BillingMode               string                `json:"BillingMode"`
	ProvisionedThroughput     *throughput           `json:"ProvisionedThroughput"`
	DeletionProtectionEnabled *bool                 `json:"DeletionProtectionEnabled"`
	TableClass                string                `json:"TableClass"`
}

func (r *updateTableRequest) tableNames() []string { return []string{r.TableName} }

// updateTable changes what has no effect on items. Members that it does not
// know, such as GlobalSecondaryIndexUpdates, were refused by name before.
func (e *Engine) updateTable(r *updateTableRequest, _ *call) (any, error) {
	var c checks
	c.name("tableName", r.TableName)
	c.enum("billingMode", r.BillingMode, billingProvisioned, billingOnDemand)
	c.enum("tableClass", r.TableClass, "STANDARD", "STANDARD_INFREQUENT_ACCESS")
	if err := c.err(); err != nil {
		return nil, err
	}
	if r.AttributeDefinitions != nil {
		return nil, invalid("The parameter AttributeDefinitions is not supported by this engine in UpdateTable, since it cannot change indexes; create the table anew")
	}
	t, done, err := e.lockForWrite(r.TableName)
	if err != nil {
		return nil, errNamedTableNotFound(r.TableName)
	}
	defer done()
	changed := t.spec
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

// tableDescription is TableDescription on the wire.
type tableDescription struct {
	AttributeDefinitions      []attributeDefinition  `json:"AttributeDefinitions"`
	TableName                 string                 `json:"TableName"`
	KeySchema                 []keyElement           `json:"KeySchema"`
	TableStatus               string                 `json:"TableStatus"`
	CreationDateTime          float64                `json:"CreationDateTime"`
	ProvisionedThroughput     throughputDescription  `json:"ProvisionedThroughput"`
	TableSizeBytes            int                    `json:"TableSizeBytes"`
	ItemCount                 int                    `json:"ItemCount"`
	TableArn                  string                 `json:"TableArn"`
	TableID                   string                 `json:"TableId"`
	BillingModeSummary        *billingSummary        `json:"BillingModeSummary,omitempty"`
	LocalSecondaryIndexes     []indexDescription     `json:"LocalSecondaryIndexes,omitempty"`
	GlobalSecondaryIndexes    []indexDescription     `json:"GlobalSecondaryIndexes,omitempty"`
	DeletionProtectionEnabled bool                   `json:"DeletionProtectionEnabled"`
	TableClassSummary         *tableClassSummary     `json:"TableClassSummary,omitempty"`
	SSEDescription            *encryptionDescription `json:"SSEDescription,omitempty"`
}

type throughputDescription struct {
	NumberOfDecreasesToday int   `json:"NumberOfDecreasesToday"`
	ReadCapacityUnits      int64 `json:"ReadCapacityUnits"`
	WriteCapacityUnits     int64 `json:"WriteCapacityUnits"`
}

type billingSummary struct {
	BillingMode                       string  `json:"BillingMode"`
	LastUpdateToPayPerRequestDateTime float64 `json:"LastUpdateToPayPerRequestDateTime"`
}

type tableClassSummary struct {
	TableClass string `json:"TableClass"`
}

type encryptionDescription struct {
	Status          string `json:"Status"`
	SSEType         string `json:"SSEType"`
	KMSMasterKeyArn string `json:"KMSMasterKeyArn,omitempty"`
}

type indexDescription struct {
	IndexName             string                 `json:"IndexName"`
	KeySchema             []keyElement           `json:"KeySchema"`
	Projection            *projectionSpec        `json:"Projection"`
	IndexStatus           string                 `json:"IndexStatus,omitempty"` // global only
	ProvisionedThroughput *throughputDescription `json:"ProvisionedThroughput,omitempty"`
	IndexSizeBytes        int                    `json:"IndexSizeBytes"`
	ItemCount             int                    `json:"ItemCount"`
	IndexArn              string                 `json:"IndexArn"`
}

// describe is the table's description. Unlike on AWS, where they are six
// hours old, sizes and counts are current.
func (e *Engine) describe(t *table, status string) *tableDescription {
	d := &tableDescription{
		AttributeDefinitions:      t.spec.AttributeDefinitions,
		TableName:                 t.name,
		KeySchema:                 t.spec.KeySchema,
		TableStatus:               status,
		CreationDateTime:          seconds(t.created),
		ProvisionedThroughput:     t.spec.ProvisionedThroughput.describe(),
		TableSizeBytes:            t.bytes,
		ItemCount:                 t.rows.Len(),
		TableArn:                  fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/%s", e.config.Region, e.config.AccountID, t.name),
		TableID:                   t.id(),
		DeletionProtectionEnabled: t.spec.DeletionProtectionEnabled,
	}
	if t.spec.BillingMode == billingOnDemand {
		d.BillingModeSummary = &billingSummary{BillingMode: billingOnDemand, LastUpdateToPayPerRequestDateTime: d.CreationDateTime}
	}
	if t.spec.TableClass != "" {
		d.TableClassSummary = &tableClassSummary{TableClass: t.spec.TableClass}
	}
	if sse := t.spec.SSESpecification; sse != nil && sse.Enabled {
		d.SSEDescription = &encryptionDescription{Status: "ENABLED", SSEType: "KMS", KMSMasterKeyArn: sse.KMSMasterKeyID}
	}
	for _, ix := range t.indexes {
		described := ix.describe(d.TableArn)
		if ix.global {
			throughput := ix.spec.ProvisionedThroughput.describe()
			described.IndexStatus, described.ProvisionedThroughput = status, &throughput
			d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, described)
		} else {
			d.LocalSecondaryIndexes = append(d.LocalSecondaryIndexes, described)
		}
	}
	return d
}

func (ix *index) describe(tableArn string) indexDescription {
	return indexDescription{
		IndexName:      ix.name,
		KeySchema:      ix.spec.KeySchema,
		Projection:     ix.spec.Projection,
		IndexSizeBytes: ix.bytes,
		ItemCount:      ix.rows.Len(),
		IndexArn:       tableArn + "/index/" + ix.name,
	}
}

func (t *throughput) describe() throughputDescription {
	if t == nil {
		return throughputDescription{}
	}
	return throughputDescription{ReadCapacityUnits: t.ReadCapacityUnits, WriteCapacityUnits: t.WriteCapacityUnits}
}

// id looks like the UUID that AWS gives, and is the same for the same table
// created at the same time.
func (t *table) id() string {
	h := sha256.Sum256([]byte(t.name + t.created.UTC().Format(time.RFC3339Nano)))
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// seconds is a time as the wire shows it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// checkAttributes checks that key attributes are defined, and used.
func (r *createTableRequest) checkAttributes() error {
	defined := map[string]bool{}
	var names []string
	for _, d := range r.AttributeDefinitions {
		if defined[d.AttributeName] {
			return invalidValue("Duplicate AttributeName in AttributeDefinitions: %s", d.AttributeName)
		}
		defined[d.AttributeName] = true
		names = append(names, d.AttributeName)
	}
	used := map[string]bool{}
	schemas := [][]keyElement{r.KeySchema}
	for _, spec := range slices.Concat(r.LocalSecondaryIndexes, r.GlobalSecondaryIndexes) {
		schemas = append(schemas, spec.KeySchema)
	}
	for _, elements := range schemas {
		for _, element := range elements {
			used[element.AttributeName] = true
			if !defined[element.AttributeName] {
				return invalidValue("Some index key attributes are not defined in AttributeDefinitions. Keys: %v, AttributeDefinitions: %v", keyNames(elements), names)
			}
		}
	}
	if !maps.Equal(used, defined) {
		return invalidValue("Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
	}
	return nil
}

func keyNames(elements []keyElement) []string {
	var names []string
	for _, element := range elements {
		names = append(names, element.AttributeName)
	}
	return names
}
