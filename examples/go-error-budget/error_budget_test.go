package main

import (
	"fmt"
	"strings"
	"testing"

	"spanmill.dev/sdk/spanmilltest"
)

const ms = 1_000_000

func request(took uint64, code uint32) *spanmilltest.Record {
	return spanmilltest.Span("request").Kind(kindServer).Times(ms, (1+took)*ms).Status(code, "")
}

func of(service string, spans ...*spanmilltest.Record) *spanmilltest.Record {
	return spanmilltest.Resource().Attr("service.name", service).With(spanmilltest.Scope("").With(spans...))
}

// check compares a series with what is expected of it in each metric.
func check(t *testing.T, kit *spanmilltest.ConnectorKit, at int, objective string, total, allows, bad float64) {
	t.Helper()
	for metric, want := range map[string]float64{
		"error_budget.requests": total, "error_budget.allowed": allows, "error_budget.spent": bad,
	} {
		totals := kit.Totals(metric)
		if at >= len(totals) {
			t.Fatalf("%s has %d series", metric, len(totals))
		}
		if got := totals[at]; got.Sum != want || got.Attribute("objective") != objective {
			t.Errorf("%s %d is %v of %s, want %v of %s", metric, at, got.Sum, got.Attribute("objective"), want, objective)
		}
	}
}

func TestErrorsAndSlowRequestsSpendTheBudget(t *testing.T) {
	kit := spanmilltest.NewConnector(t, &ErrorBudget{}, `{"objectives": [
		{"name": "availability", "target": 75},
		{"name": "latency", "target": 50, "services": ["checkout"], "latency_ms": 300}]}`)
	traces := spanmilltest.Traces(
		of("checkout", request(20, 0), request(300, 0), request(301, 0), request(10, codeError)),
		of("cart", request(999, 0).Kind(kindConsumer), request(1, codeError).Kind(3)),
	)
	kit.Run(traces)
	kit.Run(traces)
	check(t, kit, 0, "availability", 8, 2, 2)
	check(t, kit, 1, "latency", 8, 4, 4)
	check(t, kit, 2, "availability", 2, 0.5, 0)
}

func TestASpanThatEndsBeforeItStartsIsFast(t *testing.T) {
	kit := spanmilltest.NewConnector(t, &ErrorBudget{}, `{"objectives": [{"name": "a", "target": 50, "latency_ms": 1}]}`)
	kit.Run(spanmilltest.Traces(of("x", request(1, 0).Times(9*ms, ms))))
	check(t, kit, 0, "a", 1, 0.5, 0)
}

func TestAResourceWithoutANameIsNotOneWithAnEmptyName(t *testing.T) {
	kit := spanmilltest.NewConnector(t, &ErrorBudget{}, `{"objectives": [{"name": "a", "target": 50}]}`)
	nameless := spanmilltest.Resource().With(spanmilltest.Scope("").With(request(1, 0)))
	kit.Run(spanmilltest.Traces(nameless, of("", request(1, 0)), of("x", request(1, 0))))
	if totals := kit.Totals("error_budget.requests"); len(totals) != 3 || len(totals[0].Resource) != 0 {
		t.Errorf("%d series", len(totals))
	}
}

func TestSeriesAreNumberedAnewBeforeThereAreTooMany(t *testing.T) {
	kit := spanmilltest.NewConnector(t, &ErrorBudget{}, `{"objectives": [{"name": "a", "target": 50}]}`)
	for batch := range 3 {
		var resources []*spanmilltest.Record
		for at := range mostSeries/2 + 1 {
			resources = append(resources, of(fmt.Sprint(batch, at), request(1, 0)))
		}
		kit.Run(spanmilltest.Traces(resources...))
	}
	if kit.Restarts != 2 {
		t.Errorf("%d restarts, want 2", kit.Restarts)
	}
}

func TestLongNamesAreForgottenSooner(t *testing.T) {
	kit := spanmilltest.NewConnector(t, &ErrorBudget{}, `{"objectives": [{"name": "a", "target": 50}]}`)
	for batch := range 3 {
		kit.Run(spanmilltest.Traces(of(fmt.Sprint(batch, strings.Repeat("x", mostBytes)), request(1, 0))))
	}
	if kit.Restarts != 2 {
		t.Errorf("%d restarts, want 2", kit.Restarts)
	}
}

func TestEveryMistakeInTheSettingsIsTold(t *testing.T) {
	for settings, want := range map[string]string{
		`{}`:                 "missing key `objectives`",
		`{"objectives": []}`: "/objectives: must have an objective",
		`{"objectives": [{"name": "", "target": 100}, {"name": "", "target": 0, "latency_ms": 0}]}`: "/objectives/0/name: must not be empty; " +
			"/objectives/0/target: must be above 0 and below 100; /objectives/1/name: must not be empty; " +
			"/objectives/1/target: must be above 0 and below 100; /objectives/1/latency_ms: must be above 0",
		`{"objectives": [{"name": "a", "target": 1}, {"name": "a", "target": 1}]}`: "/objectives/1/name: is the name of another objective",
		`{"objectives": [{"name": "a", "target": 1, "service": "x"}]}`:             "/objectives/0/service: unknown key `service`; did you mean `services`?",
	} {
		_, err := spanmilltest.ConfigureConnector(t, &ErrorBudget{}, settings)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", settings, err, want)
		}
	}
}
