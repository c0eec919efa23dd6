// Package telemetry writes metrics to the function's log.
package telemetry

import (
	"context"
	"log/slog"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// Metrics writes metrics into a function's log in CloudWatch's embedded metric
// format. CloudWatch finds them there, so each costs one line, and needs no AWS
// call and no permission except to log
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
// It is safe for concurrent use.
type Metrics struct {
	log      slog.Handler
	clock    clock.Clock
	function string
}

// NewMetrics returns the metrics of a function, which it writes to logger. The
// logger must write one JSON object per line.
func NewMetrics(logger *slog.Logger, clock clock.Clock, function string) *Metrics {
	return &Metrics{logger.Handler(), clock, function}
}

// Value is a value of a metric.
type Value struct {
	Metric Metric
	Value  int64
}

// header tells CloudWatch which members of the line are metrics.
type header struct {
	Timestamp         int64       // of the values, in milliseconds
	CloudWatchMetrics []directive // one
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []Metric
}

// Put writes values in one line, whatever the least level that is logged. The
// attributes say where the values come from and are not metrics; they must not
// hold a message or a token.
func (m *Metrics) Put(ctx context.Context, values []Value, attributes ...slog.Attr) {
	now := m.clock.Now()
	d := directive{Namespace: Namespace, Dimensions: [][]string{{Dimension}}}
	line := slog.NewRecord(now, slog.LevelInfo, "metrics", 0)
	line.AddAttrs(slog.String(Dimension, m.function))
	for _, v := range values {
		d.Metrics = append(d.Metrics, v.Metric)
		line.AddAttrs(slog.Int64(v.Metric.Name, v.Value))
	}
	line.AddAttrs(slog.Any("_aws", header{now.UnixMilli(), []directive{d}}))
	line.AddAttrs(attributes...)
	_ = m.log.Handle(ctx, line) // errors are ignored, as for any line of a log
}
