package main

import (
	"reflect"
	"testing"

	"spanmill.dev/sdk/spanmilltest"
)

func call(route any, start, end uint64) *spanmilltest.Record {
	return spanmilltest.Span("call").Attr("http.route", route).Kind(2).Times(start, end)
}

func TestCallsAreCountedAndMeasuredByRoute(t *testing.T) {
	kit := spanmilltest.NewConnector(t, &RouteCalls{}, `{}`)
	shop := spanmilltest.Resource().Attr("service.name", "shop").With(spanmilltest.Scope("").With(
		call("/cart", 1_000_000, 13_000_000),
		call("/cart", 5_000_000, 2_000_000),
		call(7, 0, 0).Kind(99).Status(2, ""),
	))
	kit.Run(spanmilltest.Traces(shop))
	kit.Run(spanmilltest.Traces(shop))
	calls, durations := kit.Totals("route.calls"), kit.Totals("route.duration")
	if len(calls) != 2 || len(durations) != 2 {
		t.Fatalf("%d and %d series, want 2", len(calls), len(durations))
	}
	if calls[0].Sum != 4 || durations[0].Count != 4 || durations[0].Sum != 24 {
		t.Errorf("%v calls in %v ms, want 4 in 24", calls[0].Sum, durations[0].Sum)
	}
	want := []spanmilltest.KeyValue{
		{Key: "http.route", Value: "/cart"},
		{Key: "span.kind", Value: "SPAN_KIND_SERVER"},
		{Key: "status.code", Value: "STATUS_CODE_UNSET"},
	}
	if !reflect.DeepEqual(calls[0].Attributes, want) {
		t.Errorf("attributes are %v", calls[0].Attributes)
	}
	want = []spanmilltest.KeyValue{
		{Key: "span.kind", Value: "SPAN_KIND_UNSPECIFIED"},
		{Key: "status.code", Value: "STATUS_CODE_ERROR"},
	}
	if !reflect.DeepEqual(calls[1].Attributes, want) {
		t.Errorf("attributes are %v", calls[1].Attributes)
	}
	if want := []spanmilltest.KeyValue{{Key: "service.name", Value: "shop"}}; !reflect.DeepEqual(calls[0].Resource, want) {
		t.Errorf("the resource is %v", calls[0].Resource)
	}
}

func TestSeriesOfOtherResourcesAreOthers(t *testing.T) {
	kit := spanmilltest.NewConnector(t, &RouteCalls{}, `{}`)
	of := func(id any) *spanmilltest.Record {
		return spanmilltest.Resource().Attr("id", id).With(spanmilltest.Scope("").With(call("/", 0, 1)))
	}
	kit.Run(spanmilltest.Traces(of("1"), of(1), of("1")))
	if calls := kit.Totals("route.calls"); len(calls) != 2 || calls[0].Sum != 2 {
		t.Errorf("%d series, want 2", len(calls))
	}
}

func TestBucketsIncrease(t *testing.T) {
	_, err := spanmilltest.ConfigureConnector(t, &RouteCalls{}, `{"buckets_ms": [5, 5]}`)
	if want := "/buckets_ms/1: must be above the bucket before it"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
