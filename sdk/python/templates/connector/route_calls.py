"""Counts the calls of each route, and how long they took."""

import math
from dataclasses import dataclass, field
from typing import Self

import spanmill_sdk
from spanmill_sdk import Batch, Cell, Context, Contract, Emission, Histogram, Instrument, MetricStream, Problems, Sum

KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
CODES = ("UNSET", "OK", "ERROR")


@dataclass
class Settings:
    """The component's section of the manifest."""

    buckets_ms: list[float] = field(default_factory=lambda: [5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0])

    def check(self, problems: Problems) -> None:
        """What types cannot say."""
        for place, bound in enumerate(self.buckets_ms):
            if not math.isfinite(bound):
                problems.push(f"/buckets_ms/{place}", "must be finite")
            elif place and bound <= self.buckets_ms[place - 1]:
                problems.push(f"/buckets_ms/{place}", "must be greater than the one before")


class RouteCalls(spanmill_sdk.Connector):
    """The plugin."""

    settings = Settings

    def __init__(self, contract: Contract) -> None:
        self.resource = contract.read_attributes(Context.RESOURCE)
        self.route = contract.read_attribute(Context.SPAN, "http.route")
        self.kind = contract.read_narrow("span.kind")
        self.code = contract.read_narrow("span.status.code")
        self.start = contract.read_wide("span.start_time_unix_nano")
        self.end = contract.read_wide("span.end_time_unix_nano")
        self.numbers = spanmill_sdk.SeriesNumbers()

    @classmethod
    def configure(cls, settings: Settings, contract: Contract) -> tuple[Self, MetricStream]:
        """Declares what it reads and the two metrics it makes."""
        instruments = [
            Instrument("route.calls", Sum(), "{call}", "Calls by route."),
            Instrument("route.duration", Histogram(settings.buckets_ms), "ms", "Duration of calls by route."),
        ]
        stream = MetricStream("route_calls", instruments, flush_interval_ns=15_000_000_000, total_limit=100_000)
        return cls(contract), stream

    def process(self, batch: Batch, emission: Emission) -> None:
        """Finds the series of each span by numbers, which stand for texts within this batch."""
        self.numbers.start(emission)
        rows = zip(
            batch.resources(Context.SPAN),
            batch.values(self.route).text_indices(),
            batch.narrow(self.kind),
            batch.narrow(self.code),
            strict=True,
        )
        series = list(map(_Known(self, batch, emission).__getitem__, rows))
        times = zip(batch.wide(self.start), batch.wide(self.end), strict=True)
        emission.record(0, series)
        emission.record(1, series, [(end - start) / 1e6 if end > start else 0.0 for start, end in times])


class _Known(dict[tuple[int, int, int, int], int]):
    """The series that this batch has had so far: resource, route, kind and code to its number."""

    def __init__(self, plugin: RouteCalls, batch: Batch, emission: Emission) -> None:
        super().__init__()
        self.plugin, self.batch, self.emission = plugin, batch, emission
        self.resources: dict[int, tuple[list[tuple[int, Cell]], tuple[object, ...]]] = {}

    def __missing__(self, key: tuple[int, int, int, int]) -> int:
        resource, route, kind, code = key
        entries, tells_apart = self.resources.get(resource) or self.resource(resource)
        text = None if route == spanmill_sdk.ABSENT_INDEX else self.batch.texts.bytes(route)
        kind_name = f"SPAN_KIND_{KINDS[kind if kind < len(KINDS) else 0]}"
        code_name = f"STATUS_CODE_{CODES[code if code < len(CODES) else 0]}"
        known = (tells_apart, text, kind_name, code_name)
        number = self.plugin.numbers.get(known)
        if number is None:
            number = self.plugin.numbers.add(known)
            routes = [] if text is None else [("http.route", Cell.text(route))]
            self.emission.series(entries, [*routes, ("span.kind", kind_name), ("status.code", code_name)])
        self[key] = number
        return number

    def resource(self, row: int) -> tuple[list[tuple[int, Cell]], tuple[object, ...]]:
        """A resource's attributes, and what tells them apart in any batch."""
        lists = self.batch.attributes(self.plugin.resource)
        assert lists is not None, "every signal has resources"
        texts = self.batch.texts
        entries, parts = [], []
        for entry in lists.entries(row):
            kind, bits = cell = lists.cell(entry)
            entries.append((lists.keys[entry], cell))
            parts.append((lists.key(entry), kind, texts.bytes(bits) if kind in (1, 5, 6, 7) else bits))
        self.resources[row] = entries, tuple(parts)
        return self.resources[row]


Connector = spanmill_sdk.connector(RouteCalls)
About = spanmill_sdk.about("route_calls", "0.1.0", "Counts the calls of each route, and how long they took", Settings)
