"""Signals, contexts, and the fields that each context has."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Signal(IntEnum):
    """What a batch carries."""

    TRACES = 0
    LOGS = 1
    METRICS = 2


class Context(IntEnum):
    """What the rows of a table are."""

    RESOURCE = 0
    SCOPE = 1
    SPAN = 2
    SPAN_EVENT = 3
    SPAN_LINK = 4
    LOG = 5
    METRIC = 6
    DATA_POINT = 7

    @property
    def prefix(self) -> str:
        """What the paths of its fields begin with: `span`."""
        return PREFIXES[self]

    @property
    def attributes(self) -> str:
        """The path of its whole attribute list: `span.attributes`."""
        return f"{PREFIXES[self]}.{'metadata' if self is Context.METRIC else 'attributes'}"

    def attribute(self, key: str) -> str:
        """The path of one attribute: `span.attributes["http.route"]`."""
        key = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.attributes}["{key}"]'


class Sharding(IntEnum):
    """Which batches an instance must see."""

    NONE = 0
    """Any."""
    BY_TRACE = 1
    """All rows of a trace go to the same instance."""
    WHOLE = 2
    """Every batch goes to the one instance."""


PREFIXES = ("resource", "scope", "span", "spanevent", "spanlink", "log", "metric", "datapoint")

#: The contexts of each signal, from resource down.
CONTEXTS = {
    Signal.TRACES: (Context.RESOURCE, Context.SCOPE, Context.SPAN, Context.SPAN_EVENT, Context.SPAN_LINK),
    Signal.LOGS: (Context.RESOURCE, Context.SCOPE, Context.LOG),
    Signal.METRICS: (Context.RESOURCE, Context.SCOPE, Context.METRIC, Context.DATA_POINT),
}

#: The context of a signal's items, which batches and limits count.
ITEMS = {Signal.TRACES: Context.SPAN, Signal.LOGS: Context.LOG, Signal.METRICS: Context.DATA_POINT}

#: The context that rows of each context belong to; of spans, log records and metrics the scope.
PARENTS = {
    Context.SCOPE: Context.RESOURCE,
    Context.SPAN: Context.SCOPE,
    Context.SPAN_EVENT: Context.SPAN,
    Context.SPAN_LINK: Context.SPAN,
    Context.LOG: Context.SCOPE,
    Context.METRIC: Context.SCOPE,
    Context.DATA_POINT: Context.METRIC,
}


class Field(NamedTuple):
    """A field that plugins may read."""

    kind: str
    """`narrow`, `wide`, `trace-id`, `text` or `cells`."""
    writable: bool


def _fields(text: str) -> dict[str, Field]:
    fields = {}
    for line in text.split("\n"):
        kind, _, names = line.strip().partition(": ")
        for name in names.split():
            fields[name.rstrip("*")] = Field(kind, name.endswith("*"))
    return fields


#: Every path but attributes, with those that may be written.
FIELDS = _fields("""\
    narrow: resource.dropped_attributes_count scope.dropped_attributes_count
    text: resource.schema_url scope.schema_url scope.name* scope.version*
    trace-id: span.trace_id spanlink.trace_id log.trace_id
    wide: span.span_id span.parent_span_id spanlink.span_id log.span_id
    text: span.trace_state* span.name* span.status.message* spanevent.name* spanlink.trace_state
    narrow: span.kind* span.status.code* span.flags span.encoded_size
    narrow: span.dropped_attributes_count span.dropped_events_count span.dropped_links_count
    wide: span.start_time_unix_nano* span.end_time_unix_nano* spanevent.time_unix_nano*
    narrow: spanevent.dropped_attributes_count spanlink.flags spanlink.dropped_attributes_count
    wide: log.time_unix_nano* log.observed_time_unix_nano*
    narrow: log.severity_number* log.flags log.dropped_attributes_count log.encoded_size
    text: log.severity_text* log.event_name*
    cells: log.body*
    text: metric.name* metric.description* metric.unit*
    narrow: metric.type metric.aggregation_temporality* metric.is_monotonic*
    wide: datapoint.start_time_unix_nano* datapoint.time_unix_nano* datapoint.count datapoint.zero_count
    narrow: datapoint.flags*
    cells: datapoint.value* datapoint.sum datapoint.min datapoint.max datapoint.scale datapoint.zero_threshold
    cells: datapoint.bucket_counts datapoint.explicit_bounds datapoint.quantile_values
    cells: datapoint.positive.offset datapoint.negative.offset
    cells: datapoint.positive.bucket_counts datapoint.negative.bucket_counts""")


def context_of(path: str) -> Context:
    """The context that a path belongs to."""
    prefix = path.partition(".")[0]
    if prefix not in PREFIXES:
        raise ValueError(f"{path} names no context; it should start like `span.`")
    return Context(PREFIXES.index(prefix))
