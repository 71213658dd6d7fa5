// Command route_calls is a plugin that counts calls by route, and measures how long they took.
package main

import (
	_ "embed"
	"encoding/binary"

	"spanmill.dev/sdk"
	"spanmill.dev/sdk/about"
	"spanmill.dev/sdk/connector"
)

//go:embed settings.schema.json
var schema string

func init() {
	connector.Register[RouteCalls]()
	about.Register(spanmill.About{
		Name:           "route_calls",
		Version:        "0.1.0",
		Summary:        "Counts calls by route, and measures how long they took.",
		SettingsSchema: schema,
	})
}

func main() {}

// Series that the plugin remembers; beyond, it numbers them anew.
const mostSeries = 100_000

// The instruments, by their place in the stream.
const (
	calls = iota
	duration
)

var (
	kinds    = []string{"UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"}
	statuses = []string{"UNSET", "OK", "ERROR"}
)

// RouteCalls is the plugin.
type RouteCalls struct {
	resource   spanmill.ListField
	route      spanmill.AttributeField
	kind       spanmill.NarrowField
	code       spanmill.NarrowField
	start, end spanmill.WideField
	// The number of each series, by what identifies it.
	series map[string]uint32
	// What identifies each resource of a batch, and a series.
	resources [][]byte
	key       []byte
	// Numbers of the series of this batch.
	known map[batchKey]uint32
}

// What tells series of one batch apart: texts by their index.
type batchKey struct{ resource, route, kind, code uint32 }

// Configure takes the settings, and declares fields and metrics.
func (r *RouteCalls) Configure(settings spanmill.Settings, contract *spanmill.Contract, stream *spanmill.MetricStream) error {
	config := struct {
		Buckets []float64 `json:"buckets_ms,omitempty"`
	}{Buckets: []float64{5, 10, 25, 50, 100, 250, 500, 1000}}
	problems := settings.Decode(&config)
	for at := 1; at < len(config.Buckets); at++ {
		if config.Buckets[at-1] >= config.Buckets[at] {
			problems.Add(spanmill.Pointer("buckets_ms", at), "must be above the bucket before it")
		}
	}
	r.resource = contract.ReadAttributes(spanmill.Resource)
	r.route = contract.ReadAttribute(spanmill.Span, "http.route")
	r.kind = contract.ReadNarrow("span.kind")
	r.code = contract.ReadNarrow("span.status.code")
	r.start = contract.ReadWide("span.start_time_unix_nano")
	r.end = contract.ReadWide("span.end_time_unix_nano")
	stream.Scope = "route_calls"
	stream.Instruments = []spanmill.Instrument{
		{Name: "route.calls", Description: "Calls by route.", Unit: "{call}", Kind: spanmill.Sum},
		{Name: "route.duration", Description: "Duration of calls by route.", Unit: "ms", Kind: spanmill.Histogram, Bounds: config.Buckets},
	}
	stream.FlushIntervalNs = 15_000_000_000
	stream.TotalLimit = 100_000
	r.series = map[string]uint32{}
	r.known = map[batchKey]uint32{}
	return problems.Err()
}

// Process counts and measures each span.
func (r *RouteCalls) Process(batch *spanmill.Batch, emission *spanmill.Emission) error {
	attributes := batch.Attributes(r.resource)
	r.identify(batch, &attributes)
	clear(r.known)
	if len(r.series) >= mostSeries {
		emission.Restart()
		clear(r.series)
	}
	routes := batch.AttributeTexts(r.route)
	kinds, codes := batch.Narrow(r.kind), batch.Narrow(r.code)
	starts, ends := batch.Wide(r.start), batch.Wide(r.end)
	scopes, resources := batch.Parents(spanmill.Span), batch.Parents(spanmill.Scope)
	for row, route := range routes {
		key := batchKey{resources[scopes[row]], route, kinds[row], codes[row]}
		series, isKnown := r.known[key]
		if !isKnown {
			series = r.find(batch, emission, &attributes, key)
			r.known[key] = series
		}
		emission.Count(calls, series)
		took := 0.0
		if ends[row] > starts[row] {
			took = float64(ends[row]-starts[row]) / 1e6
		}
		emission.Measure(duration, series, took)
	}
	return nil
}

// find gives the number of a series, and names it if it is new.
func (r *RouteCalls) find(batch *spanmill.Batch, emission *spanmill.Emission, resources *spanmill.Attributes, of batchKey) uint32 {
	kind, status := "SPAN_KIND_"+nameOf(kinds, of.kind), "STATUS_CODE_"+nameOf(statuses, of.code)
	r.key = append(r.key[:0], r.resources[of.resource]...)
	r.key = appendCell(r.key, batch, spanmill.TextCell(of.route))
	r.key = append(append(append(r.key, kind...), 0), status...)
	series, isKnown := r.series[string(r.key)]
	if isKnown {
		return series
	}
	series = uint32(len(r.series))
	r.series[string(r.key)] = series
	var resource, attributes []spanmill.Attribute
	for at, end := resources.Entries(int(of.resource)); at < end; at++ {
		resource = append(resource, spanmill.Attribute{Key: resources.Keys[at], Value: resources.Values.At(at)})
	}
	if of.route != spanmill.Absent {
		attributes = append(attributes, spanmill.Attribute{Key: emission.Text("http.route"), Value: spanmill.TextCell(of.route)})
	}
	attributes = append(attributes,
		spanmill.Attribute{Key: emission.Text("span.kind"), Value: spanmill.TextCell(emission.Text(kind))},
		spanmill.Attribute{Key: emission.Text("status.code"), Value: spanmill.TextCell(emission.Text(status))})
	emission.Series(resource, attributes)
	return series
}

// identify writes down what identifies each resource: pool indices differ from batch to batch.
func (r *RouteCalls) identify(batch *spanmill.Batch, attributes *spanmill.Attributes) {
	for len(r.resources) < batch.Rows(spanmill.Resource) {
		r.resources = append(r.resources, nil)
	}
	for row := range batch.Rows(spanmill.Resource) {
		key := r.resources[row][:0]
		from, end := attributes.Entries(row)
		key = binary.LittleEndian.AppendUint32(key, uint32(end-from))
		for at := from; at < end; at++ {
			key = appendCell(key, batch, spanmill.TextCell(attributes.Keys[at]))
			key = appendCell(key, batch, attributes.Values.At(at))
		}
		r.resources[row] = key
	}
}

// appendCell writes a value so that no other one reads the same.
func appendCell(key []byte, batch *spanmill.Batch, cell spanmill.Cell) []byte {
	key = append(key, cell.Kind)
	if index := cell.Pool(); index != spanmill.Absent {
		data := batch.Texts.Bytes(index)
		key = binary.LittleEndian.AppendUint32(key, uint32(len(data)))
		return append(key, data...)
	}
	return binary.LittleEndian.AppendUint64(key, cell.Bits)
}

func nameOf(names []string, number uint32) string {
	if number < uint32(len(names)) {
		return names[number]
	}
	return names[0]
}
