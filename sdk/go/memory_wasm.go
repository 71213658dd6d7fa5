package spanmill

import "unsafe"

// The memory that the host lowers arguments into. Go's collector does not move what it allocates, and leaves alone what is
// referred to, so one list of chunks is all it takes: they are used anew once the call that they were for has returned.
var arena struct {
	// The chunk in use, and how many of its words are.
	chunk []uint64
	used  int
	// Chunks of this call that are full.
	full [][]uint64
	// Whether the call that the chunks were for has returned.
	isDone bool
}

const firstChunk = 8 << 10

//go:wasmexport cabi_realloc
func cabiRealloc(old, oldSize, align, size uint32) uint32 {
	if arena.isDone {
		releaseArena()
	}
	words := (int(size) + 7) / 8
	if words > len(arena.chunk)-arena.used {
		growArena(words)
	}
	at := uint32(uintptr(unsafe.Pointer(unsafe.SliceData(arena.chunk)))) + uint32(arena.used)*8
	arena.used += words
	if oldSize > 0 {
		copy(lowered[byte](at, size), lowered[byte](old, oldSize))
	}
	return at
}

func growArena(words int) {
	if arena.chunk != nil {
		arena.full = append(arena.full, arena.chunk)
	}
	arena.chunk = make([]uint64, max(words, 2*len(arena.chunk), firstChunk))
	arena.used = 0
}

// A call that took several chunks leaves one behind with room for all of them.
func releaseArena() {
	arena.isDone = false
	arena.used = 0
	if len(arena.full) > 0 {
		words := len(arena.chunk)
		for _, chunk := range arena.full {
			words += len(chunk)
		}
		clear(arena.full)
		arena.full = arena.full[:0]
		arena.chunk = nil
		arena.chunk = make([]uint64, words)
	}
}

// lowered is a list that the host has lowered into this memory.
func lowered[T any](at, length uint32) []T {
	if length == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(uintptr(at))), int(length))
}

// address is where a list stands. What refers to the list keeps it alive until the next call.
func address[T any](list []T) uint32 {
	if len(list) == 0 {
		return 0
	}
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(list))))
}

func addressOf(text string) uint32 {
	return uint32(uintptr(unsafe.Pointer(unsafe.StringData(text))))
}

// words is memory that answers are written into, as the canonical ABI lays them out. Every record of the contract has a
// multiple of 4 bytes; those with 64-bit fields begin at an even word.
type words struct{ list []uint32 }

func (w *words) reset() { w.list = w.list[:0] }

func (w *words) word(value uint32) { w.list = append(w.list, value) }

func (w *words) wide(value uint64) { w.list = append(w.list, uint32(value), uint32(value>>32)) }

func (w *words) text(text string) { w.list = append(w.list, addressOf(text), uint32(len(text))) }

func (w *words) cells(cells *cellList) {
	appendList(w, cells.kinds)
	appendList(w, cells.bits)
}

func (w *words) texts(texts *newTexts) {
	appendList(w, texts.ends)
	appendList(w, texts.data)
}

func (w *words) attributes(lists *attributeLists) {
	appendList(w, lists.ends)
	appendList(w, lists.keys)
	w.cells(&lists.values)
}

func appendList[T any](w *words, list []T) {
	w.list = append(w.list, address(list), uint32(len(list)))
}
