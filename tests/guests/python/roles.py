"""A plugin with every role and every optional interface; `tests/languages.rs` runs it in all of them."""

import struct
from dataclasses import astuple, dataclass
from typing import Any, Self

import spanmill_sdk as sdk
from spanmill_sdk import Context, Contract, Signal

# Of a trace in the state, which the guests in other languages take over.
LAYOUT = "<QQI??2x"
LOW = (1 << 64) - 1


@dataclass
class Settings:
    """No settings."""


@dataclass
class Trace:
    """What is known of a trace of which spans were held."""

    seen: int = 0
    is_held: bool = False
    is_shown: bool = False


class Keep(sdk.Processor, sdk.Ticker, sdk.State):
    """Holds the spans of every other trace until there are two of one, and writes a bit of everything."""

    settings = Settings
    FORMAT = 1

    def __init__(self, contract: Contract) -> None:
        contract.shard(sdk.Sharding.BY_TRACE)
        self.id = contract.read_trace_id("span.trace_id")
        self.all = contract.read_attributes(Context.SPAN)
        self.name = contract.write("span.name")
        self.write_all = contract.write_attributes(Context.SPAN)
        self.traces: dict[int, Trace] = {}

    @classmethod
    def configure(cls, settings: Settings, contract: Contract) -> Self:
        """Declares what it reads and writes."""
        return cls(contract)

    def ids(self, batch: sdk.Batch) -> list[int]:
        """The trace of each row."""
        words = batch.trace_ids(self.id)
        return [high << 64 | low for high, low in zip(words[::2], words[1::2], strict=True)]

    def process(self, batch: sdk.Batch, outcome: sdk.Outcome) -> None:
        """Renames, edits attributes, and holds."""
        lists = batch.attributes(self.all)
        for row, trace_id in enumerate(self.ids(batch)):
            if row % 3 == 1:
                outcome.set(self.name, row, "é")
            # Not of all rows: an interpreter would take long.
            for entry in lists.entries(row) if lists is not None and row < 200 else ():
                if entry % 50 == 1:
                    outcome.set_entry(self.write_all, entry, [1, "a", {"b": 2.5}])
                elif row % 2:
                    outcome.set_entry(self.write_all, entry, "x")
                else:
                    outcome.remove_entry(self.write_all, entry)
            if trace_id == 0 or trace_id % 2:
                continue
            trace = self.traces.setdefault(trace_id, Trace())
            trace.seen += 1
            trace.is_held = True
            outcome.append(self.write_all, row, "spans.seen", trace.seen)
            outcome.hold_row(Context.SPAN, row)

    def tick(self, now_unix_nano: int, ending: bool, decisions: sdk.Decisions) -> None:
        """Asks to see traces again, and decides on those that it saw."""
        for trace_id, trace in self.traces.items():
            if not trace.is_held:
                continue
            if trace.is_shown or ending:
                if trace_id % 4 == 0:
                    decisions.release(trace_id)
                else:
                    decisions.drop(trace_id)
                trace.is_held = trace.is_shown = False
            elif trace.seen > 1:
                decisions.review(trace_id)

    def review(self, batch: sdk.Batch) -> None:
        """Notes which traces were shown."""
        for trace_id in self.ids(batch):
            trace = self.traces.setdefault(trace_id, Trace())
            trace.is_held = trace.is_shown = True

    def snapshot(self) -> bytes:
        """Everything known."""
        traces = self.traces.items()
        return b"".join(struct.pack(LAYOUT, key >> 64, key & LOW, *astuple(trace)) for key, trace in traces)

    def restore(self, format: int, data: bytes) -> None:
        """The same."""
        if format != self.FORMAT:
            raise sdk.UnknownFormat
        try:
            traces = list(struct.iter_unpack(LAYOUT, data))
        except struct.error as error:
            raise sdk.BadState("not a whole number of traces") from error
        self.traces = {high << 64 | low: Trace(*rest) for high, low, *rest in traces}


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
    """Makes a log record of each of the first spans of a resource."""

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
        made = [0] * batch.rows(Context.RESOURCE)
        for row, resource in sorted(enumerate(batch.resources(Context.SPAN)), key=lambda pair: pair[1]):
            made[resource] += 1
            if made[resource] > 10:
                continue
            records.add(resource)
            records.set(self.body, names.cell(row))
            records.set(self.time, 5)
            records.set(self.severity, 9)
            records.set(self.trace, 1 << 64 | 7)
            records.set(self.text, "INFO")
            records.entry(self.all, "row", row)


class Sides(sdk.Router):
    """Sends resources to the pipelines in turn."""

    settings = Settings

    def __init__(self, pipelines: int) -> None:
        self.pipelines = pipelines

    @classmethod
    def configure(cls, settings: Settings, pipelines: sdk.Pipelines, contract: Contract) -> Self:
        """Reads nothing."""
        return cls(len(pipelines.names))

    def process(self, batch: sdk.Batch, routes: sdk.Routes) -> None:
        """Sends rows."""
        routes.send_each(Context.RESOURCE, [1 << row % self.pipelines for row in range(batch.rows(Context.RESOURCE))])


Processor = sdk.processor(Keep)
Connector = sdk.connector(Count)
RecordConnector = sdk.record_connector(Records)
Router = sdk.router(Sides)
State = sdk.state(Keep)
Ticker = sdk.ticker(Keep)
About = sdk.about("roles", "0.1.0", "Has every role", Settings)
