package spanmill

// State is what a plugin knows of earlier batches, handed to the instance that takes its place. Save what was learned from
// batches: no settings, and no series numbers. Check what comes in, since another version wrote it.
type State interface {
	// StateFormat is the number of the layout of the data; raise it when that changes.
	StateFormat() uint32
	// Snapshot is what this instance knows. It goes on as if it had not been asked.
	Snapshot() []byte
	// Restore takes over what another instance knew. A format it does not know is ErrFormat.
	Restore(format uint32, data []byte) error
}

// About is what a plugin is, for people and editors.
type About struct {
	// Name is 1 to 64 letters, digits, _, - and .
	Name string
	// Version is such as 1.4.0.
	Version string
	// Summary is what it does, in one line.
	Summary string
	// SettingsSchema is the JSON Schema of its settings; empty: none.
	SettingsSchema string
}

// A Ticker decides on what is held.
type Ticker interface {
	// Tick is called once a second, and after each batch from which rows were held. ending says that this is the last call.
	Tick(nowUnixNano uint64, ending bool, decisions *Decisions) error
	// Review shows rows that are held: what Tick asked for, and everything after a fault.
	Review(batch *Batch) error
}

// A TraceID is two words, the high one first.
type TraceID [2]uint64

// Decisions are made by trace; traces that are not named stay held.
type Decisions struct {
	traces    []uint64
	decisions []uint8
	review    []uint64
}

func (d *Decisions) begin() {
	d.traces, d.decisions, d.review = d.traces[:0], d.decisions[:0], d.review[:0]
}

func (d *Decisions) decide(trace TraceID, decision uint8) {
	d.traces = append(d.traces, trace[0], trace[1])
	d.decisions = append(d.decisions, decision)
}

// Release sends the rows of a trace on. No trace is decided on twice.
func (d *Decisions) Release(trace TraceID) { d.decide(trace, 0) }

// Drop drops the rows of a trace.
func (d *Decisions) Drop(trace TraceID) { d.decide(trace, 1) }

// Review has the rows of a trace shown again.
func (d *Decisions) Review(trace TraceID) { d.review = append(d.review, trace[0], trace[1]) }
