"""Plugins of each role, run by the test kit."""

from dataclasses import dataclass
from typing import Any, Self

import pytest
import spanmill_sdk as sdk
from spanmill_sdk import Context, Contract, Signal
from spanmill_sdk.testing import (
    DataPoint,
    Event,
    Kit,
    LogRecord,
    Metric,
    RecordKit,
    RouterKit,
    Span,
    logs,
    metrics,
    traces,
)


@dataclass
class Nothing:
    """No settings."""


class Edits(sdk.Processor):
    """Does one edit of each kind."""

    settings = Nothing

    def __init__(self, contract: Contract) -> None:
        contract.take(*Signal)
        self.name = contract.read_text("span.name")
        self.kind = contract.read_attribute(Context.SPAN, "kind")
        self.all = contract.read_attributes(Context.SPAN)
        self.event = contract.read_text("spanevent.name")
        self.body = contract.read_cells("log.body")
        self.value = contract.read_cells("datapoint.value")
        self.write_name = contract.write("span.name")
        self.write_kind = contract.write_attribute(Context.SPAN, "kind")
        self.write_all = contract.write_attributes(Context.SPAN)
        self.write_code = contract.write("span.status.code")
        self.write_body = contract.write("log.body")
        self.counter = contract.counter("edits")

    @classmethod
    def configure(cls, settings: Nothing, contract: Contract) -> Self:
        return cls(contract)

    def process(self, batch: sdk.Batch, outcome: sdk.Outcome) -> None:
        self.counter.add(1)
        kinds = batch.values(self.kind)
        for row, kind in enumerate(kinds):
            if kind == 7:
                outcome.set(self.write_kind, row, {"was": [7, True, 1.5, None, b"\0"]})
        if len(kinds):
            outcome.set_all(self.write_code, 2)
            outcome.set(self.write_code, 0, 1)
        names = batch.text(self.name)
        for row, index in enumerate(names.text_indices()):
            if index != sdk.ABSENT_INDEX and batch.texts[index] == "old":
                outcome.replace(self.write_name, index, "new")
        lists = batch.attributes(self.all)
        for row in range(batch.rows(Context.SPAN)):
            assert lists is not None
            for entry in lists.entries(row):
                if lists.key(entry) == "gone":
                    outcome.remove_entry(self.write_all, entry)
                elif lists.value(entry) == "secret":
                    outcome.set_entry(self.write_all, entry, "****")
            outcome.append(self.write_all, row, "added", 3)
        outcome.drop_rows(Context.SPAN_EVENT, batch.text(self.event).answers(lambda name: name == "noise"))
        outcome.drop_rows(Context.LOG, batch.values(self.body).answers(lambda body: body.startswith("drop")))
        for row, value in enumerate(batch.values(self.value)):
            if isinstance(value, float) and value < 0:
                outcome.drop_row(Context.DATA_POINT, row)


def test_edits_of_each_kind_are_applied() -> None:
    old = Span("old", {"kind": 7, "gone": 1, "a": "secret"}, events=[Event("noise"), Event("é")])
    out = Kit(Edits, {}).run(traces(old, Span("old", {"kind": "x"}), Span("é")))
    assert out.names == ["new", "new", "é"]
    assert [span.status_code for span in out.left.items] == [1, 2, 2]
    assert out.item(0).attributes == {"kind": {"was": [7, True, 1.5, None, b"\0"]}, "a": "****", "added": 3}
    assert out.item(1).attributes == {"kind": "x", "added": 3}
    assert [event.name for event in out.item(0).events] == ["é"]
    assert out.counts == {"edits": 1}


def test_logs_and_metrics_come_as_they_are() -> None:
    kit = Kit(Edits, {})
    assert kit.run(logs(LogRecord("drop me"), LogRecord({"a": 1}), LogRecord(sdk.EMPTY), LogRecord())).bodies == [
        {"a": 1},
        sdk.EMPTY,
        sdk.ABSENT,
    ]
    left = kit.run(metrics(Metric("cold", [DataPoint(-1.0)]), Metric("warm", [DataPoint(-1.0), DataPoint(2)])))
    assert left.names == ["warm"]
    assert [point.value for point in left.item(0).data_points] == [2]


class Keep(sdk.Processor, sdk.Ticker, sdk.State):
    """Holds every span; keeps traces of which it has seen two."""

    settings = Nothing
    FORMAT = 1

    def __init__(self, contract: Contract) -> None:
        contract.shard(sdk.Sharding.BY_TRACE)
        self.ids = contract.read_trace_id("span.trace_id")
        self.seen: dict[int, int] = {}

    @classmethod
    def configure(cls, settings: Nothing, contract: Contract) -> Self:
        return cls(contract)

    def look(self, batch: sdk.Batch) -> None:
        words = batch.trace_ids(self.ids)
        for at in range(0, len(words), 2):
            trace = words[at] << 64 | words[at + 1]
            self.seen[trace] = self.seen.get(trace, 0) + 1

    def process(self, batch: sdk.Batch, outcome: sdk.Outcome) -> None:
        self.look(batch)
        for row in range(batch.rows(Context.SPAN)):
            outcome.hold_row(Context.SPAN, row)

    def tick(self, now_unix_nano: int, ending: bool, decisions: sdk.Decisions) -> None:
        for trace, count in self.seen.items():
            if count > 1:
                decisions.release(trace)
            elif now_unix_nano > 10:
                decisions.drop(trace)
            else:
                decisions.review(trace)

    def review(self, batch: sdk.Batch) -> None:
        self.look(batch)

    def snapshot(self) -> bytes:
        return repr(self.seen).encode()

    def restore(self, format: int, data: bytes) -> None:
        if format != 1:
            raise sdk.UnknownFormat
        self.seen = eval(data)


def test_held_rows_are_decided_on() -> None:
    kit = Kit(Keep, {})
    big = 1 << 100 | 5
    out = kit.run(traces(Span("a", trace_id=big), Span("b", trace_id=2), Span("c", trace_id=big)))
    assert (out.held, out.names) == (3, [])
    decided = kit.tick(1)
    assert ([span.name for span in decided.released], decided.reviewed) == (["a", "c"], 1)
    assert kit.plugin.seen[2] == 2


def test_state_is_handed_over() -> None:
    old, new = Kit(Keep, {}), Kit(Keep, {})
    old.run(traces(Span("a", trace_id=3)))
    new.restore(*old.snapshot())
    assert new.plugin.seen == {3: 1}
    with pytest.raises(sdk.UnknownFormat):
        new.restore(2, b"")


class Errors(sdk.RecordConnector):
    """Makes a log record of each span with an error."""

    settings = Nothing

    def __init__(self, contract: Contract, stream: sdk.RecordStream) -> None:
        self.name = contract.read_text("span.name")
        self.code = contract.read_narrow("span.status.code")
        self.id = contract.read_trace_id("span.trace_id")
        self.body, self.time = stream.field("log.body"), stream.field("log.time_unix_nano")
        self.trace, self.text = stream.field("log.trace_id"), stream.field("log.severity_text")
        self.list = stream.attributes()

    @classmethod
    def configure(cls, settings: Nothing, contract: Contract) -> tuple[Self, sdk.RecordStream]:
        stream = sdk.RecordStream(Signal.LOGS, "errors", "1.0")
        return cls(contract, stream), stream

    def process(self, batch: sdk.Batch, records: sdk.Records) -> None:
        names, resources = batch.text(self.name), batch.resources(Context.SPAN)
        for row, code in enumerate(batch.narrow(self.code)):
            if code == 2:
                records.add(resources[row])
                records.set(self.body, names.cell(row))
                records.set(self.time, 5)
                records.set(self.trace, 1 << 64 | 7)
                records.set(self.text, "ERROR")
                records.entry(self.list, "row", row)


def test_records_are_made() -> None:
    spans = traces(Span("a"), Span("b", status_code=2), resource={"r": 1}) + traces(Span("c", status_code=2))
    made = RecordKit(Errors, {}).run(spans)
    assert made.bodies == ["b", "c"]
    assert [record.attributes for record in made.items] == [{"row": 1}, {"row": 2}]
    assert (made.items[0].trace_id, made.items[0].severity_text) == (1 << 64 | 7, "ERROR")
    assert [resource.attributes for resource in made.resources] == [{"r": 1}, {}]


class Sides(sdk.Router):
    """Sends servers' spans to one pipeline and others to another."""

    settings = Nothing

    def __init__(self, pipelines: sdk.Pipelines, contract: Contract) -> None:
        self.kind = contract.read_narrow("span.kind")
        self.servers, self.others = (pipelines.find("traces/servers") or 0, pipelines.find("traces/others") or 0)

    @classmethod
    def configure(cls, settings: Nothing, pipelines: sdk.Pipelines, contract: Contract) -> Self:
        return cls(pipelines, contract)

    def process(self, batch: sdk.Batch, routes: sdk.Routes) -> None:
        kinds = batch.narrow(self.kind)
        routes.send_each(Context.SPAN, [self.servers if kind == 2 else self.others for kind in kinds])


def test_rows_are_routed() -> None:
    kit = RouterKit(Sides, {}, Signal.TRACES, ["traces/servers", "traces/others"])
    routed = kit.run(traces(Span("a", kind=2), Span("b", kind=3)))
    assert {name: part.names for name, part in routed.items()} == {"traces/servers": ["a"], "traces/others": ["b"]}


def test_rules_of_the_contract_are_checked() -> None:
    class Greedy(Edits):
        def process(self, batch: sdk.Batch, outcome: Any) -> None:
            outcome.replace(self.write_name, 0, "x")

    with pytest.raises(AssertionError, match="text 0 is not one that the plugin may refer to"):
        Kit(Greedy, {}).run(traces(Span("a")))
