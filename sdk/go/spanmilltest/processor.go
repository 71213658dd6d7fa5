package spanmilltest

import (
	"slices"
	"testing"

	"spanmill.dev/sdk"
)

// A Line is what a plugin logged.
type Line struct {
	Level   spanmill.Level
	Message string
}

// calls are what a plugin has called.
type calls struct {
	// Logs are its log lines so far.
	Logs []Line
	// Counts are its counters.
	Counts map[string]uint64
}

func (c *calls) listen() {
	spanmill.Host.Log = func(level spanmill.Level, message string) { c.Logs = append(c.Logs, Line{level, message}) }
	spanmill.Host.Count = func(name string, delta uint64) {
		if c.Counts == nil {
			c.Counts = map[string]uint64{}
		}
		c.Counts[name] += delta
	}
}

// A Kit is a configured processor under test.
type Kit struct {
	calls
	t        testing.TB
	plugin   spanmill.Processor
	contract *spanmill.Contract
	held     []*Telemetry
}

// Configure configures a processor with JSON settings, and gives its error.
func Configure(t testing.TB, plugin spanmill.Processor, settings string) (*Kit, error) {
	kit := &Kit{t: t, plugin: plugin, contract: spanmill.NewContract(spanmill.Traces)}
	kit.listen()
	err := plugin.Configure(spanmill.Settings(settings), kit.contract)
	return kit, err
}

// New configures a processor, which must succeed.
func New(t testing.TB, plugin spanmill.Processor, settings string) *Kit {
	t.Helper()
	kit, err := Configure(t, plugin, settings)
	if err != nil {
		t.Fatalf("configure: %v", err)
	}
	return kit
}

// Declared is what the plugin declared.
func (k *Kit) Declared() spanmill.Declared { return k.contract.Declared() }

// A Changed is what a processor made of telemetry.
type Changed struct {
	*Telemetry
	// Held and Dropped are how many rows of each context were.
	Held, Dropped map[spanmill.Context]int
}

// Run runs a batch, and applies the outcome. The telemetry itself is left alone.
func (k *Kit) Run(telemetry *Telemetry) Changed {
	k.t.Helper()
	changed, err := k.Try(telemetry)
	if err != nil {
		k.t.Fatalf("process: %v", err)
	}
	return changed
}

// Try runs a batch, which the plugin may refuse.
func (k *Kit) Try(telemetry *Telemetry) (Changed, error) {
	k.t.Helper()
	declared := k.contract.Declared()
	if !slices.Contains(declared.Signals, telemetry.Signal) {
		k.t.Fatalf("the plugin takes %v, not %v", declared.Signals, telemetry.Signal)
	}
	k.listen()
	left := telemetry.clone()
	loaded := load(left, declared)
	texts, verdicts, fields, err := spanmill.RunProcessor(k.plugin, k.contract, loaded.batch)
	if err != nil {
		return Changed{}, err
	}
	loaded.apply(declared, loaded.all(texts), fields)
	changed := Changed{left, map[spanmill.Context]int{}, map[spanmill.Context]int{}}
	out := map[*Record]bool{}
	for context, rows := range loaded.rows {
		for at, verdict := range verdicts[context] {
			switch verdict {
			case 1:
				changed.Dropped[context]++
			case 2:
				changed.Held[context]++
				k.hold(rows[at], left)
			default:
				continue
			}
			out[rows[at]] = true
		}
	}
	left.Resources = keepRows(left.Resources, out)
	return changed, nil
}

func (k *Kit) hold(row *Record, from *Telemetry) {
	if trace, _ := row.fields["trace_id"].(spanmill.TraceID); trace == (spanmill.TraceID{}) {
		k.t.Fatal("a row without a trace id is held")
	}
	if _, holds := k.plugin.(spanmill.Ticker); !holds {
		k.t.Fatal("a plugin holds that is no Ticker")
	}
	alone := &Telemetry{Signal: from.Signal, ReceivedUnixNano: from.ReceivedUnixNano}
	alone.Resources = []*Record{Resource().With(Scope("").With(row.clone()))}
	k.held = append(k.held, alone)
}

// A Decided is what became of held rows.
type Decided struct {
	Released, Dropped []*Record
	// Held is how many still are.
	Held int
}

// Tick asks the plugin for decisions, and shows it again what it wants to see.
func (k *Kit) Tick(nowUnixNano uint64, ending bool) Decided {
	k.t.Helper()
	k.listen()
	ticker, isTicker := k.plugin.(spanmill.Ticker)
	if !isTicker {
		k.t.Fatal("the plugin is no Ticker")
	}
	released, dropped, review, err := spanmill.RunTicker(ticker, nowUnixNano, ending)
	if err != nil {
		k.t.Fatalf("tick: %v", err)
	}
	var decided Decided
	var still []*Telemetry
	for _, held := range k.held {
		row := held.Resources[0].Children[0].Children[0]
		trace := row.fields["trace_id"].(spanmill.TraceID)
		switch {
		case slices.Contains(released, trace):
			decided.Released = append(decided.Released, row)
		case slices.Contains(dropped, trace):
			decided.Dropped = append(decided.Dropped, row)
		default:
			still = append(still, held)
		}
	}
	k.held = still
	decided.Held = len(still)
	for _, trace := range review {
		k.review(trace)
	}
	return decided
}

// Review shows the plugin everything that is held, as a host does after a fault.
func (k *Kit) Review() {
	for _, held := range k.held {
		k.review(held.Resources[0].Children[0].Children[0].fields["trace_id"].(spanmill.TraceID))
	}
}

func (k *Kit) review(trace spanmill.TraceID) {
	k.t.Helper()
	for _, held := range k.held {
		if held.Resources[0].Children[0].Children[0].fields["trace_id"] == trace {
			batch := load(held, k.contract.Declared()).batch
			if err := k.plugin.(spanmill.Ticker).Review(batch); err != nil {
				k.t.Fatalf("review: %v", err)
			}
		}
	}
}
