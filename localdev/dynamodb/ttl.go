package dynamodb

import (
	"math"
	"strconv"
	"time"
)

// ttlHorizon is the age beyond which an expiry is not believed: DynamoDB
// deletes nothing that expired more than five years ago.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
const ttlHorizon = 5 * 365 * 24 * time.Hour

type timeToLive struct {
	Enabled       bool   `json:"Enabled"`
	AttributeName string `json:"AttributeName"`
}

type updateTimeToLiveRequest struct {
	tableRequest
	TimeToLiveSpecification *timeToLive `json:"TimeToLiveSpecification"`
}

type describeTimeToLiveRequest struct{ tableRequest }

type timeToLiveDescription struct {
	TimeToLiveStatus string `json:"TimeToLiveStatus"`
	AttributeName    string `json:"AttributeName,omitempty"`
}

// updateTimeToLive names the attribute that holds an item's expiry, in
// seconds since the epoch. It takes effect at once.
func (e *Service) updateTimeToLive(r *updateTimeToLiveRequest, _ *call) (any, error) {
	var c checks
	c.table("tableName", r.TableName)
	c.present("timeToLiveSpecification", r.TimeToLiveSpecification != nil)
	if r.TimeToLiveSpecification != nil {
		c.length("timeToLiveSpecification.attributeName", len(r.TimeToLiveSpecification.AttributeName), 1, 255)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	t, done, err := e.lockForWrite(string(r.TableName))
	if err != nil {
		return nil, errNamedTableNotFound(string(r.TableName))
	}
	defer done()
	wanted := r.TimeToLiveSpecification
	switch {
	case !wanted.Enabled && t.ttl == "":
		return nil, invalid("TimeToLive is already disabled")
	case t.ttl != "" && t.ttl != wanted.AttributeName:
		return nil, invalid("TimeToLive is active on a different AttributeName: current AttributeName is %s", t.ttl)
	case wanted.Enabled && t.ttl != "":
		return nil, invalid("TimeToLive is already enabled")
	case wanted.Enabled:
		t.ttl = wanted.AttributeName
	default:
		t.ttl = ""
	}
	return map[string]*timeToLive{"TimeToLiveSpecification": wanted}, nil
}

func (e *Service) describeTimeToLive(r *describeTimeToLiveRequest, _ *call) (any, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	t, done, err := e.lockForRead(string(r.TableName))
	if err != nil {
		return nil, errNamedTableNotFound(string(r.TableName))
	}
	defer done()
	d := timeToLiveDescription{TimeToLiveStatus: "DISABLED"}
	if t.ttl != "" {
		d = timeToLiveDescription{TimeToLiveStatus: "ENABLED", AttributeName: t.ttl}
	}
	return map[string]timeToLiveDescription{"TimeToLiveDescription": d}, nil
}

// SweepExpired deletes every item that has expired by the engine's clock and
// returns how many those were. Until then expired items stay readable, as on
// AWS, where the deletion comes within days and in no order: whoever reads an
// item has to look at its expiry. The engine's owner calls SweepExpired when
// it pleases; it consumes no capacity and no hook sees it.
func (e *Service) SweepExpired() int {
	now := e.now()
	swept := 0
	for _, name := range e.tableNames() {
		t, done, err := e.lockForWrite(name)
		if err != nil {
			continue // deleted meanwhile
		}
		swept += t.sweep(now)
		done()
	}
	return swept
}

func (t *table) sweep(now time.Time) int {
	if t.ttl == "" {
		return 0
	}
	var expired []position
	t.rows.Scan(func(r *row) bool {
		if isExpired(r.item[t.ttl], now) {
			expired = append(expired, r.at)
		}
		return true
	})
	for _, at := range expired {
		t.store(at, nil, newUsage(t.name))
	}
	return len(expired)
}

// isExpired reports whether an expiry lies in the past. What is no number of
// seconds, or too long ago to be meant, is no expiry.
func isExpired(v *value, now time.Time) bool {
	if v == nil || v.kind != kindN {
		return false
	}
	seconds, err := strconv.ParseFloat(v.num.String(), 64)
	if err != nil || math.IsInf(seconds, 0) {
		return false
	}
	current := float64(now.Unix())
	return seconds < current && seconds > current-ttlHorizon.Seconds()
}
