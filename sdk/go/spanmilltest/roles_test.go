package spanmilltest_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"spanmill.dev/sdk"
	"spanmill.dev/sdk/spanmilltest"
)

// keepErrors holds spans until an error is seen in their trace, or ten seconds are over.
type keepErrors struct {
	seen  map[spanmill.TraceID]bool
	trace spanmill.TraceIDField
	code  spanmill.NarrowField
}

func (k *keepErrors) Configure(_ spanmill.Settings, contract *spanmill.Contract) error {
	contract.Shard(spanmill.ShardByTrace)
	k.seen = map[spanmill.TraceID]bool{}
	k.trace = contract.ReadTraceID("span.trace_id")
	k.code = contract.ReadNarrow("span.status.code")
	return nil
}

func (k *keepErrors) look(batch *spanmill.Batch, each func(row int)) {
	words := batch.TraceIDs(k.trace)
	for row, code := range batch.Narrow(k.code) {
		trace := spanmill.TraceID{words[2*row], words[2*row+1]}
		k.seen[trace] = k.seen[trace] || code == 2
		each(row)
	}
}

func (k *keepErrors) Process(batch *spanmill.Batch, outcome *spanmill.Outcome) error {
	k.look(batch, func(row int) { outcome.HoldRow(spanmill.Span, row) })
	return nil
}

func (k *keepErrors) Tick(now uint64, ending bool, decisions *spanmill.Decisions) error {
	for trace, hasError := range k.seen {
		switch {
		case hasError:
			decisions.Release(trace)
		case ending:
			decisions.Drop(trace)
		default:
			decisions.Review(trace)
			continue
		}
		delete(k.seen, trace)
	}
	return nil
}

func (k *keepErrors) Review(batch *spanmill.Batch) error {
	k.look(batch, func(int) {})
	return nil
}

func TestRowsAreHeldUntilTheTickerDecides(t *testing.T) {
	kit := spanmilltest.New(t, &keepErrors{}, `{}`)
	changed := kit.Run(spanmilltest.Spans(
		spanmilltest.Span("a").IDs(spanmill.TraceID{0, 1}, 1),
		spanmilltest.Span("b").IDs(spanmill.TraceID{0, 2}, 2).Status(2, ""),
	))
	if changed.Held[spanmill.Span] != 2 || len(changed.Resources) != 0 {
		t.Fatalf("%d are held", changed.Held[spanmill.Span])
	}
	decided := kit.Tick(1, false)
	if len(decided.Released) != 1 || decided.Released[0].Name() != "b" || decided.Held != 1 {
		t.Errorf("%d are released, %d held", len(decided.Released), decided.Held)
	}
	if decided = kit.Tick(2, true); len(decided.Dropped) != 1 || decided.Held != 0 {
		t.Errorf("%d are dropped, %d held", len(decided.Dropped), decided.Held)
	}
}

// sides sends servers to one pipeline and the rest to another.
type sides struct {
	kind            spanmill.NarrowField
	servers, others spanmill.PipelineSet
}

func (s *sides) Configure(_ spanmill.Settings, pipelines spanmill.Pipelines, contract *spanmill.Contract) error {
	var problems spanmill.Problems
	for name, set := range map[string]*spanmill.PipelineSet{"traces/servers": &s.servers, "traces/others": &s.others} {
		found, ok := pipelines.Find(name)
		if !ok {
			problems.Add("", "name this connector under the receivers of "+name)
		}
		*set = found
	}
	s.kind = contract.ReadNarrow("span.kind")
	return problems.Err()
}

func (s *sides) Process(batch *spanmill.Batch, routes *spanmill.Routes) error {
	kinds := batch.Narrow(s.kind)
	routes.SendEach(batch, spanmill.Span, func(row int) spanmill.PipelineSet {
		if kinds[row] == 2 {
			return s.servers
		}
		return s.others
	})
	return nil
}

func TestRowsAreRouted(t *testing.T) {
	kit := spanmilltest.NewRouter(t, &sides{}, `{}`, spanmill.Traces, "traces/servers", "traces/others")
	sent := kit.Run(spanmilltest.Spans(spanmilltest.Span("s").Kind(2), spanmilltest.Span("c").Kind(3)))
	if got := sent["traces/servers"].Names(spanmill.Span); !slices.Equal(got, []string{"s"}) {
		t.Errorf("servers are sent %q", got)
	}
	if got := sent["traces/others"].Names(spanmill.Span); !slices.Equal(got, []string{"c"}) {
		t.Errorf("others are sent %q", got)
	}
}

// errorLogs makes a log record of each span with an error.
type errorLogs struct {
	name spanmill.TextField
	code spanmill.NarrowField
	end  spanmill.WideField
	time spanmill.RecordWide
	body spanmill.RecordCell
	list spanmill.RecordList
}

func (e *errorLogs) Configure(_ spanmill.Settings, contract *spanmill.Contract, stream *spanmill.RecordStream) error {
	stream.ScopeName = "errors"
	e.name, e.code = contract.ReadText("span.name"), contract.ReadNarrow("span.status.code")
	e.end = contract.ReadWide("span.end_time_unix_nano")
	e.time, e.body, e.list = stream.Wide("log.time_unix_nano"), stream.Body(), stream.Attributes()
	return nil
}

func (e *errorLogs) Process(batch *spanmill.Batch, records *spanmill.Records) error {
	scopes, resources := batch.Parents(spanmill.Span), batch.Parents(spanmill.Scope)
	names, ends := batch.Text(e.name), batch.Wide(e.end)
	for row, code := range batch.Narrow(e.code) {
		if code == 2 {
			records.Add(resources[scopes[row]])
			records.Wide(e.time, ends[row])
			records.Cell(e.body, spanmill.TextCell(names[row]))
			records.Attribute(e.list, records.Text("row"), spanmill.IntCell(int64(row)))
		}
	}
	return nil
}

func TestRecordsAreMade(t *testing.T) {
	kit := spanmilltest.NewRecordConnector(t, &errorLogs{}, `{}`)
	made := kit.Run(spanmilltest.Spans(spanmilltest.Span("a"), spanmilltest.Span("b").Status(2, "").Times(1, 5)))
	rows := made.Rows(spanmill.Log)
	if len(rows) != 1 || rows[0].Get("body") != "b" || rows[0].Get("time_unix_nano") != uint64(5) {
		t.Fatalf("%d records are made", len(rows))
	}
	if row, _ := rows[0].Value("row"); row != int64(1) {
		t.Errorf("the attribute is %v", row)
	}
}

// capped lets so many spans through; it hands on how many it has seen.
type capped struct {
	limit, seen uint64
}

func (c *capped) Configure(settings spanmill.Settings, contract *spanmill.Contract) error {
	config := struct {
		Limit uint64 `json:"limit"`
	}{}
	problems := settings.Decode(&config)
	c.limit = config.Limit
	contract.Take(spanmill.Traces, spanmill.Logs)
	return problems.Err()
}

func (c *capped) Process(batch *spanmill.Batch, outcome *spanmill.Outcome) error {
	if batch.Signal == spanmill.Metrics {
		return spanmill.StateError("metrics came")
	}
	for row := range batch.Rows(batch.Signal.Item()) {
		if c.seen >= c.limit {
			outcome.DropRow(batch.Signal.Item(), row)
		}
		c.seen++
	}
	return nil
}

func (c *capped) StateFormat() uint32 { return 1 }

func (c *capped) Snapshot() []byte { return binary.LittleEndian.AppendUint64(nil, c.seen) }

func (c *capped) Restore(format uint32, data []byte) error {
	if format != 1 {
		return spanmill.ErrFormat
	}
	c.seen = binary.LittleEndian.Uint64(data)
	return nil
}

func TestStateIsHandedOnAndSignalsAreTaken(t *testing.T) {
	old, next := &capped{}, &capped{}
	kit := spanmilltest.New(t, old, `{"limit": 2}`)
	kit.Run(spanmilltest.Spans(spanmilltest.Span("a")))
	left := kit.Run(spanmilltest.LogRecords(spanmilltest.LogRecord("b"), spanmilltest.LogRecord("c")))
	if len(left.Rows(spanmill.Log)) != 1 {
		t.Errorf("%d log records are left", len(left.Rows(spanmill.Log)))
	}
	kit = spanmilltest.New(t, next, `{"limit": 4}`)
	if err := next.Restore(old.StateFormat(), old.Snapshot()); err != nil {
		t.Fatal(err)
	}
	if left = kit.Run(spanmilltest.Spans(spanmilltest.Span("a"), spanmilltest.Span("b"))); len(left.Rows(spanmill.Span)) != 1 {
		t.Errorf("%d spans are left", len(left.Rows(spanmill.Span)))
	}
}
