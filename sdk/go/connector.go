package spanmill

// A Connector measures: it names the series it has seen for the first time, and records values by their numbers. The host
// keeps the totals, so a counter goes on across a crash or a swap.
type Connector interface {
	// Configure takes the settings, and declares the fields it reads and the metrics it makes.
	Configure(settings Settings, contract *Contract, stream *MetricStream) error
	// Process takes one batch. On an error all of the emission is thrown away; series named in it are then unknown to the
	// host, so the plugin calls Restart in its next one.
	Process(batch *Batch, emission *Emission) error
}

// InstrumentKind is how the host aggregates an instrument.
type InstrumentKind uint8

// The kinds of instruments.
const (
	// Sum is monotonic.
	Sum InstrumentKind = iota
	// Histogram has Instrument.Bounds.
	Histogram
	// ExponentialHistogram has at most Instrument.Buckets on either side of zero.
	ExponentialHistogram
	// UpDownSum may fall as well.
	UpDownSum
	// Gauge is the last value that was measured.
	Gauge
)

// An Instrument is a metric that a connector makes.
type Instrument struct {
	Name        string
	Description string
	// Unit is UCUM's, such as ms; empty: none.
	Unit string
	Kind InstrumentKind
	// Bounds are a histogram's upper bounds: inclusive, increasing, finite.
	Bounds []float64
	// Buckets of an exponential histogram.
	Buckets uint32
	// Exemplars that a data point may carry; 0: none.
	Exemplars uint32
}

// Temporality says whether totals start over at each flush.
type Temporality uint8

// The temporalities.
const (
	Delta Temporality = iota
	Cumulative
)

// A MetricStream is the metrics that a connector makes. Configure is given one that is cumulative and flushed every 60 s.
type MetricStream struct {
	Scope           string
	Instruments     []Instrument
	Temporality     Temporality
	FlushIntervalNs uint64
	// ExpirationNs is after how long without a measurement a series is forgotten; 0: never.
	ExpirationNs uint64
	// SeriesLimit is of series per resource and instrument; 0: none.
	SeriesLimit uint32
	// ResourceLimit is of resources; 0: none.
	ResourceLimit uint32
	// TotalLimit is of series altogether; 0: none.
	TotalLimit uint32
	// ResourceKey names the attributes that tell resources apart; empty: all do.
	ResourceKey []string
}

// NewMetricStream is one with the defaults.
func NewMetricStream() *MetricStream {
	return &MetricStream{Temporality: Cumulative, FlushIntervalNs: 60_000_000_000}
}

// An Attribute is a key and a value of a new series or record.
type Attribute struct {
	Key   uint32
	Value Cell
}

// attributeLists are lists of attributes, one a row.
type attributeLists struct {
	ends   []uint32
	keys   []uint32
	values cellList
}

func (l *attributeLists) reset() {
	l.ends, l.keys = l.ends[:0], l.keys[:0]
	l.values.reset()
}

func (l *attributeLists) push(attribute Attribute) {
	l.keys = append(l.keys, attribute.Key)
	l.values.push(attribute.Value)
}

func (l *attributeLists) endRow() { l.ends = append(l.ends, uint32(len(l.keys))) }

type recording struct {
	series []uint32
	values []float64
	counts []uint64
	rows   []uint32
}

// An Emission is what a connector measured in one batch.
type Emission struct {
	newTexts
	restart    bool
	resources  attributeLists
	attributes attributeLists
	recordings []recording
}

func (e *Emission) begin(batch *Batch, instruments int) {
	e.newTexts.begin(batch)
	e.restart = false
	e.resources.reset()
	e.attributes.reset()
	for len(e.recordings) < instruments {
		e.recordings = append(e.recordings, recording{})
	}
	for at := range e.recordings {
		of := &e.recordings[at]
		of.series, of.values, of.counts, of.rows = of.series[:0], of.values[:0], of.counts[:0], of.rows[:0]
	}
}

// Restart forgets the numbering of series before this emission: the next series is 0 again. A plugin that keeps a map of
// series uses it to bound that map. No total is lost.
func (e *Emission) Restart() { e.restart = true }

// Series names a new series, by the attributes of the metrics' resource and its own. Series are numbered in the order they
// are named, across batches, from 0.
func (e *Emission) Series(resource, attributes []Attribute) {
	for _, attribute := range resource {
		e.resources.push(attribute)
	}
	e.resources.endRow()
	for _, attribute := range attributes {
		e.attributes.push(attribute)
	}
	e.attributes.endRow()
}

// Count counts 1 of a series of an instrument, which is named by its place in MetricStream.Instruments. Measurements of
// one instrument in one batch are all counted or all measured.
func (e *Emission) Count(instrument int, series uint32) {
	of := &e.recordings[instrument]
	of.series = append(of.series, series)
}

// Measure records a value.
func (e *Emission) Measure(instrument int, series uint32, value float64) {
	of := &e.recordings[instrument]
	of.series = append(of.series, series)
	of.values = append(of.values, value)
}

// Recording gives the lists of an instrument's measurements, for a plugin that fills them itself: the series of each, its
// value (none: 1 each), how many times it counts (none: once each), and its row, for exemplars (none: no exemplars).
func (e *Emission) Recording(instrument int) (series *[]uint32, values *[]float64, counts *[]uint64, rows *[]uint32) {
	of := &e.recordings[instrument]
	return &of.series, &of.values, &of.counts, &of.rows
}
