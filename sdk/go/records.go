package spanmill

import (
	"math"
	"slices"
)

// A RecordConnector makes spans or log records of what it sees. Each carries over the resource of the row that it comes from.
type RecordConnector interface {
	// Configure takes the settings, and declares the fields it reads and those that its records have.
	Configure(settings Settings, contract *Contract, stream *RecordStream) error
	// Process takes one batch. On an error no record is made.
	Process(batch *Batch, records *Records) error
}

// A RecordStream is what the records are, and the fields they have.
type RecordStream struct {
	// Signal is Logs or Traces; Configure is given one of Logs.
	Signal Signal
	// ScopeName and ScopeVersion are the instrumentation scope's; empty: none.
	ScopeName, ScopeVersion string
	fields                  []string
	shapes                  []shape
}

// Handles by which the fields of records are set.
type (
	// RecordNarrow is a field of kinds, codes, flags or counts.
	RecordNarrow int
	// RecordWide is a field of times or span ids.
	RecordWide int
	// RecordTraceID is the trace id.
	RecordTraceID int
	// RecordText is a text field.
	RecordText int
	// RecordCell is a body, or one attribute by key.
	RecordCell int
	// RecordList is all attributes.
	RecordList int
)

// NewRecordStream is one of log records.
func NewRecordStream() *RecordStream { return &RecordStream{Signal: Logs} }

func (s *RecordStream) field(path string, shape shape) int {
	if known := slices.Index(s.fields, path); known >= 0 {
		return known
	}
	if field, known := fields[path]; known && field.shape != shape {
		panic("spanmill: " + path + " is " + shapeNames[field.shape] + ", not " + shapeNames[shape])
	}
	s.fields = append(s.fields, path)
	s.shapes = append(s.shapes, shape)
	return len(s.fields) - 1
}

// Narrow fills a field of kinds, codes, flags or counts.
func (s *RecordStream) Narrow(path string) RecordNarrow {
	return RecordNarrow(s.field(path, shapeNarrow))
}

// Wide fills a field of times or span ids.
func (s *RecordStream) Wide(path string) RecordWide { return RecordWide(s.field(path, shapeWide)) }

// TraceID fills the trace id.
func (s *RecordStream) TraceID() RecordTraceID {
	return RecordTraceID(s.field(s.Signal.Item().String()+".trace_id", shapeTraceID))
}

// Text fills a text field.
func (s *RecordStream) Text(path string) RecordText { return RecordText(s.field(path, shapeText)) }

// Body fills the body of log records.
func (s *RecordStream) Body() RecordCell { return RecordCell(s.field("log.body", shapeCells)) }

// Attribute fills one attribute by key.
func (s *RecordStream) Attribute(key string) RecordCell {
	return RecordCell(s.field(AttributePath(s.Signal.Item(), key), shapeCells))
}

// Attributes fills whole attribute lists; then no attribute is filled by key.
func (s *RecordStream) Attributes() RecordList {
	return RecordList(s.field(AttributesPath(s.Signal.Item()), shapeAttributes))
}

// Records are the records made of one batch. Add begins one; what is not set of it is absent.
type Records struct {
	newTexts
	resources []uint32
	shapes    []shape
	columns   []recordColumn
}

type recordColumn struct {
	narrow []uint32
	wide   []uint64
	cells  cellList
	list   attributeLists
}

func (r *Records) begin(batch *Batch, stream *RecordStream) {
	r.newTexts.begin(batch)
	r.resources = r.resources[:0]
	r.shapes = stream.shapes
	for len(r.columns) < len(r.shapes) {
		r.columns = append(r.columns, recordColumn{})
	}
	for at := range r.columns {
		column := &r.columns[at]
		column.narrow, column.wide = column.narrow[:0], column.wide[:0]
		column.cells.reset()
		column.list.reset()
	}
}

// Add begins a record that carries over the resource of a row of the batch's resource table. Resources never decrease.
func (r *Records) Add(resource uint32) {
	if len(r.resources) > 0 {
		r.endRow()
	}
	r.resources = append(r.resources, resource)
	for at, shape := range r.shapes {
		column := &r.columns[at]
		switch shape {
		case shapeNarrow:
			column.narrow = append(column.narrow, 0)
		case shapeText:
			column.narrow = append(column.narrow, Absent)
		case shapeWide:
			column.wide = append(column.wide, 0)
		case shapeTraceID:
			column.wide = append(column.wide, 0, 0)
		case shapeCells:
			column.cells.push(Cell{})
		}
	}
}

func (r *Records) endRow() {
	for at, shape := range r.shapes {
		if list := &r.columns[at].list; shape == shapeAttributes && len(list.ends) < len(r.resources) {
			list.endRow()
		}
	}
}

// finish ends the last record.
func (r *Records) finish() {
	if len(r.resources) > 0 {
		r.endRow()
	}
	if len(r.resources) > math.MaxInt32 {
		panic("spanmill: too many records")
	}
}

// Narrow sets a field of the record begun last; so do the others.
func (r *Records) Narrow(field RecordNarrow, value uint32) {
	r.columns[field].narrow[len(r.resources)-1] = value
}

// Wide sets a time or a span id.
func (r *Records) Wide(field RecordWide, value uint64) {
	r.columns[field].wide[len(r.resources)-1] = value
}

// TraceID sets the trace id.
func (r *Records) TraceID(field RecordTraceID, high, low uint64) {
	words := r.columns[field].wide
	words[len(words)-2], words[len(words)-1] = high, low
}

// SetText sets a text field, by the text's index.
func (r *Records) SetText(field RecordText, text uint32) {
	r.columns[field].narrow[len(r.resources)-1] = text
}

// Cell sets the body or an attribute.
func (r *Records) Cell(field RecordCell, value Cell) {
	cells := &r.columns[field].cells
	last := len(r.resources) - 1
	cells.kinds[last], cells.bits[last] = value.Kind, value.Bits
}

// Attribute adds an attribute, which the record does not have yet.
func (r *Records) Attribute(field RecordList, key uint32, value Cell) {
	r.columns[field].list.push(Attribute{key, value})
}
