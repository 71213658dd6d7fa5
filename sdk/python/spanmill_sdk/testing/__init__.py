"""A native test kit: build telemetry, run a plugin without WebAssembly, look at the outcome."""

from .connectors import ConnectorKit, Measured, RecordKit, RouterKit
from .items import DataPoint, Event, Link, LogRecord, Metric, Resource, Scope, Span, Telemetry, logs, metrics, traces
from .kit import Changed, Decided, Kit

__all__ = [
    "Changed",
    "ConnectorKit",
    "DataPoint",
    "Decided",
    "Event",
    "Kit",
    "Link",
    "LogRecord",
    "Measured",
    "Metric",
    "RecordKit",
    "Resource",
    "RouterKit",
    "Scope",
    "Span",
    "Telemetry",
    "logs",
    "metrics",
    "traces",
]
