package spanmill

import "unsafe"

// Lowered is a batch as it is lowered: the parameters of process.
type Lowered struct {
	Signal                                               uint32
	Received                                             uint64
	Ends, EndCount, Bytes, ByteCount, Tables, TableCount uint32
}

// A list as it is lowered.
type wireList struct{ at, length uint32 }

type wireColumn struct {
	shape uint32
	lists [4]wireList
}

type wireTable struct {
	context uint32
	rows    uint32
	parents wireList
	columns wireList
}

// The sizes that the canonical ABI gives both.
var (
	_ [36]byte = [unsafe.Sizeof(wireColumn{})]byte{}
	_ [24]byte = [unsafe.Sizeof(wireTable{})]byte{}
)

func raise[T any](list wireList) []T { return lowered[T](list.at, list.length) }

// load makes a batch of one that was lowered, in place.
func (b *Batch) load(from *Lowered) {
	b.Signal = Signal(from.Signal)
	b.ReceivedUnixNano = from.Received
	b.Texts = Texts{lowered[uint32](from.Ends, from.EndCount), lowered[byte](from.Bytes, from.ByteCount)}
	b.used = 0
	for context := range b.tables {
		table := &b.tables[context]
		table.present, table.rows, table.parents, table.columns = false, 0, nil, table.columns[:0]
	}
	for _, wire := range lowered[wireTable](from.Tables, from.TableCount) {
		table := &b.tables[uint8(wire.context)]
		table.present = true
		table.rows = int(wire.rows)
		table.parents = raise[uint32](wire.parents)
		for _, wire := range raise[wireColumn](wire.columns) {
			table.columns = append(table.columns, wire.column())
		}
	}
}

func (w *wireColumn) column() column {
	column := column{shape: shape(uint8(w.shape))}
	switch column.shape {
	case shapeNarrow, shapeText:
		column.narrow = raise[uint32](w.lists[0])
	case shapeWide, shapeTraceID:
		column.wide = raise[uint64](w.lists[0])
	case shapeCells:
		column.kinds, column.wide = raise[uint8](w.lists[0]), raise[uint64](w.lists[1])
	case shapeAttributes:
		column.ends, column.narrow = raise[uint32](w.lists[0]), raise[uint32](w.lists[1])
		column.kinds, column.wide = raise[uint8](w.lists[2]), raise[uint64](w.lists[3])
	}
	return column
}
