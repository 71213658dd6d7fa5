package spanmill

import "slices"

// Where a declared field stands in a batch.
type place struct {
	context Context
	column  int
}

// Handles by which declared fields are read.
type (
	// TextField is a text field, such as span.name.
	TextField place
	// NarrowField is a field of kinds, codes, flags or counts.
	NarrowField place
	// WideField is a field of times or span ids.
	WideField place
	// TraceIDField is a field of trace ids.
	TraceIDField place
	// CellField is a field whose type varies, such as log.body.
	CellField place
	// AttributeField is one attribute by key.
	AttributeField place
	// ListField is a whole attribute list.
	ListField place
	// WriteField is a field that the plugin may write.
	WriteField int
)

// Sharding says which batches an instance must see.
type Sharding uint8

const (
	// ShardNone is any batch: the default.
	ShardNone Sharding = iota
	// ShardByTrace is all rows of a trace.
	ShardByTrace
	// ShardWhole is every batch.
	ShardWhole
)

// A Contract collects what a plugin needs: signals and fields. Paths are the contract's; naming one twice gives the same
// handle. A field read or written as what it is not panics: that is a mistake in the plugin, whatever its settings.
type Contract struct {
	signals  []Signal
	reads    []string
	places   []place
	writes   []string
	sharding Sharding
}

// NewContract is one that takes a signal, and nothing of it. The host's side makes contracts; a plugin is given one.
func NewContract(signal Signal) *Contract { return &Contract{signals: []Signal{signal}} }

// Take declares the signals that the plugin takes, in place of those before; without a call, traces.
func (c *Contract) Take(signals ...Signal) { c.signals = slices.Clone(signals) }

// Shard declares which batches an instance must see.
func (c *Contract) Shard(sharding Sharding) { c.sharding = sharding }

func (c *Contract) read(path string) place {
	if known := slices.Index(c.reads, path); known >= 0 {
		return c.places[known]
	}
	context, _, _, _ := ParsePath(path)
	field := place{context: context}
	for _, place := range c.places {
		if place.context == context {
			field.column++
		}
	}
	c.reads = append(c.reads, path)
	c.places = append(c.places, field)
	return field
}

func (c *Contract) readAs(path string, want shape, use string) place {
	if field, known := fields[path]; known && field.shape != want {
		panic("spanmill: " + path + " is " + shapeNames[field.shape] + "; " + use + " reads " + shapeNames[want])
	}
	return c.read(path)
}

var shapeNames = [...]string{"narrow", "wide", "a trace id", "text", "cells", "attributes"}

// ReadText reads a text field.
func (c *Contract) ReadText(path string) TextField {
	return TextField(c.readAs(path, shapeText, "ReadText"))
}

// ReadNarrow reads a field of kinds, codes, flags or counts.
func (c *Contract) ReadNarrow(path string) NarrowField {
	return NarrowField(c.readAs(path, shapeNarrow, "ReadNarrow"))
}

// ReadWide reads a field of times or span ids.
func (c *Contract) ReadWide(path string) WideField {
	return WideField(c.readAs(path, shapeWide, "ReadWide"))
}

// ReadTraceID reads trace ids.
func (c *Contract) ReadTraceID(path string) TraceIDField {
	return TraceIDField(c.readAs(path, shapeTraceID, "ReadTraceID"))
}

// ReadCells reads a field whose type varies, such as log.body or datapoint.value.
func (c *Contract) ReadCells(path string) CellField {
	return CellField(c.readAs(path, shapeCells, "ReadCells"))
}

// ReadAttribute reads one attribute by key.
func (c *Contract) ReadAttribute(context Context, key string) AttributeField {
	return AttributeField(c.read(AttributePath(context, key)))
}

// ReadAttributes reads every attribute. It costs more than single ones, and sees more.
func (c *Contract) ReadAttributes(context Context) ListField {
	return ListField(c.read(AttributesPath(context)))
}

// Write declares a field that the plugin writes. Writing does not imply reading.
func (c *Contract) Write(path string) WriteField {
	if field, known := fields[path]; known && !field.writable {
		panic("spanmill: " + path + " cannot be written")
	}
	if known := slices.Index(c.writes, path); known >= 0 {
		return WriteField(known)
	}
	c.writes = append(c.writes, path)
	return WriteField(len(c.writes) - 1)
}

// WriteAttribute declares that the plugin writes one attribute by key.
func (c *Contract) WriteAttribute(context Context, key string) WriteField {
	return c.Write(AttributePath(context, key))
}

// WriteAttributes declares that the plugin edits whole attribute lists.
func (c *Contract) WriteAttributes(context Context) WriteField {
	return c.Write(AttributesPath(context))
}

// Counter declares one of the plugin's own counters, which its operator sees in `spanmill plugin status`. Its name is in
// lower_snake_case. None can be added after Configure, so no name can carry a value.
func (c *Contract) Counter(name string) Counter {
	hostCount(name, 0)
	return Counter{name}
}

// A Counter is one of the plugin's own counters.
type Counter struct{ name string }

// Add adds to it. Call it once a batch, not once a row.
func (c Counter) Add(delta uint64) { hostCount(c.name, delta) }
