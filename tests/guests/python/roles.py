"""A plugin with every role and every optional interface, for the conformance test."""

from dataclasses import dataclass
from typing import Any, Self

import spanmill_sdk as sdk
from spanmill_sdk import Context, Contract, Signal


@dataclass
class Settings:
    """No settings."""


class Keep(sdk.Processor, sdk.Ticker, sdk.State):
    """Holds spans of traces until it has seen ten of them, and writes a bit of everything."""

    settings = Settings
    FORMAT = 1

    def __init__(self, contract: Contract) -> None:
        contract.shard(sdk.Sharding.WHOLE)
        self.ids = contract.read_trace_id("span.trace_id")
        self.all = contract.read_attributes(Context.SPAN)
        self.name = contract.write("span.name")
        self.write_all = contract.write_attributes(Context.SPAN)
        self.seen: dict[int, int] = {}

    @classmethod
    def configure(cls, settings: Settings, contract: Contract) -> Self:
        """Declares what it reads and writes."""
        return cls(contract)

    def traces(self, batch: sdk.Batch) -> list[int]:
        """The trace of each row."""
        words = batch.trace_ids(self.ids)
        return [high << 64 | low for high, low in zip(words[::2], words[1::2], strict=True)]

    def process(self, batch: sdk.Batch, outcome: sdk.Outcome) -> None:
        """Holds, renames, and edits attributes."""
        lists = batch.attributes(self.all)
        for row, trace in enumerate(self.traces(batch)):
            if trace and row % 3 == 0:
                self.seen[trace] = self.seen.get(trace, 0) + 1
                outcome.hold_row(Context.SPAN, row)
            elif row % 3 == 1:
                outcome.set(self.name, row, "é")
            for entry in lists.entries(row) if lists is not None else ():
                if row % 2:
                    outcome.set_entry(self.write_all, entry, [1, "a", {"b": 2.5}])
                else:
                    outcome.remove_entry(self.write_all, entry)

    def tick(self, now_unix_nano: int, ending: bool, decisions: sdk.Decisions) -> None:
        """Releases, drops, or asks to see again."""
        for trace, count in self.seen.items():
            if count > 1:
                decisions.release(trace)
            elif trace & 1:
                decisions.drop(trace)
            else:
                decisions.review(trace)
        self.seen = {trace: 0 for trace, count in self.seen.items() if count == 1 and not trace & 1}

    def review(self, batch: sdk.Batch) -> None:
        """Counts again."""
        for trace in self.traces(batch):
            self.seen[trace] = self.seen.get(trace, 0) + 2

    def snapshot(self) -> bytes:
        """Traces and counts."""
        return b"".join(trace.to_bytes(16) + count.to_bytes(8) for trace, count in sorted(self.seen.items()))

    def restore(self, format: int, data: bytes) -> None:
        """The same."""
        if format != self.FORMAT:
            raise sdk.UnknownFormat
        if len(data) % 24:
            raise sdk.BadState("not a whole number of traces")
        parts = [data[at : at + 24] for at in range(0, len(data), 24)]
        self.seen = {int.from_bytes(part[:16]): int.from_bytes(part[16:]) for part in parts}


class Count(sdk.Connector):
    """Counts spans by name."""

    settings = Settings

    def __init__(self, contract: Contract) -> None:
        self.name = contract.read_text("span.name")
        self.numbers = sdk.SeriesNumbers()

    @classmethod
    def configure(cls, settings: Settings, contract: Contract) -> tuple[Self, sdk.MetricStream]:
        """Declares one instrument of each kind."""
        kinds: list[Any] = [
            sdk.Sum(),
            sdk.Histogram([1, 2]),
            sdk.ExponentialHistogram(20),
            sdk.UpDownSum(),
            sdk.Gauge(),
        ]
        instruments = [sdk.Instrument(f"i{at}", kind, exemplars=1) for at, kind in enumerate(kinds)]
        return cls(contract), sdk.MetricStream("roles", instruments, flush_interval_ns=1_000_000_000)

    def process(self, batch: sdk.Batch, emission: sdk.Emission) -> None:
        """Records the same with each instrument."""
        self.numbers.start(emission)
        series = []
        for index in batch.text(self.name).text_indices():
            name = "" if index == sdk.ABSENT_INDEX else batch.texts[index]
            if name not in self.numbers:
                self.numbers.add(name)
                emission.series([("r", 1)], [("name", name), ("list", [True])])
            series.append(self.numbers[name])
        for instrument in range(5):
            emission.record(instrument, series, [1.5] * len(series), [2] * len(series), range(len(series)))


class Records(sdk.RecordConnector):
    """Makes a log record of each span."""

    settings = Settings

    def __init__(self, contract: Contract, stream: sdk.RecordStream) -> None:
        self.name = contract.read_text("span.name")
        self.body, self.time = stream.field("log.body"), stream.field("log.time_unix_nano")
        self.severity, self.trace = stream.field("log.severity_number"), stream.field("log.trace_id")
        self.text, self.all = stream.field("log.severity_text"), stream.attributes()

    @classmethod
    def configure(cls, settings: Settings, contract: Contract) -> tuple[Self, sdk.RecordStream]:
        """Declares a field of each kind."""
        stream = sdk.RecordStream(Signal.LOGS, "roles", "1.0")
        return cls(contract, stream), stream

    def process(self, batch: sdk.Batch, records: sdk.Records) -> None:
        """Fills every field."""
        names = batch.text(self.name)
        for row, resource in sorted(enumerate(batch.resources(Context.SPAN)), key=lambda pair: pair[1]):
            records.add(resource)
            records.set(self.body, names.cell(row))
            records.set(self.time, 5)
            records.set(self.severity, 9)
            records.set(self.trace, 1 << 64 | 7)
            records.set(self.text, "INFO")
            records.entry(self.all, "row", row)


class Sides(sdk.Router):
    """Sends every second row to the first pipeline."""

    settings = Settings

    @classmethod
    def configure(cls, settings: Settings, pipelines: sdk.Pipelines, contract: Contract) -> Self:
        """Reads nothing."""
        return cls()

    def process(self, batch: sdk.Batch, routes: sdk.Routes) -> None:
        """Sends rows."""
        routes.send_each(Context.RESOURCE, [row % 2 for row in range(batch.rows(Context.RESOURCE))])


Processor = sdk.processor(Keep)
Connector = sdk.connector(Count)
RecordConnector = sdk.record_connector(Records)
Router = sdk.router(Sides)
State = sdk.state(Keep)
Ticker = sdk.ticker(Keep)
About = sdk.about("roles", "0.1.0", "Has every role", Settings)
