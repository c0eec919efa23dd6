package dynamodb

import (
	"crypto/sha256"
	"fmt"
	"time"
)

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
func (e *Service) describe(t *table, status string) *tableDescription {
	d := &tableDescription{
		AttributeDefinitions:      t.spec.AttributeDefinitions,
		TableName:                 t.name,
		KeySchema:                 t.spec.KeySchema,
		TableStatus:               status,
		CreationDateTime:          seconds(t.created),
		ProvisionedThroughput:     t.spec.ProvisionedThroughput.describe(),
		TableSizeBytes:            t.bytes,
		ItemCount:                 t.rows.Len(),
		TableArn:                  e.arn(t.name),
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
