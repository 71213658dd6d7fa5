package spanmilltest

import (
	"slices"

	"spanmill.dev/sdk"
)

// apply does to the rows what an outcome says, in the contract's order.
func (l *loaded) apply(declared spanmill.Declared, texts []string, fields []spanmill.FieldEdits) {
	each := func(do func(path string, rows []*Record, edits *spanmill.FieldEdits)) {
		for at, path := range declared.Writes {
			context, _, _, _ := spanmill.ParsePath(path)
			do(path, l.rows[context], &fields[at])
		}
	}
	// Entries are numbered as the batch was handed over.
	entries := map[spanmill.Context][]*KeyValue{}
	for context, rows := range l.rows {
		for _, row := range rows {
			for at := range row.Attributes {
				entries[context] = append(entries[context], &row.Attributes[at])
			}
		}
	}
	each(func(path string, rows []*Record, edits *spanmill.FieldEdits) {
		if len(edits.Old) > 0 && !slices.Contains(declared.Reads, path) {
			panic("spanmilltest: " + path + " has texts replaced, and is not read")
		}
		l.replace(path, rows, texts, edits)
	})
	each(func(path string, _ []*Record, edits *spanmill.FieldEdits) {
		context, _, _, _ := spanmill.ParsePath(path)
		for at, entry := range edits.Entries.Places {
			changed, ok := value(edits.Entries.Cells.At(at), texts)
			if !ok {
				panic("spanmilltest: an entry is written that is absent; remove it instead")
			}
			entries[context][entry].Value = changed
		}
	})
	removed := map[*KeyValue]bool{}
	each(func(path string, rows []*Record, edits *spanmill.FieldEdits) {
		context, _, _, _ := spanmill.ParsePath(path)
		for _, entry := range edits.Removed {
			removed[entries[context][entry]] = true
		}
		if len(edits.Removed) == 0 {
			return
		}
		for _, row := range rows {
			var left []KeyValue
			for at := range row.Attributes {
				if !removed[&row.Attributes[at]] {
					left = append(left, row.Attributes[at])
				}
			}
			row.Attributes = left
		}
	})
	each(func(path string, rows []*Record, edits *spanmill.FieldEdits) {
		if edits.All != nil {
			for _, row := range rows {
				row.write(path, *edits.All, texts)
			}
		}
		for at, row := range edits.Rows.Places {
			if len(rows) > 0 {
				rows[row].write(path, edits.Rows.Cells.At(at), texts)
			}
		}
	})
	each(func(path string, rows []*Record, edits *spanmill.FieldEdits) {
		if !slices.IsSorted(edits.AppendRows) {
			panic("spanmilltest: rows of appended attributes decrease")
		}
		for at, row := range edits.AppendRows {
			added, ok := value(edits.AppendCells.At(at), texts)
			if !ok {
				panic("spanmilltest: an attribute is appended that is absent")
			}
			rows[row].Attributes = append(rows[row].Attributes, KeyValue{texts[edits.AppendKeys[at]], added})
		}
	})
}

func (l *loaded) replace(path string, rows []*Record, texts []string, edits *spanmill.FieldEdits) {
	if len(edits.Old) == 0 {
		return
	}
	replaced := map[string]string{}
	for at, old := range edits.Old {
		if _, twice := replaced[texts[old]]; twice {
			panic("spanmilltest: a text is replaced twice")
		}
		replaced[texts[old]] = texts[edits.New[at]]
	}
	change := func(value any) any {
		if text, isText := value.(string); isText {
			if changed, ok := replaced[text]; ok {
				return changed
			}
		}
		return value
	}
	_, name, key, isAttribute := spanmill.ParsePath(path)
	for _, row := range rows {
		if !isAttribute && name != "attributes" && name != "metadata" {
			if value, ok := row.fields[name]; ok {
				row.fields[name] = change(value)
			}
			continue
		}
		for at := range row.Attributes {
			if of := &row.Attributes[at]; !isAttribute || of.Key == key {
				of.Value = change(of.Value)
			}
		}
	}
}

// write gives a field of a row a value.
func (r *Record) write(path string, cell spanmill.Cell, texts []string) {
	_, name, key, isAttribute := spanmill.ParsePath(path)
	written, isThere := value(cell, texts)
	if isAttribute {
		r.writeAttribute(key, written, isThere)
		return
	}
	switch spanmill.FieldShape(path) {
	case "text":
		text, isText := written.(string)
		if isThere && !isText {
			panic("spanmilltest: " + path + " takes texts")
		}
		r.fields[name] = text
	case "narrow":
		number, isInt := written.(int64)
		if !isInt {
			panic("spanmilltest: " + path + " takes integers")
		}
		r.fields[name] = uint32(number)
	case "wide":
		number, isInt := written.(int64)
		if !isInt {
			panic("spanmilltest: " + path + " takes integers")
		}
		r.fields[name] = uint64(number)
	case "cells":
		delete(r.fields, name)
		if isThere {
			r.fields[name] = written
		}
	default:
		panic("spanmilltest: " + path + " takes no writes; write by key, or replace texts")
	}
}

func (r *Record) writeAttribute(key string, written any, isThere bool) {
	var left []KeyValue
	isWritten := false
	for _, attribute := range r.Attributes {
		switch {
		case attribute.Key != key:
			left = append(left, attribute)
		case isThere && !isWritten:
			left = append(left, KeyValue{key, written})
			isWritten = true
		}
	}
	if isThere && !isWritten {
		left = append(left, KeyValue{key, written})
	}
	r.Attributes = left
}

// keepRows takes rows with a verdict other than 0 out, with the rows below them, and what is left empty by that.
func keepRows(records []*Record, out map[*Record]bool) []*Record {
	var left []*Record
	for _, record := range records {
		if out[record] {
			continue
		}
		had := len(record.Children)
		record.Children = keepRows(record.Children, out)
		isEmptied := had > 0 && len(record.Children) == 0 && record.Context != spanmill.Span
		if !isEmptied {
			left = append(left, record)
		}
	}
	return left
}
