package spanmill

import (
	"errors"
	"strings"
)

// Guest is what the packages that export interfaces call; plugins do not. Each method is one exported function: it takes
// what was lowered and gives the address of the answer, which stays until the next call.
var Guest guest

type guest struct {
	plugin   any
	contract *Contract
	stream   *RecordStream
	metrics  *MetricStream
	batch    Batch
	outcome  Outcome
	emission Emission
	records  Records
	routes   Routes
	decided  Decisions
	saved    []byte
	answer   words
	verdicts words
	lists    [5]words
	texts    []string
	// What the answer refers to and nothing else does.
	bounds []any
}

// Called at the end of each exported function.
func (g *guest) done() uint32 {
	arena.isDone = true
	return address(g.answer.list)
}

func (g *guest) begin(contract *Contract) {
	g.plugin = nil
	g.contract = contract
	g.answer.reset()
	g.texts = g.texts[:0]
	for at := range g.lists {
		g.lists[at].reset()
	}
}

// text is a text of the plugin's own that outlives the call.
func (g *guest) text(w *words, text string) {
	text = strings.ToValidUTF8(text, "?")
	g.texts = append(g.texts, text)
	w.text(text)
}

// textList writes texts into a list of its own.
func (g *guest) textList(list *words, texts []string) (at, length uint32) {
	for _, text := range texts {
		g.text(list, text)
	}
	return address(list.list), uint32(len(texts))
}

// refuse answers with a config-error; size is that of the answer in words, and payload where its error begins.
func (g *guest) refuse(err error, size, payload int) {
	answer := make([]uint32, size)
	answer[0] = 1
	var problems Problems
	var unavailable Unavailable
	switch {
	case errors.As(err, &unavailable):
		answer[payload] = 1
		g.lists[0].reset()
		g.text(&g.lists[0], string(unavailable))
		copy(answer[payload+1:], g.lists[0].list)
	default:
		if !errors.As(err, &problems) {
			problems = Problems{{Message: err.Error()}}
		}
		g.lists[0].reset()
		for _, problem := range problems {
			g.text(&g.lists[0], problem.Path)
			g.text(&g.lists[0], problem.Message)
		}
		answer[payload+1] = address(g.lists[0].list)
		answer[payload+2] = uint32(len(problems))
	}
	g.answer.list = answer
}

// declare writes what the contract says.
func (g *guest) declare(w *words) {
	signals := make([]uint8, len(g.contract.signals))
	for at, signal := range g.contract.signals {
		signals[at] = uint8(signal)
	}
	g.bounds = append(g.bounds, signals)
	appendList(w, signals)
	at, length := g.textList(&g.lists[1], g.contract.reads)
	w.list = append(w.list, at, length)
	at, length = g.textList(&g.lists[2], g.contract.writes)
	w.list = append(w.list, at, length, uint32(g.contract.sharding))
}

// settings are a copy: the plugin may keep them.
func settings(at, length uint32) Settings { return Settings(string(lowered[byte](at, length))) }

// ConfigureProcessor is processor.configure.
func (g *guest) ConfigureProcessor(plugin Processor, at, length uint32) uint32 {
	defer fail()
	g.begin(NewContract(Traces))
	if err := plugin.Configure(settings(at, length), g.contract); err != nil {
		g.refuse(err, 8, 1)
		return g.done()
	}
	g.plugin = plugin
	g.answer.word(0)
	g.declare(&g.answer)
	return g.done()
}

// ConfigureRouter is router.configure.
func (g *guest) ConfigureRouter(plugin Router, at, length, signal, names, nameCount uint32) uint32 {
	defer fail()
	pipelines := Pipelines{Signal: Signal(signal)}
	for _, name := range lowered[wireList](names, nameCount) {
		pipelines.Names = append(pipelines.Names, string(raise[byte](name)))
	}
	g.begin(NewContract(pipelines.Signal))
	if err := plugin.Configure(settings(at, length), pipelines, g.contract); err != nil {
		g.refuse(err, 8, 1)
		return g.done()
	}
	g.plugin = plugin
	g.answer.word(0)
	g.declare(&g.answer)
	return g.done()
}

// ConfigureConnector is connector.configure.
func (g *guest) ConfigureConnector(plugin Connector, at, length uint32) uint32 {
	defer fail()
	g.begin(NewContract(Traces))
	g.metrics = NewMetricStream()
	if err := plugin.Configure(settings(at, length), g.contract, g.metrics); err != nil {
		g.refuse(err, 26, 2)
		return g.done()
	}
	g.plugin = plugin
	// The result is aligned to 8 bytes, as its 64-bit fields are; so are the words of any Go slice this long.
	w := &g.answer
	w.wide(0)
	g.declare(w)
	w.word(0)
	stream := g.metrics
	g.text(w, stream.Scope)
	instruments := &g.lists[3]
	for at := range stream.Instruments {
		g.instrument(instruments, &stream.Instruments[at])
	}
	w.list = append(w.list, address(instruments.list), uint32(len(stream.Instruments)))
	w.wide(uint64(stream.Temporality))
	w.wide(stream.FlushIntervalNs)
	w.wide(stream.ExpirationNs)
	w.list = append(w.list, stream.SeriesLimit, stream.ResourceLimit, stream.TotalLimit)
	at, length = g.textList(&g.lists[4], stream.ResourceKey)
	w.list = append(w.list, at, length, 0)
	return g.done()
}

func (g *guest) instrument(w *words, instrument *Instrument) {
	g.text(w, instrument.Name)
	g.text(w, instrument.Description)
	g.text(w, instrument.Unit)
	w.word(uint32(instrument.Kind))
	switch instrument.Kind {
	case Histogram:
		appendList(w, instrument.Bounds)
	case ExponentialHistogram:
		w.list = append(w.list, instrument.Buckets, 0)
	default:
		w.wide(0)
	}
	w.word(instrument.Exemplars)
}

// ConfigureRecordConnector is record-connector.configure.
func (g *guest) ConfigureRecordConnector(plugin RecordConnector, at, length uint32) uint32 {
	defer fail()
	g.begin(NewContract(Traces))
	g.stream = NewRecordStream()
	if err := plugin.Configure(settings(at, length), g.contract, g.stream); err != nil {
		g.refuse(err, 15, 1)
		return g.done()
	}
	g.plugin = plugin
	w := &g.answer
	w.word(0)
	g.declare(w)
	w.word(uint32(g.stream.Signal))
	at, length = g.textList(&g.lists[3], g.stream.fields)
	w.list = append(w.list, at, length)
	g.text(w, g.stream.ScopeName)
	g.text(w, g.stream.ScopeVersion)
	return g.done()
}

// plugin-error, as the contract numbers it.
func (g *guest) failed(err error, size int) uint32 {
	g.answer.reset()
	g.texts = g.texts[:0]
	g.answer.word(1)
	var broken StateError
	switch {
	case err == nil:
		g.answer.word(0)
	case errors.As(err, &broken):
		g.answer.word(2)
		g.text(&g.answer, string(broken))
	default:
		g.answer.word(1)
		g.text(&g.answer, err.Error())
	}
	for len(g.answer.list) < size {
		g.answer.word(0)
	}
	return g.done()
}

// Describe is about.describe.
func (g *guest) Describe(about About) uint32 {
	defer fail()
	g.answer.reset()
	g.texts = g.texts[:0]
	g.text(&g.answer, about.Name)
	g.text(&g.answer, about.Version)
	g.text(&g.answer, about.Summary)
	g.text(&g.answer, about.SettingsSchema)
	return g.done()
}

// Snapshot is state.snapshot.
func (g *guest) Snapshot(state State) uint32 {
	defer fail()
	g.answer.reset()
	g.saved = nil
	// A plugin may have state in one role and none in another.
	if current, hasState := g.plugin.(State); hasState {
		state = current
		g.saved = state.Snapshot()
	}
	g.answer.word(state.StateFormat())
	appendList(&g.answer, g.saved)
	return g.done()
}

// Restore is state.restore.
func (g *guest) Restore(format, at, length uint32) uint32 {
	defer fail()
	g.answer.reset()
	g.texts = g.texts[:0]
	var err error
	if current, hasState := g.plugin.(State); hasState {
		err = current.Restore(format, append([]byte(nil), lowered[byte](at, length)...))
	} else if length > 0 {
		err = errNoState
	}
	switch {
	case err == nil:
		g.answer.list = append(g.answer.list, 0, 0, 0, 0)
	case errors.Is(err, ErrFormat):
		g.answer.list = append(g.answer.list, 1, 0, 0, 0)
	default:
		g.answer.list = append(g.answer.list, 1, 1)
		g.text(&g.answer, err.Error())
	}
	return g.done()
}

var errNoState = errors.New("the plugin has no state in this role")

// Tick is ticker.tick.
func (g *guest) Tick(now uint64, ending uint32) uint32 {
	defer fail()
	if g.plugin == nil {
		return g.failed(nil, 7)
	}
	g.decided.begin()
	if err := g.plugin.(Ticker).Tick(now, ending != 0, &g.decided); err != nil {
		return g.failed(err, 7)
	}
	g.answer.reset()
	g.answer.word(0)
	appendList(&g.answer, g.decided.traces)
	appendList(&g.answer, g.decided.decisions)
	appendList(&g.answer, g.decided.review)
	return g.done()
}

// Review is ticker.review.
func (g *guest) Review(lowered *Lowered) uint32 {
	defer fail()
	if g.plugin == nil {
		return g.failed(nil, 4)
	}
	g.batch.load(lowered)
	if err := g.plugin.(Ticker).Review(&g.batch); err != nil {
		return g.failed(err, 4)
	}
	g.answer.reset()
	g.answer.list = append(g.answer.list, 0, 0, 0, 0)
	return g.done()
}
