// Command error_budget is a plugin that measures how fast services spend their error budgets.
package main

import (
	_ "embed"
	"strings"

	"spanmill.dev/sdk"
	"spanmill.dev/sdk/about"
	"spanmill.dev/sdk/connector"
)

//go:embed settings.schema.json
var schema string

func init() {
	connector.Register[ErrorBudget]()
	about.Register(spanmill.About{
		Name:           "error_budget",
		Version:        "0.1.0",
		Summary:        "Measures how fast services spend their error budgets.",
		SettingsSchema: schema,
	})
}

func main() {}

// The instruments, by their place in the stream.
const (
	requests = iota
	allowed
	spent
)

// OTLP's numbers.
const (
	kindServer   = 2
	kindConsumer = 5
	codeError    = 2
)

// Series that the plugin remembers, and the bytes of their services' names; beyond, it numbers them anew.
const (
	mostSeries = 10_000
	mostBytes  = 4 << 20
)

// ErrorBudget is the plugin.
type ErrorBudget struct {
	objectives []objective
	service    spanmill.AttributeField
	kind, code spanmill.NarrowField
	start, end spanmill.WideField
	// The numbers that series have.
	series map[seriesKey]uint32
	bytes  int
	// What this batch has: texts by their index, which differs from batch to batch.
	tallies []tally
	places  map[tallyKey]int
}

// A seriesKey is what tells series apart in any batch. There may be no service.
type seriesKey struct {
	service    string
	hasService bool
	objective  int
}

// A tallyKey is what tells series apart in one batch.
type tallyKey struct {
	service   uint32
	objective int
}

// A tally is how many requests of a series there were, and how many of them bad.
type tally struct {
	key        tallyKey
	total, bad float64
}

// Configure takes the settings, and declares fields and metrics.
func (e *ErrorBudget) Configure(settings spanmill.Settings, contract *spanmill.Contract, stream *spanmill.MetricStream) error {
	objectives, problems := read(settings)
	e.objectives = objectives
	e.service = contract.ReadAttribute(spanmill.Resource, "service.name")
	e.kind = contract.ReadNarrow("span.kind")
	e.code = contract.ReadNarrow("span.status.code")
	e.start = contract.ReadWide("span.start_time_unix_nano")
	e.end = contract.ReadWide("span.end_time_unix_nano")
	stream.Scope = "error_budget"
	stream.Instruments = []spanmill.Instrument{
		{Name: "error_budget.requests", Description: "Requests that an objective is about.", Unit: "{request}", Kind: spanmill.Sum},
		{Name: "error_budget.allowed", Description: "Bad requests that the objective allows for those.", Unit: "{request}", Kind: spanmill.Sum},
		{Name: "error_budget.spent", Description: "Bad requests among them.", Unit: "{request}", Kind: spanmill.Sum},
	}
	stream.FlushIntervalNs = 15_000_000_000
	stream.TotalLimit = 3 * mostSeries
	e.series = map[seriesKey]uint32{}
	e.places = map[tallyKey]int{}
	return problems.Err()
}

// Process counts the requests of each service and objective, and measures each series once.
func (e *ErrorBudget) Process(batch *spanmill.Batch, emission *spanmill.Emission) error {
	e.count(batch)
	if len(e.series)+len(e.tallies) > mostSeries || e.bytes > mostBytes {
		emission.Restart()
		clear(e.series)
		e.bytes = 0
	}
	for _, tally := range e.tallies {
		series := e.number(batch, emission, tally.key)
		target := e.objectives[tally.key.objective].Target
		emission.Measure(requests, series, tally.total)
		emission.Measure(allowed, series, tally.total*(100-target)/100)
		emission.Measure(spent, series, tally.bad)
	}
	return nil
}

// count fills the tallies, in the order in which series first occur.
func (e *ErrorBudget) count(batch *spanmill.Batch) {
	e.tallies = e.tallies[:0]
	clear(e.places)
	services := batch.AttributeTexts(e.service)
	kinds, codes := batch.Narrow(e.kind), batch.Narrow(e.code)
	starts, ends := batch.Wide(e.start), batch.Wide(e.end)
	scopes, resources := batch.Parents(spanmill.Span), batch.Parents(spanmill.Scope)
	for row, kind := range kinds {
		if kind != kindServer && kind != kindConsumer {
			continue
		}
		service := services[resources[scopes[row]]]
		took := 0.0
		if ends[row] > starts[row] {
			took = float64(ends[row]-starts[row]) / 1e6
		}
		for at := range e.objectives {
			objective := &e.objectives[at]
			if !objective.isAbout(batch, service) {
				continue
			}
			tally := e.tally(tallyKey{service, at})
			tally.total++
			if codes[row] == codeError || objective.LatencyMs != nil && took > *objective.LatencyMs {
				tally.bad++
			}
		}
	}
}

func (e *ErrorBudget) tally(key tallyKey) *tally {
	place, isKnown := e.places[key]
	if !isKnown {
		place = len(e.tallies)
		e.places[key] = place
		e.tallies = append(e.tallies, tally{key: key})
	}
	return &e.tallies[place]
}

// number gives the number of a series, and names it if it is new.
func (e *ErrorBudget) number(batch *spanmill.Batch, emission *spanmill.Emission, of tallyKey) uint32 {
	key := seriesKey{batch.Texts.Get(of.service), of.service != spanmill.Absent, of.objective}
	series, isKnown := e.series[key]
	if isKnown {
		return series
	}
	series = uint32(len(e.series))
	// The text is the batch's, and gone with it.
	key.service = strings.Clone(key.service)
	e.bytes += len(key.service)
	e.series[key] = series
	var resource []spanmill.Attribute
	if key.hasService {
		resource = []spanmill.Attribute{{Key: emission.Text("service.name"), Value: spanmill.TextCell(of.service)}}
	}
	name := emission.Text(e.objectives[of.objective].Name)
	emission.Series(resource, []spanmill.Attribute{{Key: emission.Text("objective"), Value: spanmill.TextCell(name)}})
	return series
}
