"""Telemetry to test with: a tree of resources, scopes, and spans, log records or metrics.

Fields have the names of the contract's paths: `span.status.code` is `status_code`. Times are ns since 1970, trace ids ints of
128 bits. Attributes are dicts in the order they are sent; values are Python's own, `EMPTY` for a key without a value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..fields import Signal
from ..values import ABSENT

Attributes: TypeAlias = dict[str, Any]


@dataclass
class Event:
    """An event of a span."""

    name: str = ""
    time_unix_nano: int = 0
    attributes: Attributes = field(default_factory=dict)
    dropped_attributes_count: int = 0


@dataclass
class Link:
    """A link of a span."""

    trace_id: int = 0
    span_id: int = 0
    trace_state: str = ""
    flags: int = 0
    attributes: Attributes = field(default_factory=dict)
    dropped_attributes_count: int = 0


@dataclass
class Span:
    """A span, with OTLP's fields."""

    name: str = ""
    attributes: Attributes = field(default_factory=dict)
    kind: int = 0
    """1 internal, 2 server, 3 client, 4 producer, 5 consumer."""
    status_code: int = 0
    """1 ok, 2 error."""
    status_message: str = ""
    start_time_unix_nano: int = 0
    end_time_unix_nano: int = 0
    trace_id: int = 0
    span_id: int = 0
    parent_span_id: int = 0
    trace_state: str = ""
    flags: int = 0
    encoded_size: int = 100
    events: list[Event] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    dropped_attributes_count: int = 0
    dropped_events_count: int = 0
    dropped_links_count: int = 0


@dataclass
class LogRecord:
    """A log record, with OTLP's fields."""

    body: Any = ABSENT
    attributes: Attributes = field(default_factory=dict)
    severity_number: int = 0
    severity_text: str = ""
    time_unix_nano: int = 0
    observed_time_unix_nano: int = 0
    event_name: str = ""
    trace_id: int = 0
    span_id: int = 0
    flags: int = 0
    encoded_size: int = 100
    dropped_attributes_count: int = 0


@dataclass
class DataPoint:
    """A data point, with OTLP's fields. What its metric's type does not have is `ABSENT`, or 0."""

    value: Any = ABSENT
    attributes: Attributes = field(default_factory=dict)
    start_time_unix_nano: int = 0
    time_unix_nano: int = 0
    flags: int = 0
    count: int = 0
    sum: Any = ABSENT
    min: Any = ABSENT
    max: Any = ABSENT
    scale: Any = ABSENT
    zero_count: int = 0
    zero_threshold: Any = ABSENT
    bucket_counts: Any = ABSENT
    explicit_bounds: Any = ABSENT
    positive_offset: Any = ABSENT
    positive_bucket_counts: Any = ABSENT
    negative_offset: Any = ABSENT
    negative_bucket_counts: Any = ABSENT
    quantile_values: Any = ABSENT


@dataclass
class Metric:
    """A metric and its data points."""

    name: str = ""
    data_points: list[DataPoint] = field(default_factory=list)
    type: int = 1
    """1 gauge, 2 sum, 3 histogram, 4 exponential histogram, 5 summary."""
    description: str = ""
    unit: str = ""
    aggregation_temporality: int = 0
    is_monotonic: int = 0
    metadata: Attributes = field(default_factory=dict)


@dataclass
class Scope:
    """An instrumentation scope, and its spans, log records or metrics."""

    items: list[Any] = field(default_factory=list)
    name: str = ""
    version: str = ""
    attributes: Attributes = field(default_factory=dict)
    dropped_attributes_count: int = 0
    schema_url: str = ""


@dataclass
class Resource:
    """A resource and its scopes."""

    scopes: list[Scope] = field(default_factory=list)
    attributes: Attributes = field(default_factory=dict)
    dropped_attributes_count: int = 0
    schema_url: str = ""


@dataclass
class Telemetry:
    """What travels together."""

    signal: Signal
    resources: list[Resource] = field(default_factory=list)
    received_unix_nano: int = 1_600_000_000_000_000_000

    @property
    def items(self) -> list[Any]:
        """Every span, log record or metric, in order."""
        return [item for resource in self.resources for scope in resource.scopes for item in scope.items]

    @property
    def names(self) -> list[str]:
        """The names of the spans or metrics, in order."""
        return [item.name for item in self.items]

    @property
    def bodies(self) -> list[Any]:
        """The bodies of the log records, in order."""
        return [item.body for item in self.items]

    def __add__(self, other: Telemetry) -> Telemetry:
        assert self.signal is other.signal, "telemetry of one signal travels together"
        return Telemetry(self.signal, self.resources + other.resources, self.received_unix_nano)


def _one(signal: Signal, items: tuple[Any, ...], resource: Attributes | None) -> Telemetry:
    return Telemetry(signal, [Resource([Scope(list(items))], dict(resource or {}))])


def traces(*spans: Span, resource: Attributes | None = None) -> Telemetry:
    """Spans of one resource; add several up for several resources."""
    return _one(Signal.TRACES, spans, resource)


def logs(*records: LogRecord, resource: Attributes | None = None) -> Telemetry:
    """Log records of one resource."""
    return _one(Signal.LOGS, records, resource)


def metrics(*all_metrics: Metric, resource: Attributes | None = None) -> Telemetry:
    """Metrics of one resource."""
    return _one(Signal.METRICS, all_metrics, resource)
