package spanmilltest

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"spanmill.dev/sdk"
)

// A ConnectorKit is a configured connector under test. It keeps the totals, as a host does.
type ConnectorKit struct {
	calls
	t        testing.TB
	plugin   spanmill.Connector
	contract *spanmill.Contract
	// Stream is what the connector declared.
	Stream *spanmill.MetricStream
	// Restarts is how often the numbering of series started over.
	Restarts int
	series   []*Total
	totals   []*Total
	// Totals by their metric and what identifies them.
	known map[string]*Total
}

// A Total is what was measured of one series.
type Total struct {
	Metric     string
	Resource   []KeyValue
	Attributes []KeyValue
	// Count is how often it was measured, Sum the sum of the values.
	Count uint64
	Sum   float64
	// Rows are those of exemplars.
	Rows []uint32
	// What tells it apart from others of the metric.
	identity string
}

// Attribute is the value of one of the series' attributes, as text; "" without.
func (t *Total) Attribute(key string) string {
	for _, attribute := range t.Attributes {
		if attribute.Key == key {
			return fmt.Sprint(attribute.Value)
		}
	}
	return ""
}

// ConfigureConnector configures a connector with JSON settings, and gives its error.
func ConfigureConnector(t testing.TB, plugin spanmill.Connector, settings string) (*ConnectorKit, error) {
	kit := &ConnectorKit{
		t: t, plugin: plugin, contract: spanmill.NewContract(spanmill.Traces), Stream: spanmill.NewMetricStream(),
	}
	kit.listen()
	err := plugin.Configure(spanmill.Settings(settings), kit.contract, kit.Stream)
	return kit, err
}

// NewConnector configures a connector, which must succeed.
func NewConnector(t testing.TB, plugin spanmill.Connector, settings string) *ConnectorKit {
	t.Helper()
	kit, err := ConfigureConnector(t, plugin, settings)
	if err != nil {
		t.Fatalf("configure: %v", err)
	}
	return kit
}

// Declared is what the connector reads.
func (k *ConnectorKit) Declared() spanmill.Declared { return k.contract.Declared() }

// Run runs a batch, and adds up what was measured.
func (k *ConnectorKit) Run(telemetry *Telemetry) {
	k.t.Helper()
	k.listen()
	loaded := load(telemetry, k.contract.Declared())
	texts, restart, resources, attributes, measured, err := spanmill.RunConnector(k.plugin, k.Stream, loaded.batch)
	if err != nil {
		k.t.Fatalf("process: %v", err)
	}
	if restart {
		k.series = nil
		k.Restarts++
	}
	all := loaded.all(texts)
	for row := range resources.Ends {
		named := &Total{Resource: list(&resources, row, all), Attributes: list(&attributes, row, all)}
		named.identity = fmt.Sprintf("%#v %#v", named.Resource, named.Attributes)
		k.series = append(k.series, named)
	}
	for instrument, of := range measured {
		k.record(k.Stream.Instruments[instrument].Name, of)
	}
}

func list(from *spanmill.Attributes, row int, texts []string) []KeyValue {
	attributes := []KeyValue{}
	for start, end := from.Entries(row); start < end; start++ {
		value, ok := value(from.Values.At(start), texts)
		if !ok {
			panic("spanmilltest: a series has an attribute that is absent")
		}
		attributes = append(attributes, KeyValue{texts[from.Keys[start]], value})
	}
	return attributes
}

func (k *ConnectorKit) record(metric string, of spanmill.Measured) {
	k.t.Helper()
	for at, series := range of.Series {
		if int(series) >= len(k.series) {
			k.t.Fatalf("%s measures series %d, which was never named", metric, series)
		}
		named := k.series[series]
		value, count := 1.0, uint64(1)
		if len(of.Values) > 0 {
			value = of.Values[at]
		}
		if len(of.Counts) > 0 {
			count = of.Counts[at]
		}
		if math.IsInf(value, 0) || math.IsNaN(value) {
			k.t.Fatalf("%s measures what is not finite", metric)
		}
		total := k.total(metric, named)
		total.Count += count
		total.Sum += value * float64(count)
		if len(of.Rows) > 0 {
			total.Rows = append(total.Rows, of.Rows[at])
		}
	}
}

func (k *ConnectorKit) total(metric string, named *Total) *Total {
	identity := metric + " " + named.identity
	if total, isKnown := k.known[identity]; isKnown {
		return total
	}
	total := &Total{Metric: metric, Resource: named.Resource, Attributes: named.Attributes}
	if k.known == nil {
		k.known = map[string]*Total{}
	}
	k.known[identity] = total
	k.totals = append(k.totals, total)
	return total
}

// Totals are the series of a metric, in the order they were first measured.
func (k *ConnectorKit) Totals(metric string) []*Total {
	var totals []*Total
	for _, total := range k.totals {
		if total.Metric == metric {
			totals = append(totals, total)
		}
	}
	return totals
}

// A RecordKit is a configured record connector under test.
type RecordKit struct {
	calls
	t        testing.TB
	plugin   spanmill.RecordConnector
	contract *spanmill.Contract
	Stream   *spanmill.RecordStream
}

// NewRecordConnector configures a record connector, which must succeed.
func NewRecordConnector(t testing.TB, plugin spanmill.RecordConnector, settings string) *RecordKit {
	t.Helper()
	kit := &RecordKit{t: t, plugin: plugin, contract: spanmill.NewContract(spanmill.Traces), Stream: spanmill.NewRecordStream()}
	kit.listen()
	if err := plugin.Configure(spanmill.Settings(settings), kit.contract, kit.Stream); err != nil {
		t.Fatalf("configure: %v", err)
	}
	return kit
}

// Run runs a batch, and gives the records that were made of it.
func (k *RecordKit) Run(telemetry *Telemetry) *Telemetry {
	k.t.Helper()
	k.listen()
	loaded := load(telemetry, k.contract.Declared())
	texts, resources, columns, err := spanmill.RunRecordConnector(k.plugin, k.Stream, loaded.batch)
	if err != nil {
		k.t.Fatalf("process: %v", err)
	}
	all := loaded.all(texts)
	made := &Telemetry{Signal: k.Stream.Signal}
	scopes := map[uint32]*Record{}
	for at, from := range resources {
		if at > 0 && from < resources[at-1] {
			k.t.Fatal("the resources of records decrease")
		}
		row := record(k.Stream.Signal.Item())
		for path, column := range columns {
			row.fill(path, column, at, all)
		}
		if scopes[from] == nil {
			scopes[from] = Scope(k.Stream.ScopeName)
			resource := &Record{Context: spanmill.Resource, fields: map[string]any{}}
			resource.Attributes = loaded.rows[spanmill.Resource][from].Attributes
			made.Resources = append(made.Resources, resource.With(scopes[from]))
		}
		scopes[from].With(row)
	}
	return made
}

func (r *Record) fill(path string, column spanmill.NativeColumn, at int, texts []string) {
	_, name, key, isAttribute := spanmill.ParsePath(path)
	name = strings.TrimPrefix(name, r.Context.String()+".")
	switch {
	case column.Narrow != nil:
		r.fields[name] = column.Narrow[at]
	case column.Wide != nil:
		r.fields[name] = column.Wide[at]
	case column.TraceIDs != nil:
		r.fields[name] = spanmill.TraceID{column.TraceIDs[2*at], column.TraceIDs[2*at+1]}
	case column.Text != nil:
		if column.Text[at] != spanmill.Absent {
			r.fields[name] = texts[column.Text[at]]
		}
	case column.Cells != nil:
		if value, ok := value(column.Cells.At(at), texts); ok && isAttribute {
			r.Attributes = append(r.Attributes, KeyValue{key, value})
		} else if ok {
			r.fields[name] = value
		}
	default:
		r.Attributes = append(r.Attributes, list(column.Attributes, at, texts)...)
	}
}
