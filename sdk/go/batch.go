package spanmill

import "unsafe"

// Signal is what a batch carries.
type Signal uint8

// The signals.
const (
	Traces Signal = iota
	Logs
	Metrics
)

// Context is what the rows of a table are.
type Context uint8

// The contexts. Each row but a resource belongs to a row of its parent: a scope to a resource, a span or a log record or a
// metric to a scope, an event or a link to a span, a data point to a metric.
const (
	Resource Context = iota
	Scope
	Span
	SpanEvent
	SpanLink
	Log
	Metric
	DataPoint
	contexts
)

// Texts are the distinct texts of a batch. Equal indices mean equal texts. What it gives is good until process returns:
// clone what is kept.
type Texts struct {
	Ends []uint32
	Data []byte
}

// Len is the number of texts.
func (t *Texts) Len() int { return len(t.Ends) }

// Bytes are the bytes of a text; none for [Absent].
func (t *Texts) Bytes(index uint32) []byte {
	if uint64(index) >= uint64(len(t.Ends)) {
		return nil
	}
	start := uint32(0)
	if index > 0 {
		start = t.Ends[index-1]
	}
	end := t.Ends[index]
	return t.Data[start:end:end]
}

// Get is a text as a string, without a copy; empty for [Absent].
func (t *Texts) Get(index uint32) string {
	data := t.Bytes(index)
	return unsafe.String(unsafe.SliceData(data), len(data))
}

// Cells are values of mixed type, one a row.
type Cells struct {
	Kinds []Kind
	Bits  []uint64
}

// Len is the number of rows.
func (c Cells) Len() int { return len(c.Kinds) }

// At is the cell of a row; absent beyond the rows.
func (c Cells) At(row int) Cell {
	if uint(row) >= uint(len(c.Kinds)) {
		return Cell{}
	}
	return Cell{c.Kinds[row], c.Bits[row]}
}

// Values are one attribute of every row. Whether it came as texts or as cells is none of the plugin's business.
type Values struct {
	texts []uint32
	cells Cells
}

// Len is the number of rows.
func (v *Values) Len() int { return len(v.texts) + len(v.cells.Kinds) }

// At is the cell of a row; absent beyond the rows.
func (v *Values) At(row int) Cell {
	if v.texts != nil {
		if uint(row) >= uint(len(v.texts)) {
			return Cell{}
		}
		return TextCell(v.texts[row])
	}
	return v.cells.At(row)
}

// Text is the pool index of a row's value if it is a text; else [Absent].
func (v *Values) Text(row int) uint32 {
	if v.texts != nil {
		return v.texts[row]
	}
	return v.cells.At(row).Text()
}

// Attributes are whole attribute lists: row i owns the entries from Ends[i-1] to Ends[i].
type Attributes struct {
	Ends []uint32
	// Keys are pool indices.
	Keys   []uint32
	Values Cells
}

// Entries are the first entry of a row and the one behind its last.
func (a *Attributes) Entries(row int) (from, to int) {
	if row > 0 {
		from = int(a.Ends[row-1])
	}
	return from, int(a.Ends[row])
}

// Column is one field of every row, as it crosses.
type column struct {
	shape shape
	// Narrow values, pool indices, or the keys of attributes.
	narrow []uint32
	// Wide values, the words of trace ids, or the bits of cells.
	wide []uint64
	// The kinds of cells.
	kinds []uint8
	// Where the entries of each row end.
	ends []uint32
}

// The cases of the contract's column.
type shape uint8

const (
	shapeNarrow shape = iota
	shapeWide
	shapeTraceID
	shapeText
	shapeCells
	shapeAttributes
)

type table struct {
	present bool
	rows    int
	parents []uint32
	columns []column
}

// A Batch is rows that travel together, as one plugin sees them. Its accessors take the handles that [Contract] gave; a
// field of a context that the batch's signal does not have has no rows. It is good until process returns.
type Batch struct {
	Signal Signal
	// ReceivedUnixNano is when the host received the batch.
	ReceivedUnixNano uint64
	Texts            Texts
	tables           [contexts]table
	// Text indices of attributes that came as cells, one list a call of AttributeTexts.
	scratch [][]uint32
	used    int
}

// Has tells whether the batch has a table of a context.
func (b *Batch) Has(context Context) bool { return b.tables[context].present }

// Rows is the number of rows of a context; 0 without a table.
func (b *Batch) Rows(context Context) int { return b.tables[context].rows }

// Parents are, for each row of a context, its row in the parent's table.
func (b *Batch) Parents(context Context) []uint32 { return b.tables[context].parents }

// A column of the shape that was declared. The host keeps to the contract, so anything else is a mistake of the SDK's.
func (b *Batch) column(place place, want shape) *column {
	table := &b.tables[place.context]
	if !table.present {
		return &noColumn
	}
	if column := &table.columns[place.column]; column.shape == want {
		return column
	}
	panic("spanmill: the host sent another column than was declared")
}

var noColumn column

// Text is a text field: pool indices, [Absent] for none.
func (b *Batch) Text(field TextField) []uint32 { return b.column(place(field), shapeText).narrow }

// Narrow is a field of kinds, codes, flags or counts.
func (b *Batch) Narrow(field NarrowField) []uint32 {
	return b.column(place(field), shapeNarrow).narrow
}

// Wide is a field of times or span ids.
func (b *Batch) Wide(field WideField) []uint64 { return b.column(place(field), shapeWide).wide }

// TraceIDs are trace ids, two words a row, the high one first.
func (b *Batch) TraceIDs(field TraceIDField) []uint64 {
	return b.column(place(field), shapeTraceID).wide
}

// Cells is a field whose type varies.
func (b *Batch) Cells(field CellField) Cells {
	column := b.column(place(field), shapeCells)
	return Cells{column.kinds, column.wide}
}

// Attribute is one attribute of every row.
func (b *Batch) Attribute(field AttributeField) Values {
	table := &b.tables[field.context]
	if !table.present {
		return Values{}
	}
	switch column := &table.columns[field.column]; column.shape {
	case shapeText:
		return Values{texts: column.narrow}
	case shapeCells:
		return Values{cells: Cells{column.kinds, column.wide}}
	}
	panic("spanmill: the host sent another column than was declared")
}

// AttributeTexts are the texts of one attribute of every row: pool indices, [Absent] where there is none or it is no text.
func (b *Batch) AttributeTexts(field AttributeField) []uint32 {
	values := b.Attribute(field)
	if len(values.cells.Kinds) == 0 {
		return values.texts
	}
	if b.used == len(b.scratch) {
		b.scratch = append(b.scratch, nil)
	}
	texts := resize(b.scratch[b.used], len(values.cells.Kinds))
	for row, kind := range values.cells.Kinds {
		texts[row] = Absent
		if kind == KindText {
			texts[row] = uint32(values.cells.Bits[row])
		}
	}
	b.scratch[b.used] = texts
	b.used++
	return texts
}

// Attributes are every attribute of every row.
func (b *Batch) Attributes(field ListField) Attributes {
	column := b.column(place(field), shapeAttributes)
	return Attributes{column.ends, column.narrow, Cells{column.kinds, column.wide}}
}

// resize gives a slice of a length, whose contents do not matter.
func resize[T any](slice []T, length int) []T {
	if cap(slice) < length {
		return make([]T, length, length+length/4)
	}
	return slice[:length]
}
