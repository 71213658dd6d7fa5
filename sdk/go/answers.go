package spanmill

// Answers asks a question once for each distinct text of a batch, instead of once a row.
type Answers[T any] struct {
	ask    func(text string) T
	texts  *Texts
	known  []bool
	answer []T
	rows   []T
	none   T
}

// NewAnswers remembers the answers of ask; none is the one for a text that is not there.
func NewAnswers[T any](none T, ask func(text string) T) *Answers[T] {
	return &Answers[T]{ask: ask, none: none}
}

// Of are the answers for a column of texts, one a row. They are good until the next call.
func (a *Answers[T]) Of(batch *Batch, column []uint32) []T {
	a.Begin(batch)
	a.rows = resize(a.rows, len(column))
	rows, known, answer := a.rows, a.known, a.answer
	for row, index := range column {
		switch {
		case uint64(index) >= uint64(len(known)):
			rows[row] = a.none
		case known[index]:
			rows[row] = answer[index]
		default:
			rows[row] = a.Get(index)
		}
	}
	return rows
}

// Begin forgets the answers of the batch before; Of does so by itself. A plugin that looks at texts one by one calls it first
// in process, and then Get.
func (a *Answers[T]) Begin(batch *Batch) {
	a.texts = &batch.Texts
	a.known = resize(a.known, batch.Texts.Len())
	a.answer = resize(a.answer, batch.Texts.Len())
	clear(a.known)
}

// Get is the answer for a text, by its pool index.
func (a *Answers[T]) Get(index uint32) T {
	if index == Absent {
		return a.none
	}
	if !a.known[index] {
		a.answer[index] = a.ask(a.texts.Get(index))
		a.known[index] = true
	}
	return a.answer[index]
}
