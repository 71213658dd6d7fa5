// Command roles is a plugin of every role, with state and a ticker, that uses what the SDK has: all edits, all kinds of
// fields, all instruments; tests/languages.rs runs it in all of them.
package main

import (
	"encoding/binary"
	"errors"
	"slices"

	"spanmill.dev/sdk"
	"spanmill.dev/sdk/about"
	"spanmill.dev/sdk/connector"
	"spanmill.dev/sdk/processor"
	"spanmill.dev/sdk/recordconnector"
	"spanmill.dev/sdk/router"
	"spanmill.dev/sdk/state"
	"spanmill.dev/sdk/ticker"
)

func init() {
	processor.Register[Keeper]()
	ticker.Register[Keeper]()
	state.Register[Keeper]()
	connector.Register[Meter]()
	recordconnector.Register[Recorder]()
	router.Register[Sides]()
	about.Register(spanmill.About{Name: "roles", Version: "1.0.0", Summary: "Every role.", SettingsSchema: "{}"})
}

func main() {}

// Trace is what is known of a trace of which spans were held, and as the state has it, which the guests in other languages take over.
type Trace struct {
	ID              spanmill.TraceID
	Seen            uint32
	IsHeld, IsShown bool
	_               [2]byte
}

// Keeper edits spans, and holds those of every other trace until there are two of one.
type Keeper struct {
	traces                  []Trace
	trace                   spanmill.TraceIDField
	list                    spanmill.ListField
	events                  spanmill.AttributeField
	name, code, all, single spanmill.WriteField
	seen                    spanmill.Counter
}

// of is what is known of a trace.
func (k *Keeper) of(id spanmill.TraceID) *Trace {
	at := slices.IndexFunc(k.traces, func(trace Trace) bool { return trace.ID == id })
	if at < 0 {
		at = len(k.traces)
		k.traces = append(k.traces, Trace{ID: id})
	}
	return &k.traces[at]
}

// Configure declares fields of every kind.
func (k *Keeper) Configure(_ spanmill.Settings, contract *spanmill.Contract) error {
	contract.Shard(spanmill.ShardByTrace)
	k.trace = contract.ReadTraceID("span.trace_id")
	k.list = contract.ReadAttributes(spanmill.Span)
	k.events = contract.ReadAttribute(spanmill.SpanEvent, "exception.type")
	k.name = contract.Write("span.name")
	k.code = contract.Write("span.status.code")
	k.all = contract.WriteAttributes(spanmill.Span)
	k.single = contract.WriteAttribute(spanmill.Resource, "seen")
	k.seen = contract.Counter("rows_seen")
	return nil
}

// Process does one of each edit.
func (k *Keeper) Process(batch *spanmill.Batch, outcome *spanmill.Outcome) error {
	list := batch.Attributes(k.list)
	words := batch.TraceIDs(k.trace)
	k.seen.Add(uint64(batch.Rows(spanmill.Span)))
	outcome.SetAll(k.single, spanmill.BoolCell(true))
	for row := range batch.Rows(spanmill.Span) {
		id := spanmill.TraceID{words[2*row], words[2*row+1]}
		from, to := list.Entries(row)
		switch {
		case row%5 == 4:
			outcome.DropRow(spanmill.Span, row)
		case id != spanmill.TraceID{} && id[1]%2 == 0:
			trace := k.of(id)
			trace.Seen++
			trace.IsHeld = true
			outcome.HoldRow(spanmill.Span, row)
			outcome.Append(k.all, row, outcome.Text("spans.seen"), spanmill.IntCell(int64(trace.Seen)))
		}
		if row%3 == 0 {
			outcome.Set(k.name, row, spanmill.TextCell(outcome.Text("row")))
			outcome.Set(k.code, batch.Rows(spanmill.Span)-1-row, spanmill.IntCell(2))
		}
		if to-from > 2 {
			outcome.RemoveEntry(k.all, from+1)
			outcome.SetEntry(k.all, from, spanmill.DoubleCell(0.5))
		}
		outcome.Append(k.all, row, outcome.Text("row.number"), spanmill.IntCell(int64(row)))
	}
	if len(list.Keys) > 0 && list.Values.At(0).Kind == spanmill.KindText {
		outcome.Replace(k.all, list.Values.At(0).Text(), outcome.Text("replaced"))
	}
	for row := range batch.Rows(spanmill.SpanEvent) {
		if row%2 == 1 {
			outcome.DropRow(spanmill.SpanEvent, row)
		}
	}
	return nil
}

// Tick asks to see traces again, and decides on those that it saw.
func (k *Keeper) Tick(_ uint64, ending bool, decisions *spanmill.Decisions) error {
	for at := range k.traces {
		trace := &k.traces[at]
		switch {
		case !trace.IsHeld:
		case trace.IsShown || ending:
			if trace.ID[1]%4 == 0 {
				decisions.Release(trace.ID)
			} else {
				decisions.Drop(trace.ID)
			}
			trace.IsHeld, trace.IsShown = false, false
		case trace.Seen > 1:
			decisions.Review(trace.ID)
		}
	}
	return nil
}

// Review notes which traces were shown.
func (k *Keeper) Review(batch *spanmill.Batch) error {
	words := batch.TraceIDs(k.trace)
	for row := range batch.Rows(spanmill.Span) {
		trace := k.of(spanmill.TraceID{words[2*row], words[2*row+1]})
		trace.IsHeld, trace.IsShown = true, true
	}
	return nil
}

// StateFormat is that of the list of traces.
func (k *Keeper) StateFormat() uint32 { return 1 }

// Snapshot is everything known.
func (k *Keeper) Snapshot() []byte {
	data, err := binary.Append(nil, binary.LittleEndian, k.traces)
	if err != nil {
		panic(err)
	}
	return data
}

// Restore takes it over.
func (k *Keeper) Restore(format uint32, data []byte) error {
	if format != 1 {
		return spanmill.ErrFormat
	}
	size := binary.Size(Trace{})
	if len(data)%size != 0 {
		return errors.New("not a whole number of traces")
	}
	k.traces = make([]Trace, len(data)/size)
	_, err := binary.Decode(data, binary.LittleEndian, k.traces)
	return err
}

// Meter has an instrument of each kind, over every signal.
type Meter struct {
	list  spanmill.ListField
	value spanmill.CellField
	named bool
}

// Configure declares them.
func (m *Meter) Configure(_ spanmill.Settings, contract *spanmill.Contract, stream *spanmill.MetricStream) error {
	contract.Take(spanmill.Traces, spanmill.Logs, spanmill.Metrics)
	m.list = contract.ReadAttributes(spanmill.Resource)
	m.value = contract.ReadCells("datapoint.value")
	stream.Scope = "roles"
	stream.Temporality = spanmill.Delta
	stream.ResourceKey = []string{"service.name"}
	stream.Instruments = []spanmill.Instrument{
		{Name: "sum", Kind: spanmill.Sum, Exemplars: 2},
		{Name: "histogram", Kind: spanmill.Histogram, Bounds: []float64{1, 2}},
		{Name: "exponential", Kind: spanmill.ExponentialHistogram, Buckets: 160},
		{Name: "up_down", Kind: spanmill.UpDownSum, Unit: "1"},
		{Name: "gauge", Kind: spanmill.Gauge, Description: "the last one"},
	}
	return nil
}

// Process measures each item.
func (m *Meter) Process(batch *spanmill.Batch, emission *spanmill.Emission) error {
	if m.named {
		emission.Restart()
	}
	m.named = true
	emission.Series(nil, []spanmill.Attribute{{Key: emission.Text("a"), Value: spanmill.BytesCell(emission.Bytes([]byte{0xff}))}})
	emission.Series([]spanmill.Attribute{{Key: emission.Text("service.name"), Value: spanmill.TextCell(emission.Text("x"))}}, nil)
	series, _, counts, rows := emission.Recording(0)
	for row := range batch.Rows(batch.Signal.Item()) {
		*series = append(*series, uint32(row%2))
		*counts = append(*counts, uint64(row))
		*rows = append(*rows, uint32(row))
		for instrument := 1; instrument < 5; instrument++ {
			emission.Measure(instrument, uint32(row%2), float64(row)/2)
		}
	}
	return nil
}

// Recorder makes a log record of each item.
type Recorder struct {
	number spanmill.RecordNarrow
	time   spanmill.RecordWide
	trace  spanmill.RecordTraceID
	event  spanmill.RecordText
	body   spanmill.RecordCell
	list   spanmill.RecordList
}

// Configure declares fields of every kind.
func (r *Recorder) Configure(_ spanmill.Settings, contract *spanmill.Contract, stream *spanmill.RecordStream) error {
	contract.Take(spanmill.Traces, spanmill.Logs, spanmill.Metrics)
	contract.ReadAttributes(spanmill.Resource)
	stream.ScopeName, stream.ScopeVersion = "roles", "1"
	r.number, r.time = stream.Narrow("log.severity_number"), stream.Wide("log.time_unix_nano")
	r.trace, r.event = stream.TraceID(), stream.Text("log.event_name")
	r.body, r.list = stream.Body(), stream.Attributes()
	return nil
}

// Process makes one record a resource.
func (r *Recorder) Process(batch *spanmill.Batch, records *spanmill.Records) error {
	for row := range batch.Rows(spanmill.Resource) {
		records.Add(uint32(row))
		records.Narrow(r.number, 9)
		records.Wide(r.time, batch.ReceivedUnixNano)
		records.TraceID(r.trace, 1, 2)
		if row%2 == 0 {
			records.SetText(r.event, records.Text("event"))
			records.Cell(r.body, spanmill.DoubleCell(1.5))
			records.Attribute(r.list, records.Text("k"), spanmill.IntCell(-1))
			records.Attribute(r.list, records.Text("l"), spanmill.EmptyCell())
		}
	}
	return nil
}

// Sides sends rows in turn.
type Sides struct{ pipelines []spanmill.PipelineSet }

// Configure takes the pipelines.
func (s *Sides) Configure(_ spanmill.Settings, pipelines spanmill.Pipelines, contract *spanmill.Contract) error {
	for at := range pipelines.Names {
		s.pipelines = append(s.pipelines, 1<<at)
	}
	contract.ReadAttribute(spanmill.Resource, "service.name")
	return nil
}

// Process sends every resource elsewhere.
func (s *Sides) Process(batch *spanmill.Batch, routes *spanmill.Routes) error {
	if len(s.pipelines) == 0 {
		return nil
	}
	routes.SendEach(batch, spanmill.Resource, func(row int) spanmill.PipelineSet { return s.pipelines[row%len(s.pipelines)] })
	return nil
}
