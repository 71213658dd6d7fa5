// Package spanmilltest runs plugins natively: telemetry is made with builders and becomes the columns of the fields that the
// plugin declared; its answer is checked against the contract and applied.
package spanmilltest

import (
	"fmt"
	"slices"

	"spanmill.dev/sdk"
)

// A Record is one row of any context, with the rows below it: a resource has scopes, a scope spans, log records or metrics,
// a span events and links, a metric data points.
type Record struct {
	Context    spanmill.Context
	Attributes []KeyValue
	Children   []*Record
	fields     map[string]any
}

// A KeyValue is an attribute. Its value is a string, bool, int64, float64, []byte, [Array], [Map], or nil for an empty one.
type KeyValue struct {
	Key   string
	Value any
}

// Array is an encoded ArrayValue.
type Array []byte

// Map is an encoded KeyValueList.
type Map []byte

func record(context spanmill.Context) *Record {
	return &Record{Context: context, fields: map[string]any{}}
}

// Resource is a resource without attributes.
func Resource() *Record { return record(spanmill.Resource) }

// Scope is an instrumentation scope.
func Scope(name string) *Record { return record(spanmill.Scope).Set("name", name) }

// Span is a span with a name and nothing else.
func Span(name string) *Record { return record(spanmill.Span).Set("name", name) }

// Event is a span's event.
func Event(name string) *Record { return record(spanmill.SpanEvent).Set("name", name) }

// Link is a span's link.
func Link(trace spanmill.TraceID, span uint64) *Record {
	return record(spanmill.SpanLink).Set("trace_id", trace).Set("span_id", span)
}

// LogRecord is a log record with a body.
func LogRecord(body any) *Record { return record(spanmill.Log).Set("body", body) }

// Metric is a metric; its points are its children. Type is OTLP's: 1 gauge, 2 sum, 3 histogram, 4 exponential
// histogram, 5 summary.
func Metric(name string, kind uint32) *Record {
	return record(spanmill.Metric).Set("name", name).Set("type", kind)
}

// Point is a data point of a gauge or a sum.
func Point(value any) *Record { return record(spanmill.DataPoint).Set("value", value) }

// Set sets a field by its name behind the context's, as in Set("status.code", 2).
func (r *Record) Set(name string, value any) *Record {
	path := r.Context.String() + "." + name
	switch spanmill.FieldShape(path) {
	case "":
		panic("spanmilltest: there is no field " + path)
	case "narrow":
		value = uint32(whole(value))
	case "wide":
		value = uint64(whole(value))
	case "cells":
		value = normal(value)
	}
	r.fields[name] = value
	return r
}

// Get is a field by its name behind the context's; nil if it is not set.
func (r *Record) Get(name string) any { return r.fields[name] }

// Name is the record's name; empty if it has none.
func (r *Record) Name() string {
	name, _ := r.fields["name"].(string)
	return name
}

// Attr adds an attribute.
func (r *Record) Attr(key string, value any) *Record {
	r.Attributes = append(r.Attributes, KeyValue{key, normal(value)})
	return r
}

// Value is the value of an attribute, and whether there is one.
func (r *Record) Value(key string) (any, bool) {
	for _, attribute := range r.Attributes {
		if attribute.Key == key {
			return attribute.Value, true
		}
	}
	return nil, false
}

// Kind sets a span's kind, by OTLP's number.
func (r *Record) Kind(kind uint32) *Record { return r.Set("kind", kind) }

// Status sets a span's status, by OTLP's number.
func (r *Record) Status(code uint32, message string) *Record {
	return r.Set("status.code", code).Set("status.message", message)
}

// Times sets a span's start and end.
func (r *Record) Times(start, end uint64) *Record {
	return r.Set("start_time_unix_nano", start).Set("end_time_unix_nano", end)
}

// IDs sets a span's or a log record's trace and span ids.
func (r *Record) IDs(trace spanmill.TraceID, span uint64) *Record {
	return r.Set("trace_id", trace).Set("span_id", span)
}

// With adds rows below this one.
func (r *Record) With(children ...*Record) *Record {
	r.Children = append(r.Children, children...)
	return r
}

func (r *Record) clone() *Record {
	other := &Record{Context: r.Context, Attributes: slices.Clone(r.Attributes), fields: map[string]any{}}
	for name, value := range r.fields {
		other.fields[name] = value
	}
	for _, child := range r.Children {
		other.Children = append(other.Children, child.clone())
	}
	return other
}

// Telemetry is what travels together.
type Telemetry struct {
	Signal    spanmill.Signal
	Resources []*Record
	// ReceivedUnixNano is when the host received it.
	ReceivedUnixNano uint64
}

// Traces are resources with scopes and spans; so are Logs and Metrics with theirs.
func Traces(resources ...*Record) *Telemetry {
	return &Telemetry{Signal: spanmill.Traces, Resources: resources}
}

// Logs are resources with scopes and log records.
func Logs(resources ...*Record) *Telemetry {
	return &Telemetry{Signal: spanmill.Logs, Resources: resources}
}

// Metrics are resources with scopes, metrics and data points.
func Metrics(resources ...*Record) *Telemetry {
	return &Telemetry{Signal: spanmill.Metrics, Resources: resources}
}

// Spans are spans of one resource and scope.
func Spans(spans ...*Record) *Telemetry { return Traces(Resource().With(Scope("").With(spans...))) }

// LogRecords are log records of one resource and scope.
func LogRecords(records ...*Record) *Telemetry {
	return Logs(Resource().With(Scope("").With(records...)))
}

// Rows are all rows of a context, in order.
func (t *Telemetry) Rows(context spanmill.Context) []*Record {
	var rows []*Record
	var visit func(records []*Record)
	visit = func(records []*Record) {
		for _, record := range records {
			if record.Context == context {
				rows = append(rows, record)
			}
			visit(record.Children)
		}
	}
	visit(t.Resources)
	return rows
}

// Names are the names of all rows of a context.
func (t *Telemetry) Names(context spanmill.Context) []string {
	names := []string{}
	for _, row := range t.Rows(context) {
		names = append(names, row.Name())
	}
	return names
}

func (t *Telemetry) clone() *Telemetry {
	other := &Telemetry{Signal: t.Signal, ReceivedUnixNano: t.ReceivedUnixNano}
	for _, resource := range t.Resources {
		other.Resources = append(other.Resources, resource.clone())
	}
	return other
}

func whole(value any) int64 {
	switch value := value.(type) {
	case int:
		return int64(value)
	case int64:
		return value
	case uint32:
		return int64(value)
	case uint64:
		return int64(value)
	}
	panic(fmt.Sprintf("spanmilltest: a %T is no whole number", value))
}

func normal(value any) any {
	switch value := value.(type) {
	case int:
		return int64(value)
	case nil, string, bool, int64, float64, []byte, Array, Map:
		return value
	}
	panic(fmt.Sprintf("spanmilltest: a %T is no attribute's value", value))
}
