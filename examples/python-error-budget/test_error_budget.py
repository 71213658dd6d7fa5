"""Tests of the plugin, without WebAssembly."""

from typing import Any

import pytest
from error_budget import MOST_CHARACTERS, ErrorBudget
from spanmill_sdk import ConfigError
from spanmill_sdk.testing import ConnectorKit, Span, traces

MS = 1_000_000


def request(took: int, code: int = 0, kind: int = 2) -> Span:
    return Span("request", kind=kind, status_code=code, start_time_unix_nano=MS, end_time_unix_nano=(1 + took) * MS)


def totals(kit: ConnectorKit) -> list[tuple[str | None, str, float, float, float]]:
    """Service, objective, requests, allowed and spent of each series."""
    metrics = [kit.metric(f"error_budget.{name}") for name in ("requests", "allowed", "spent")]
    return [
        (one.resource.get("service.name"), one.attributes["objective"], one.sum, allowed.sum, spent.sum)
        for one, allowed, spent in zip(*metrics, strict=True)
    ]


def test_errors_and_slow_requests_spend_the_budget() -> None:
    latency = {"name": "latency", "target": 50, "services": ["checkout"], "latency_ms": 300}
    kit = ConnectorKit(ErrorBudget, {"objectives": [{"name": "availability", "target": 75}, latency]})
    checkout = traces(request(20), request(300), request(301), request(10, 2), resource={"service.name": "checkout"})
    cart = traces(request(999, kind=5), request(1, 2, kind=3), resource={"service.name": "cart"})
    kit.run(checkout + cart)
    kit.run(checkout + cart)
    assert totals(kit) == [
        ("checkout", "availability", 8, 2, 2),
        ("checkout", "latency", 8, 4, 4),
        ("cart", "availability", 2, 0.5, 0),
    ]


def test_a_span_that_ends_before_it_starts_is_fast() -> None:
    kit = ConnectorKit(ErrorBudget, {"objectives": [{"name": "a", "target": 50, "latency_ms": 1}]})
    kit.run(traces(Span("backwards", kind=2, start_time_unix_nano=9 * MS, end_time_unix_nano=MS)))
    assert totals(kit) == [(None, "a", 1, 0.5, 0)]


def test_a_resource_without_a_name_is_not_one_with_an_empty_name() -> None:
    kit = ConnectorKit(ErrorBudget, {"objectives": [{"name": "a", "target": 50}]})
    kit.run(traces(request(1)) + traces(request(1), resource={"service.name": ""}))
    assert [service for service, *_ in totals(kit)] == [None, ""]


def test_long_names_are_forgotten_sooner() -> None:
    kit = ConnectorKit(ErrorBudget, {"objectives": [{"name": "a", "target": 50}]})
    for service in ("a" * MOST_CHARACTERS, "b", "c", "b"):
        kit.run(traces(request(1), resource={"service.name": service}))
        kit.run(traces(request(1), resource={"service.name": service}))
    assert [total for _, _, total, *_ in totals(kit)] == [2, 4, 2]
    assert [resource["service.name"] for resource, _ in kit.series] == ["b", "c"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "`objectives` is missing"),
        ({"objectives": []}, "/objectives: must have an objective"),
        (
            {"objectives": [{"name": "", "target": 100}, {"name": "", "target": 0, "latency_ms": 0}]},
            "/objectives/0/name: must not be empty; /objectives/0/target: must be above 0 and below 100; "
            "/objectives/1/name: must not be empty; /objectives/1/target: must be above 0 and below 100; "
            "/objectives/1/latency_ms: must be above 0",
        ),
        (
            {"objectives": [{"name": "a", "target": 1}, {"name": "a", "target": 1}]},
            "/objectives/1/name: is the name of another objective",
        ),
        (
            {"objectives": [{"name": "a", "target": "1", "service": "x"}]},
            "/objectives/0/service: unknown key; did you mean `services`?; /objectives/0/target: must be a number",
        ),
    ],
)
def test_every_mistake_in_the_settings_is_told(settings: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        ConnectorKit(ErrorBudget, settings)
    assert str(error.value) == message
