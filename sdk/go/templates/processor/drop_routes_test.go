package main

import (
	"slices"
	"testing"

	"spanmill.dev/sdk"
	"spanmill.dev/sdk/spanmilltest"
)

func TestSpansOfTheRoutesAreDroppedAndOthersStay(t *testing.T) {
	kit := spanmilltest.New(t, &DropRoutes{}, `{"routes": ["/healthz"]}`)
	left := kit.Run(spanmilltest.Spans(
		spanmilltest.Span("probe").Attr("http.route", "/healthz"),
		spanmilltest.Span("order").Attr("http.route", "/orders"),
		spanmilltest.Span("worker"),
	))
	if got, want := left.Names(spanmill.Span), []string{"order", "worker"}; !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
}

func TestARouteThatIsNoTextStays(t *testing.T) {
	kit := spanmilltest.New(t, &DropRoutes{}, `{"routes": ["1"]}`)
	left := kit.Run(spanmilltest.Spans(
		spanmilltest.Span("number").Attr("http.route", 1),
		spanmilltest.Span("text").Attr("http.route", "1"),
	))
	if got, want := left.Names(spanmill.Span), []string{"number"}; !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
}

func TestEveryMistakeInTheSettingsIsTold(t *testing.T) {
	for settings, want := range map[string]string{
		`{"routes": ["/a", ""], "rotes": 1}`: "/rotes: unknown key `rotes`; did you mean `routes`?; /routes/1: must not be empty; take the line out",
		`{}`:                                 "missing key `routes`",
	} {
		if _, err := spanmilltest.Configure(t, &DropRoutes{}, settings); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", settings, err, want)
		}
	}
}
