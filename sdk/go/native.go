//go:build !wasm

package spanmill

// What follows is for package spanmilltest, which plays the host outside WebAssembly.

// A NativeTable is the fields of one context, as a host makes them.
type NativeTable struct {
	Context Context
	Rows    int
	Parents []uint32
	Columns []NativeColumn
}

// A NativeColumn is one field of every row: Narrow, Wide, TraceIDs, Text, Cells or Attributes, the one that is set.
type NativeColumn struct {
	Narrow, Text   []uint32
	Wide, TraceIDs []uint64
	Cells          *Cells
	Attributes     *Attributes
}

// NativeBatch is a batch of such tables.
func NativeBatch(signal Signal, received uint64, texts Texts, tables []NativeTable) *Batch {
	batch := &Batch{Signal: signal, ReceivedUnixNano: received, Texts: texts}
	for _, from := range tables {
		table := &batch.tables[from.Context]
		table.present, table.rows, table.parents = true, from.Rows, from.Parents
		for _, from := range from.Columns {
			table.columns = append(table.columns, from.column())
		}
	}
	return batch
}

func (from NativeColumn) column() column {
	switch {
	case from.Narrow != nil:
		return column{shape: shapeNarrow, narrow: from.Narrow}
	case from.Text != nil:
		return column{shape: shapeText, narrow: from.Text}
	case from.Wide != nil:
		return column{shape: shapeWide, wide: from.Wide}
	case from.TraceIDs != nil:
		return column{shape: shapeTraceID, wide: from.TraceIDs}
	case from.Cells != nil:
		return column{shape: shapeCells, kinds: from.Cells.Kinds, wide: from.Cells.Bits}
	}
	list := from.Attributes
	return column{shape: shapeAttributes, ends: list.Ends, narrow: list.Keys, kinds: list.Values.Kinds, wide: list.Values.Bits}
}

// Declared is what a contract says.
type Declared struct {
	Signals  []Signal
	Reads    []string
	Writes   []string
	Sharding Sharding
}

// Declared is what the contract says.
func (c *Contract) Declared() Declared { return Declared{c.signals, c.reads, c.writes, c.sharding} }

// FieldShape is the kind of column of a field with a fixed place: narrow, wide, a trace id, text or cells; "" if there is
// no such field.
func FieldShape(path string) string {
	if field, ok := fields[path]; ok {
		return shapeNames[field.shape]
	}
	return ""
}

// PlacedCells are new values, each for a row or an entry.
type PlacedCells struct {
	Places []uint32
	Cells  Cells
}

// FieldEdits are what an outcome does to one field.
type FieldEdits struct {
	All         *Cell
	Rows        PlacedCells
	Entries     PlacedCells
	Old, New    []uint32
	Removed     []uint32
	AppendRows  []uint32
	AppendKeys  []uint32
	AppendCells Cells
}

// RunProcessor runs one batch through a processor, and gives its outcome: new texts, verdicts by context, and edits by field.
func RunProcessor(plugin Processor, contract *Contract, batch *Batch) (texts Texts, verdicts [8][]uint8, fields []FieldEdits, err error) {
	var o Outcome
	o.begin(batch, len(contract.writes))
	if err = plugin.Process(batch, &o); err != nil {
		return
	}
	o.finish()
	for _, of := range o.fields {
		fields = append(fields, FieldEdits{
			All: of.all, Rows: of.rows.native(), Entries: of.entries.native(), Old: of.old, New: of.new, Removed: of.removed,
			AppendRows: of.appendRows, AppendKeys: of.appendKeys, AppendCells: Cells{of.appendCells.kinds, of.appendCells.bits},
		})
	}
	return o.newTexts.native(), o.verdicts, fields, nil
}

func (t *newTexts) native() Texts { return Texts{t.ends, t.data} }

func (p *placed) native() PlacedCells {
	return PlacedCells{p.places, Cells{p.values.kinds, p.values.bits}}
}

func (l *attributeLists) native() Attributes {
	return Attributes{l.ends, l.keys, Cells{l.values.kinds, l.values.bits}}
}

// Measured is what an emission says of one instrument.
type Measured struct {
	Series []uint32
	Values []float64
	Counts []uint64
	Rows   []uint32
}

// RunConnector runs one batch through a connector.
func RunConnector(plugin Connector, stream *MetricStream, batch *Batch) (texts Texts, restart bool, resources, attributes Attributes, measured []Measured, err error) {
	var e Emission
	e.begin(batch, len(stream.Instruments))
	if err = plugin.Process(batch, &e); err != nil {
		return
	}
	for _, of := range e.recordings {
		measured = append(measured, Measured{of.series, of.values, of.counts, of.rows})
	}
	return e.newTexts.native(), e.restart, e.resources.native(), e.attributes.native(), measured, nil
}

// RunRecordConnector runs one batch through a record connector: the resource of each record, and columns by path.
func RunRecordConnector(plugin RecordConnector, stream *RecordStream, batch *Batch) (texts Texts, resources []uint32, columns map[string]NativeColumn, err error) {
	var r Records
	r.begin(batch, stream)
	if err = plugin.Process(batch, &r); err != nil {
		return
	}
	r.finish()
	columns = map[string]NativeColumn{}
	for at, path := range stream.fields {
		of := &r.columns[at]
		switch r.shapes[at] {
		case shapeNarrow:
			columns[path] = NativeColumn{Narrow: of.narrow}
		case shapeText:
			columns[path] = NativeColumn{Text: of.narrow}
		case shapeWide:
			columns[path] = NativeColumn{Wide: of.wide}
		case shapeTraceID:
			columns[path] = NativeColumn{TraceIDs: of.wide}
		case shapeCells:
			columns[path] = NativeColumn{Cells: &Cells{of.cells.kinds, of.cells.bits}}
		default:
			list := of.list.native()
			columns[path] = NativeColumn{Attributes: &list}
		}
	}
	return r.newTexts.native(), r.resources, columns, nil
}

// RunRouter runs one batch through a router: what it routes, and where to.
func RunRouter(plugin Router, batch *Batch) (Context, []uint64, error) {
	var r Routes
	r.begin()
	err := plugin.Process(batch, &r)
	return r.context, r.pipelines, err
}

// RunTicker asks a ticker for decisions: the traces it releases, drops and wants to see again.
func RunTicker(plugin Ticker, now uint64, ending bool) (released, dropped, review []TraceID, err error) {
	var d Decisions
	err = plugin.Tick(now, ending, &d)
	for at, decision := range d.decisions {
		trace := TraceID{d.traces[2*at], d.traces[2*at+1]}
		if decision == 0 {
			released = append(released, trace)
		} else {
			dropped = append(dropped, trace)
		}
	}
	for at := 0; at < len(d.review); at += 2 {
		review = append(review, TraceID{d.review[at], d.review[at+1]})
	}
	return
}
