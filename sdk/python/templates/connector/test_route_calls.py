"""Tests of the plugin, without WebAssembly."""

import pytest
from route_calls import RouteCalls
from spanmill_sdk import ConfigError
from spanmill_sdk.testing import ConnectorKit, Span, traces


def test_calls_are_counted_by_route() -> None:
    kit = ConnectorKit(RouteCalls, {})
    spans = traces(
        Span("a", {"http.route": "/cart"}, kind=2, start_time_unix_nano=1_000_000, end_time_unix_nano=13_000_000),
        Span("b", {"http.route": "/cart"}, kind=2, start_time_unix_nano=2_000_000, end_time_unix_nano=1_000_000),
        Span("c", {"http.route": 7}, kind=9, status_code=2),
        resource={"service.name": "shop"},
    )
    kit.run(spans)
    kit.run(spans)
    first, second = kit.metric("route.calls")
    assert (first.count, first.resource) == (4, {"service.name": "shop"})
    assert first.attributes == {
        "http.route": "/cart",
        "span.kind": "SPAN_KIND_SERVER",
        "status.code": "STATUS_CODE_UNSET",
    }
    assert second.attributes == {"span.kind": "SPAN_KIND_UNSPECIFIED", "status.code": "STATUS_CODE_ERROR"}
    assert kit.metric("route.duration")[0].values == [12.0, 0.0, 12.0, 0.0]
    assert len(kit.series) == 2


def test_resources_are_told_apart_by_kind() -> None:
    kit = ConnectorKit(RouteCalls, {})
    kit.run(traces(Span("a"), resource={"n": 1}) + traces(Span("b"), resource={"n": "1"}))
    assert [one.resource for one in kit.metric("route.calls")] == [{"n": 1}, {"n": "1"}]


def test_buckets_that_do_not_increase_are_refused() -> None:
    with pytest.raises(ConfigError) as error:
        ConnectorKit(RouteCalls, {"buckets_ms": [5, 5]})
    assert str(error.value) == "/buckets_ms/1: must be greater than the one before"
