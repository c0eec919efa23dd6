package dynamodb

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Limits on indexes.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-secondary-indexes
const (
	maxLocalIndexes  = 5
	maxGlobalIndexes = 20
	maxProjected     = 100 // non-key attributes over all indexes of a table
)

// check refuses what DynamoDB refuses, and what the engine does not have.
func (r *createTableRequest) check() error {
	var c checks
	switch r.TableName {
	case "":
		return invalid("The parameter 'TableName' is required but was not present in the request")
	case emptyName:
		c.fail("", "tableName", "Member must have length greater than or equal to 3")
	default:
		c.name("tableName", string(r.TableName))
	}
	c.enum("billingMode", r.BillingMode, billingProvisioned, billingOnDemand)
	c.enum("tableClass", r.TableClass, "STANDARD", "STANDARD_INFREQUENT_ACCESS")
	c.present("attributeDefinitions", r.AttributeDefinitions != nil)
	for i, d := range r.AttributeDefinitions {
		c.enum(fmt.Sprintf("attributeDefinitions.%d.member.attributeType", i+1), d.AttributeType, "B", "N", "S")
	}
	c.keySchema("keySchema", r.KeySchema)
	c.indexes("localSecondaryIndexes", r.LocalSecondaryIndexes)
	c.indexes("globalSecondaryIndexes", r.GlobalSecondaryIndexes)
	if err := c.err(); err != nil {
		return err
	}
	if r.StreamSpecification != nil && r.StreamSpecification.StreamEnabled {
		return invalid("The parameter StreamSpecification is not supported by this engine: it has no streams")
	}
	if err := r.checkBilling(); err != nil {
		return err
	}
	if len(r.KeySchema) == 2 && r.KeySchema[0].AttributeName == r.KeySchema[1].AttributeName {
		return invalid("Invalid KeySchema: Some index key attribute have no definition")
	}
	if err := checkKeySchema(r.KeySchema); err != nil {
		return err
	}
	if err := r.checkAttributes(); err != nil {
		return err
	}
	return r.checkIndexes()
}

func (c *checks) keySchema(member string, elements []keyElement) {
	if len(elements) > 2 {
		shown := make([]string, len(elements))
		for i, e := range elements {
			shown[i] = fmt.Sprintf("KeySchemaElement(attributeName=%s, keyType=%s)", e.AttributeName, e.KeyType)
		}
		c.fail("["+strings.Join(shown, ", ")+"]", member, "Member must have length less than or equal to 2")
	}
	c.length(member, len(elements), 1, max(2, len(elements)))
	for i, element := range elements {
		c.enum(fmt.Sprintf("%s.%d.member.keyType", member, i+1), element.KeyType, keyTypeHash, keyTypeRange)
	}
}

func (c *checks) indexes(member string, specs []indexSpec) {
	for i, spec := range specs {
		at := fmt.Sprintf("%s.%d.member", member, i+1)
		c.name(at+".indexName", spec.IndexName)
		c.keySchema(at+".keySchema", spec.KeySchema)
		c.present(at+".projection", spec.Projection != nil)
		if spec.Projection != nil {
			c.enum(at+".projection.projectionType", spec.Projection.ProjectionType, projectAll, projectInclude, projectKeysOnly)
		}
	}
}

func (r *createTableRequest) checkBilling() error {
	if r.BillingMode == billingOnDemand {
		if r.ProvisionedThroughput != nil {
			return invalidValue("Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
		}
		return nil
	}
	if r.ProvisionedThroughput == nil || r.ProvisionedThroughput.ReadCapacityUnits < 1 || r.ProvisionedThroughput.WriteCapacityUnits < 1 {
		return invalidValue("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	}
	return nil
}

func checkKeySchema(elements []keyElement) error {
	if elements[0].KeyType != keyTypeHash {
		return invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
	}
	if len(elements) == 1 {
		return nil
	}
	if elements[1].KeyType != keyTypeRange {
		return invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
	}
	if elements[0].AttributeName == elements[1].AttributeName {
		return invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
	}
	return nil
}

func (r *createTableRequest) checkIndexes() error {
	switch {
	case r.LocalSecondaryIndexes != nil && len(r.LocalSecondaryIndexes) == 0:
		return invalidValue("List of LocalSecondaryIndexes is empty")
	case r.GlobalSecondaryIndexes != nil && len(r.GlobalSecondaryIndexes) == 0:
		return invalidValue("List of GlobalSecondaryIndexes is empty")
	case len(r.LocalSecondaryIndexes) > 0 && len(r.KeySchema) < 2:
		return invalidValue("Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex")
	case len(r.LocalSecondaryIndexes) > maxLocalIndexes:
		return invalidValue("Number of LocalSecondaryIndexes exceeds per-table limit of %d", maxLocalIndexes)
	case len(r.GlobalSecondaryIndexes) > maxGlobalIndexes:
		return invalidValue("GlobalSecondaryIndex count exceeds the per-table limit of %d", maxGlobalIndexes)
	}
	names := map[string]bool{}
	projected := 0
	for i, specs := range [][]indexSpec{r.LocalSecondaryIndexes, r.GlobalSecondaryIndexes} {
		for _, spec := range specs {
			if names[spec.IndexName] {
				return invalidValue("Duplicate index name: %s", spec.IndexName)
			}
			names[spec.IndexName] = true
			projected += len(spec.Projection.NonKeyAttributes)
			if err := r.checkIndex(spec, i == 1); err != nil {
				return err
			}
		}
	}
	if projected > maxProjected {
		return invalidValue("Number of NonKeyAttributes exceeds per-table limit of %d", maxProjected)
	}
	return nil
}

func (r *createTableRequest) checkIndex(spec indexSpec, global bool) error {
	if err := checkKeySchema(spec.KeySchema); err != nil {
		return err
	}
	if !global {
		if len(spec.KeySchema) < 2 {
			return invalidValue("Index KeySchema does not have a range key for index: %s", spec.IndexName)
		}
		if own, table := spec.KeySchema[0].AttributeName, r.KeySchema[0].AttributeName; own != table {
			return invalidValue("Index KeySchema does not have the same leading hash key as table KeySchema for index: %s. index hash key: %s, table hash key: %s", spec.IndexName, own, table)
		}
	}
	p := spec.Projection
	switch {
	case p.ProjectionType == "":
		return invalidValue("Unknown ProjectionType: null")
	case p.ProjectionType == projectInclude && len(p.NonKeyAttributes) == 0:
		return invalidValue("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
	case p.ProjectionType != projectInclude && p.NonKeyAttributes != nil:
		return invalidValue("ProjectionType is %s, but NonKeyAttributes is specified", p.ProjectionType)
	case r.BillingMode == billingOnDemand && spec.ProvisionedThroughput != nil:
		return invalidValue("ProvisionedThroughput should not be specified for index: %s when BillingMode is PAY_PER_REQUEST", spec.IndexName)
	}
	return nil
}

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
