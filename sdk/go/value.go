package spanmill

import "math"

// Absent is the pool index that stands for "no text".
const Absent = ^uint32(0)

// Kind says how to read the bits of a cell.
type Kind = uint8

// The kinds of cells.
const (
	KindAbsent Kind = iota
	KindText
	KindBool
	KindInt
	KindDouble
	KindBytes
	// KindArray is an encoded opentelemetry.proto.common.v1.ArrayValue.
	KindArray
	// KindMap is an encoded opentelemetry.proto.common.v1.KeyValueList.
	KindMap
	// KindEmpty is an attribute or a body that is there without a value.
	KindEmpty
)

// A Cell is one value of any kind. Texts, bytes, arrays and maps stand in it by their index in the batch's pool, or by the
// one that a new text was given. The zero Cell is absent.
type Cell struct {
	Kind Kind
	Bits uint64
}

// TextCell is a text, by its pool index. [Absent] makes an absent cell.
func TextCell(index uint32) Cell {
	if index == Absent {
		return Cell{}
	}
	return Cell{KindText, uint64(index)}
}

// BoolCell is a boolean.
func BoolCell(value bool) Cell {
	if value {
		return Cell{KindBool, 1}
	}
	return Cell{KindBool, 0}
}

// IntCell is an integer.
func IntCell(value int64) Cell { return Cell{KindInt, uint64(value)} }

// DoubleCell is a double.
func DoubleCell(value float64) Cell { return Cell{KindDouble, math.Float64bits(value)} }

// BytesCell is bytes, by their pool index.
func BytesCell(index uint32) Cell { return Cell{KindBytes, uint64(index)} }

// ArrayCell is an encoded ArrayValue, by its pool index.
func ArrayCell(index uint32) Cell { return Cell{KindArray, uint64(index)} }

// MapCell is an encoded KeyValueList, by its pool index.
func MapCell(index uint32) Cell { return Cell{KindMap, uint64(index)} }

// EmptyCell is an attribute without a value.
func EmptyCell() Cell { return Cell{Kind: KindEmpty} }

// Text is the pool index of a text; [Absent] of anything else.
func (c Cell) Text() uint32 {
	if c.Kind == KindText {
		return uint32(c.Bits)
	}
	return Absent
}

// Pool is the pool index of a text, bytes, an array or a map; [Absent] of anything else.
func (c Cell) Pool() uint32 {
	switch c.Kind {
	case KindText, KindBytes, KindArray, KindMap:
		return uint32(c.Bits)
	}
	return Absent
}

// Bool is the value of a boolean, false of anything else.
func (c Cell) Bool() bool { return c.Kind == KindBool && c.Bits != 0 }

// Int is the value of an integer, and whether it is one.
func (c Cell) Int() (int64, bool) { return int64(c.Bits), c.Kind == KindInt }

// Double is the value of a double, and whether it is one.
func (c Cell) Double() (float64, bool) { return math.Float64frombits(c.Bits), c.Kind == KindDouble }

// cellList is cells, column by column.
type cellList struct {
	kinds []uint8
	bits  []uint64
}

func (l *cellList) push(c Cell) {
	l.kinds = append(l.kinds, c.Kind)
	l.bits = append(l.bits, c.Bits)
}

func (l *cellList) reset() {
	l.kinds = l.kinds[:0]
	l.bits = l.bits[:0]
}
