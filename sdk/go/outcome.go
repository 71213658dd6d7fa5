package spanmill

import (
	"cmp"
	"slices"
)

// A Processor looks at a batch, and says what to drop and what to change.
type Processor interface {
	// Configure takes the settings and declares what the plugin needs under them.
	Configure(settings Settings, contract *Contract) error
	// Process takes one batch. On an error nothing of the outcome is applied.
	Process(batch *Batch, outcome *Outcome) error
}

// newTexts are texts beyond the batch's, numbered on from its pool.
type newTexts struct {
	first uint32
	ends  []uint32
	data  []byte
}

func (t *newTexts) begin(batch *Batch) {
	t.first = uint32(batch.Texts.Len())
	t.ends = t.ends[:0]
	t.data = t.data[:0]
}

// Text adds a text, and gives its index.
func (t *newTexts) Text(text string) uint32 {
	t.data = append(t.data, text...)
	t.ends = append(t.ends, uint32(len(t.data)))
	return t.first + uint32(len(t.ends)) - 1
}

// Bytes adds bytes, or an encoded array or map, and gives their index.
func (t *newTexts) Bytes(data []byte) uint32 {
	t.data = append(t.data, data...)
	t.ends = append(t.ends, uint32(len(t.data)))
	return t.first + uint32(len(t.ends)) - 1
}

// An Outcome is what a processor did with a batch. Nothing set means that everything stays as it is.
type Outcome struct {
	newTexts
	rows     [contexts]int
	verdicts [contexts][]uint8
	fields   []edits
}

// The edits of one field.
type edits struct {
	all         *Cell
	rows        placed
	entries     placed
	old, new    []uint32
	removed     []uint32
	appendRows  []uint32
	appendKeys  []uint32
	appendCells cellList
}

// New values, each for a row or an entry.
type placed struct {
	places []uint32
	values cellList
}

func (p *placed) reset() {
	p.places = p.places[:0]
	p.values.reset()
}

// Sorts by place; of several values for one place the last stays.
func (p *placed) order() {
	isOrdered := true
	for at := 1; at < len(p.places); at++ {
		isOrdered = isOrdered && p.places[at-1] < p.places[at]
	}
	if isOrdered {
		return
	}
	order := make([]int, len(p.places))
	for at := range order {
		order[at] = len(order) - 1 - at
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.places[a], p.places[b]) })
	var sorted placed
	for _, at := range order {
		if n := len(sorted.places); n > 0 && sorted.places[n-1] == p.places[at] {
			continue
		}
		sorted.places = append(sorted.places, p.places[at])
		sorted.values.push(Cell{p.values.kinds[at], p.values.bits[at]})
	}
	*p = sorted
}

// begin empties the outcome for a batch and keeps its buffers.
func (o *Outcome) begin(batch *Batch, writes int) {
	o.newTexts.begin(batch)
	for context := range o.rows {
		o.rows[context] = batch.tables[context].rows
		o.verdicts[context] = o.verdicts[context][:0]
	}
	for len(o.fields) < writes {
		o.fields = append(o.fields, edits{})
	}
	for at := range o.fields {
		edits := &o.fields[at]
		edits.all = nil
		edits.rows.reset()
		edits.entries.reset()
		edits.old, edits.new = edits.old[:0], edits.new[:0]
		edits.removed = edits.removed[:0]
		edits.appendRows, edits.appendKeys = edits.appendRows[:0], edits.appendKeys[:0]
		edits.appendCells.reset()
	}
}

// finish brings the edits into the contract's order.
func (o *Outcome) finish() {
	for at := range o.fields {
		edits := &o.fields[at]
		edits.rows.order()
		edits.entries.order()
		slices.Sort(edits.removed)
		edits.removed = slices.Compact(edits.removed)
	}
}

// The contract's verdicts.
const (
	keep uint8 = iota
	drop
	hold
)

func (o *Outcome) judge(context Context, row int, verdict uint8) {
	if verdicts := o.verdicts[context]; uint(row) < uint(len(verdicts)) {
		verdicts[row] = verdict
		return
	}
	o.judgeFirst(context, row, verdict)
}

//go:noinline
func (o *Outcome) judgeFirst(context Context, row int, verdict uint8) {
	if context == Resource || context == Scope {
		panic("spanmill: a " + context.String() + " cannot be dropped, only rows below it")
	}
	if len(o.verdicts[context]) == 0 {
		o.verdicts[context] = resize(o.verdicts[context], o.rows[context])
		clear(o.verdicts[context])
	}
	// A row that is not there has no verdict.
	if uint(row) < uint(len(o.verdicts[context])) {
		o.verdicts[context][row] = verdict
	}
}

// DropRow drops a row of any context but resource and scope, with the rows below it.
func (o *Outcome) DropRow(context Context, row int) { o.judge(context, row, drop) }

// HoldRow holds a span or log record in the host, as edited, until the plugin's [Ticker] decides on its trace. The row
// must have a trace id.
func (o *Outcome) HoldRow(context Context, row int) { o.judge(context, row, hold) }

// IsDropped tells whether a row is dropped so far.
func (o *Outcome) IsDropped(context Context, row int) bool {
	verdicts := o.verdicts[context]
	return uint(row) < uint(len(verdicts)) && verdicts[row] == drop
}

// Set writes a field of one row; of several values for one row the last counts.
func (o *Outcome) Set(field WriteField, row int, value Cell) {
	edits := &o.fields[field].rows
	edits.places = append(edits.places, uint32(row))
	edits.values.push(value)
}

// SetAll writes a field of every row; rows written by Set keep their own value.
func (o *Outcome) SetAll(field WriteField, value Cell) { o.fields[field].all = &value }

// Replace replaces a text wherever it stands as a value of a field that is read as well. Name each text once.
func (o *Outcome) Replace(field WriteField, old, new uint32) {
	edits := &o.fields[field]
	edits.old = append(edits.old, old)
	edits.new = append(edits.new, new)
}

// SetEntry gives an entry of a whole attribute list a new value.
func (o *Outcome) SetEntry(field WriteField, entry int, value Cell) {
	edits := &o.fields[field].entries
	edits.places = append(edits.places, uint32(entry))
	edits.values.push(value)
}

// RemoveEntry removes an entry of a whole attribute list.
func (o *Outcome) RemoveEntry(field WriteField, entry int) {
	edits := &o.fields[field]
	edits.removed = append(edits.removed, uint32(entry))
}

// Append adds an entry to a row's attribute list. Rows come in order, and do not have the key yet.
func (o *Outcome) Append(field WriteField, row int, key uint32, value Cell) {
	edits := &o.fields[field]
	edits.appendRows = append(edits.appendRows, uint32(row))
	edits.appendKeys = append(edits.appendKeys, key)
	edits.appendCells.push(value)
}
