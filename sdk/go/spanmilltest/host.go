package spanmilltest

import (
	"fmt"
	"math"
	"strings"

	"spanmill.dev/sdk"
)

// The contexts of each signal, in the order of a batch's tables.
var signalContexts = map[spanmill.Signal][]spanmill.Context{
	spanmill.Traces:  {spanmill.Resource, spanmill.Scope, spanmill.Span, spanmill.SpanEvent, spanmill.SpanLink},
	spanmill.Logs:    {spanmill.Resource, spanmill.Scope, spanmill.Log},
	spanmill.Metrics: {spanmill.Resource, spanmill.Scope, spanmill.Metric, spanmill.DataPoint},
}

// A pool of texts, as the host makes it: no text stands in it twice.
type pool struct {
	index map[string]uint32
	texts []string
}

func (p *pool) add(text string) uint32 {
	index, known := p.index[text]
	if !known {
		index = uint32(len(p.texts))
		p.index[text] = index
		p.texts = append(p.texts, text)
	}
	return index
}

func (p *pool) cell(value any) spanmill.Cell {
	switch value := value.(type) {
	case nil:
		return spanmill.EmptyCell()
	case string:
		return spanmill.TextCell(p.add(value))
	case bool:
		return spanmill.BoolCell(value)
	case int64:
		return spanmill.IntCell(value)
	case float64:
		return spanmill.DoubleCell(value)
	case []byte:
		return spanmill.BytesCell(p.add(string(value)))
	case Array:
		return spanmill.ArrayCell(p.add(string(value)))
	case Map:
		return spanmill.MapCell(p.add(string(value)))
	}
	panic(fmt.Sprintf("spanmilltest: a %T is no value", value))
}

// value is what a cell means, with the texts of the batch and new ones. Absent is reported by false.
func value(cell spanmill.Cell, texts []string) (any, bool) {
	switch cell.Kind {
	case spanmill.KindAbsent:
		return nil, false
	case spanmill.KindText:
		return texts[cell.Bits], true
	case spanmill.KindBool:
		return cell.Bits != 0, true
	case spanmill.KindInt:
		return int64(cell.Bits), true
	case spanmill.KindDouble:
		return math.Float64frombits(cell.Bits), true
	case spanmill.KindBytes:
		return []byte(texts[cell.Bits]), true
	case spanmill.KindArray:
		return Array(texts[cell.Bits]), true
	case spanmill.KindMap:
		return Map(texts[cell.Bits]), true
	case spanmill.KindEmpty:
		return nil, true
	}
	panic(fmt.Sprintf("spanmilltest: there is no kind %d", cell.Kind))
}

// loaded is telemetry as a batch, and the rows that it came from.
type loaded struct {
	batch *spanmill.Batch
	texts []string
	rows  map[spanmill.Context][]*Record
}

// load makes the columns that a contract reads.
func load(t *Telemetry, declared spanmill.Declared) *loaded {
	out := &loaded{rows: map[spanmill.Context][]*Record{}}
	// A text that the plugin may not read, as a host's pool has some: of length 0, and nothing refers to it.
	texts := &pool{index: map[string]uint32{}, texts: []string{""}}
	var tables []spanmill.NativeTable
	at := map[*Record]uint32{}
	for _, context := range signalContexts[t.Signal] {
		isChild := context == spanmill.SpanEvent || context == spanmill.SpanLink
		if isChild && !names(declared, context) {
			continue
		}
		rows := t.Rows(context)
		table := spanmill.NativeTable{Context: context, Rows: len(rows)}
		for index, row := range rows {
			at[row] = uint32(index)
		}
		if context != spanmill.Resource {
			table.Parents = parents(t, context, at)
		}
		for _, path := range declared.Reads {
			if of, _, _, _ := spanmill.ParsePath(path); of == context {
				table.Columns = append(table.Columns, texts.column(path, rows))
			}
		}
		out.rows[context] = rows
		tables = append(tables, table)
	}
	packed := spanmill.Texts{}
	for _, text := range texts.texts {
		packed.Data = append(packed.Data, text...)
		packed.Ends = append(packed.Ends, uint32(len(packed.Data)))
	}
	out.texts = texts.texts
	out.batch = spanmill.NativeBatch(t.Signal, t.ReceivedUnixNano, packed, tables)
	return out
}

func names(declared spanmill.Declared, context spanmill.Context) bool {
	for _, path := range append(append([]string{}, declared.Reads...), declared.Writes...) {
		if strings.HasPrefix(path, context.String()+".") {
			return true
		}
	}
	return false
}

func parents(t *Telemetry, context spanmill.Context, at map[*Record]uint32) []uint32 {
	list := []uint32{}
	var visit func(record *Record)
	visit = func(record *Record) {
		for _, child := range record.Children {
			if child.Context == context {
				list = append(list, at[record])
			}
			visit(child)
		}
	}
	for _, resource := range t.Resources {
		visit(resource)
	}
	return list
}

// column is one field of some rows.
func (p *pool) column(path string, rows []*Record) spanmill.NativeColumn {
	_, name, key, isAttribute := spanmill.ParsePath(path)
	if isAttribute {
		return p.attribute(key, rows)
	}
	if name == "attributes" || name == "metadata" {
		return p.attributes(rows)
	}
	var column spanmill.NativeColumn
	switch shape := spanmill.FieldShape(path); shape {
	case "narrow":
		column.Narrow = []uint32{}
		for _, row := range rows {
			number, _ := row.fields[name].(uint32)
			column.Narrow = append(column.Narrow, number)
		}
	case "wide":
		column.Wide = []uint64{}
		for _, row := range rows {
			number, _ := row.fields[name].(uint64)
			column.Wide = append(column.Wide, number)
		}
	case "a trace id":
		column.TraceIDs = []uint64{}
		for _, row := range rows {
			trace, _ := row.fields[name].(spanmill.TraceID)
			column.TraceIDs = append(column.TraceIDs, trace[0], trace[1])
		}
	case "text":
		column.Text = []uint32{}
		for _, row := range rows {
			index := spanmill.Absent
			if text, _ := row.fields[name].(string); text != "" {
				index = p.add(text)
			}
			column.Text = append(column.Text, index)
		}
	case "cells":
		column.Cells = &spanmill.Cells{}
		for _, row := range rows {
			cell := spanmill.Cell{}
			if value, ok := row.fields[name]; ok {
				cell = p.cell(value)
			}
			push(column.Cells, cell)
		}
	default:
		panic("spanmilltest: no host has the field " + path)
	}
	return column
}

func push(cells *spanmill.Cells, cell spanmill.Cell) {
	cells.Kinds = append(cells.Kinds, cell.Kind)
	cells.Bits = append(cells.Bits, cell.Bits)
}

// attribute is text where it is text or absent in every row, else cells.
func (p *pool) attribute(key string, rows []*Record) spanmill.NativeColumn {
	cells, isText := &spanmill.Cells{}, true
	indices := []uint32{}
	for _, row := range rows {
		cell := spanmill.Cell{}
		if value, ok := row.Value(key); ok {
			cell = p.cell(value)
		}
		isText = isText && cell.Kind <= spanmill.KindText
		indices = append(indices, cell.Text())
		push(cells, cell)
	}
	if isText {
		return spanmill.NativeColumn{Text: indices}
	}
	return spanmill.NativeColumn{Cells: cells}
}

func (p *pool) attributes(rows []*Record) spanmill.NativeColumn {
	list := &spanmill.Attributes{}
	for _, row := range rows {
		for _, attribute := range row.Attributes {
			list.Keys = append(list.Keys, p.add(attribute.Key))
			push(&list.Values, p.cell(attribute.Value))
		}
		list.Ends = append(list.Ends, uint32(len(list.Keys)))
	}
	return spanmill.NativeColumn{Attributes: list}
}

// all are the batch's texts and new ones behind them.
func (l *loaded) all(texts spanmill.Texts) []string {
	all := l.texts[:len(l.texts):len(l.texts)]
	for index := range texts.Ends {
		all = append(all, strings.Clone(texts.Get(uint32(index))))
	}
	return all
}
