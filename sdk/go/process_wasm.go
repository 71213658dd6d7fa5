package spanmill

// Process is processor.process.
func (g *guest) Process(lowered *Lowered) uint32 {
	defer fail()
	plugin, _ := g.plugin.(Processor)
	if plugin == nil {
		return g.failed(nil, 17)
	}
	g.batch.load(lowered)
	o := &g.outcome
	o.begin(&g.batch, len(g.contract.writes))
	if err := plugin.Process(&g.batch, o); err != nil {
		return g.failed(err, 17)
	}
	o.finish()
	for at := range g.lists {
		g.lists[at].reset()
	}
	g.bounds = g.bounds[:0]
	verdicts, verdictCount := &g.verdicts, uint32(0)
	verdicts.reset()
	for context, rows := range o.verdicts {
		if len(rows) > 0 {
			verdicts.word(uint32(context))
			appendList(verdicts, rows)
			verdictCount++
		}
	}
	counts := g.edits(o)
	w := &g.answer
	w.reset()
	w.list = append(w.list, 0, address(verdicts.list), verdictCount)
	w.texts(&o.newTexts)
	for at := range g.lists {
		w.list = append(w.list, address(g.lists[at].list), counts[at])
	}
	return g.done()
}

// Where the edits of each kind are put together, in the contract's order.
const (
	writes = iota
	entryWrites
	replacements
	removals
	appends
)

func (g *guest) edits(o *Outcome) (counts [5]uint32) {
	for field := range g.contract.writes {
		edits := &o.fields[field]
		field := uint32(field)
		begin := func(kind int) *words {
			counts[kind]++
			g.lists[kind].word(field)
			return &g.lists[kind]
		}
		if edits.all != nil {
			w := begin(writes)
			w.wide(0)
			g.single(w, *edits.all)
		}
		if len(edits.rows.places) > 0 {
			w := begin(writes)
			appendList(w, edits.rows.places)
			w.cells(&edits.rows.values)
		}
		if len(edits.entries.places) > 0 {
			w := begin(entryWrites)
			appendList(w, edits.entries.places)
			w.cells(&edits.entries.values)
		}
		if len(edits.old) > 0 {
			w := begin(replacements)
			appendList(w, edits.old)
			appendList(w, edits.new)
		}
		if len(edits.removed) > 0 {
			appendList(begin(removals), edits.removed)
		}
		if len(edits.appendRows) > 0 {
			w := begin(appends)
			appendList(w, edits.appendRows)
			appendList(w, edits.appendKeys)
			w.cells(&edits.appendCells)
		}
	}
	return counts
}

// single writes a list of one cell. bounds refers to it until the next batch.
func (g *guest) single(w *words, cell Cell) {
	cells := &cellList{}
	cells.push(cell)
	g.bounds = append(g.bounds, cells)
	w.cells(cells)
}

// Measure is connector.process.
func (g *guest) Measure(lowered *Lowered) uint32 {
	defer fail()
	plugin, _ := g.plugin.(Connector)
	if plugin == nil {
		return g.failed(nil, 24)
	}
	g.batch.load(lowered)
	e := &g.emission
	e.begin(&g.batch, len(g.metrics.Instruments))
	if err := plugin.Process(&g.batch, e); err != nil {
		return g.failed(err, 24)
	}
	recordings, count := &g.lists[0], uint32(0)
	recordings.reset()
	for instrument := range g.metrics.Instruments {
		of := &e.recordings[instrument]
		if len(of.series) == 0 {
			continue
		}
		recordings.word(uint32(instrument))
		appendList(recordings, of.series)
		appendList(recordings, of.values)
		appendList(recordings, of.counts)
		appendList(recordings, of.rows)
		count++
	}
	w := &g.answer
	w.reset()
	w.word(0)
	w.texts(&e.newTexts)
	restart := uint32(0)
	if e.restart {
		restart = 1
	}
	w.word(restart)
	w.attributes(&e.resources)
	w.attributes(&e.attributes)
	w.list = append(w.list, address(recordings.list), count)
	return g.done()
}

// Make is record-connector.process.
func (g *guest) Make(lowered *Lowered) uint32 {
	defer fail()
	plugin, _ := g.plugin.(RecordConnector)
	if plugin == nil {
		return g.failed(nil, 10)
	}
	g.batch.load(lowered)
	r := &g.records
	r.begin(&g.batch, g.stream)
	if err := plugin.Process(&g.batch, r); err != nil {
		return g.failed(err, 10)
	}
	r.finish()
	columns, count := &g.lists[0], uint32(0)
	columns.reset()
	if len(r.resources) > 0 {
		count = uint32(len(r.shapes))
		for at, shape := range r.shapes {
			columns.column(shape, &r.columns[at])
		}
	}
	w := &g.answer
	w.reset()
	w.word(0)
	w.texts(&r.newTexts)
	w.word(uint32(len(r.resources)))
	appendList(w, r.resources)
	w.list = append(w.list, address(columns.list), count)
	return g.done()
}

func (w *words) column(shape shape, column *recordColumn) {
	w.word(uint32(shape))
	end := len(w.list) + 8
	switch shape {
	case shapeNarrow, shapeText:
		appendList(w, column.narrow)
	case shapeWide, shapeTraceID:
		appendList(w, column.wide)
	case shapeCells:
		w.cells(&column.cells)
	case shapeAttributes:
		w.attributes(&column.list)
	}
	for len(w.list) < end {
		w.word(0)
	}
}

// Route is router.process.
func (g *guest) Route(lowered *Lowered) uint32 {
	defer fail()
	plugin, _ := g.plugin.(Router)
	if plugin == nil {
		return g.failed(nil, 4)
	}
	g.batch.load(lowered)
	g.routes.begin()
	if err := plugin.Process(&g.batch, &g.routes); err != nil {
		return g.failed(err, 4)
	}
	g.answer.reset()
	g.answer.list = append(g.answer.list, 0, uint32(g.routes.context))
	appendList(&g.answer, g.routes.pipelines)
	return g.done()
}
