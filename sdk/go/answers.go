package spanmill

// Answers asks a question once for each distinct text of a batch, instead of once a row.
type Answers[T any] struct {
	ask    func(text string) T
	texts  *Texts
	known  []bool
	answer []T
	none   T
}

// NewAnswers remembers the answers of ask; none is the one for a text that is not there.
func NewAnswers[T any](none T, ask func(text string) T) *Answers[T] {
	return &Answers[T]{ask: ask, none: none}
}

// Begin forgets the answers of the batch before. Call it first in process.
func (a *Answers[T]) Begin(batch *Batch) {
	a.texts = &batch.Texts
	a.known = resize(a.known, batch.Texts.Len())
	a.answer = resize(a.answer, batch.Texts.Len())
	clear(a.known)
}

// Get is the answer for a text, by its pool index.
func (a *Answers[T]) Get(index uint32) T {
	if uint64(index) < uint64(len(a.known)) && a.known[index] {
		return a.answer[index]
	}
	return a.find(index)
}

//go:noinline
func (a *Answers[T]) find(index uint32) T {
	if index == Absent {
		return a.none
	}
	answer := a.ask(a.texts.Get(index))
	a.known[index] = true
	a.answer[index] = answer
	return answer
}
