"""Runs connectors, record connectors and routers natively."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import dataclass, field
from typing import Any

from .. import wire
from ..batch import Batch
from ..columns import ABSENT_INDEX
from ..connector import Emission
from ..contract import Contract
from ..fields import CONTEXTS, ITEMS, Context, Signal
from ..plugin import Connector, RecordConnector, Router
from ..records import Records
from ..router import Pipelines, Routes
from ..settings import parse_settings
from ..values import Value
from .host import Host, Pool, parse, rows_of
from .items import LogRecord, Resource, Scope, Span, Telemetry
from .kit import _StateKit


@dataclass
class Measured:
    """The totals of one series of one instrument."""

    metric: str
    resource: dict[str, Value]
    attributes: dict[str, Value]
    count: int = 0
    sum: float = 0.0
    values: list[float] = field(default_factory=list)
    """Every measurement, in order."""
    exemplars: list[int] = field(default_factory=list)
    """The items' rows offered as exemplars."""


def _numbers(data: bytes, code: str) -> list[Any]:
    return list(memoryview(data).cast(code))  # type: ignore[call-overload, unused-ignore]


def _dicts(lists: wire.AttributeList, pool: Pool) -> list[dict[str, Value]]:
    keys, bits = _numbers(lists.keys, "I"), _numbers(lists.values.bits, "Q")
    assert len(keys) == len(bits) == len(lists.values.kinds), "keys, kinds and bits are not of one length"
    found, start = [], 0
    for end in _numbers(lists.ends, "I"):
        entries = range(start, end)
        assert all(lists.values.kinds[entry] for entry in entries), "no entry is absent"
        names = [pool.text(keys[entry]).decode() for entry in entries]
        assert len(set(names)) == len(names), "a key stands twice in one list"
        found.append({name: pool.value(lists.values.kinds[at], bits[at]) for name, at in zip(names, entries)})
        start = end
    return found


class ConnectorKit(_StateKit):
    """A configured connector under test. It keeps totals across batches, as the host does."""

    def __init__(self, kind: type[Connector], settings: Any) -> None:
        """Configures a connector; raises what `configure` raises."""
        self.contract = Contract()
        self.plugin, self.stream = kind.configure(parse_settings(kind.settings, json.dumps(settings)), self.contract)
        assert not self.contract.writes, "a connector writes nothing"
        assert self.stream.flush_interval_ns > 0, "the flush interval is above 0"
        self._host = Host(self.contract)
        self.series: list[tuple[dict[str, Value], dict[str, Value]]] = []
        """What was named since the numbering last started over: the resource's attributes, and the series' own."""
        self._totals: dict[str, Measured] = {}

    def run(self, telemetry: Telemetry) -> None:
        """Runs one batch. Raises what `process` raises."""
        loaded, pool = self._host.load(telemetry)
        batch = Batch(loaded)
        emission = Emission(batch)
        self.plugin.process(batch, emission)
        answer = emission.wire()
        pool.take(answer.texts)
        if answer.restart:
            self.series.clear()
        named = zip(_dicts(answer.series.resources, pool), _dicts(answer.series.attributes, pool), strict=True)
        self.series.extend(named)
        rows = batch.rows(ITEMS[telemetry.signal])
        for recording in answer.recordings:
            self._record(recording, rows)

    def _record(self, recording: wire.Recording, rows: int) -> None:
        assert recording.instrument < len(self.stream.instruments), "a recording names a declared instrument"
        instrument = self.stream.instruments[recording.instrument]
        series = _numbers(recording.series, "I")
        values, counts = _numbers(recording.values, "d"), _numbers(recording.counts, "Q")
        exemplars = _numbers(recording.rows, "I")
        for what in (values, counts, exemplars):
            assert len(what) in (0, len(series)), f"{len(what)} numbers for {len(series)} measurements"
        assert not exemplars or instrument.exemplars, "rows are for exemplars only"
        assert all(row < rows for row in exemplars), "an exemplar's row is there"
        for place, number in enumerate(series):
            assert number < len(self.series), "a series is named before it is measured"
            value, count = values[place] if values else 1.0, (counts[place] if counts else 1)
            assert math.isfinite(value), "a measurement is finite"
            resource, attributes = self.series[number]
            key = repr((recording.instrument, resource, attributes))
            total = self._totals.setdefault(key, Measured(instrument.name, resource, attributes))
            total.count += count
            total.sum += value * count
            total.values.append(value)
            total.exemplars.extend(exemplars[place : place + 1])

    def metric(self, name: str) -> list[Measured]:
        """The totals of one metric so far, by series, in the order they were first measured."""
        return [total for total in self._totals.values() if total.metric == name]


class RecordKit(_StateKit):
    """A configured record connector under test."""

    def __init__(self, kind: type[RecordConnector], settings: Any) -> None:
        """Configures a record connector; raises what `configure` raises."""
        self.contract = Contract()
        self.plugin, self.stream = kind.configure(parse_settings(kind.settings, json.dumps(settings)), self.contract)
        assert self.stream.signal is not Signal.METRICS, "records are spans or log records"
        self._host = Host(self.contract)

    def run(self, telemetry: Telemetry) -> Telemetry:
        """Runs one batch, and returns the records made of it. Raises what `process` raises."""
        loaded, pool = self._host.load(telemetry)
        batch = Batch(loaded)
        records = Records(batch, self.stream)
        self.plugin.process(batch, records)
        answer = records.wire()
        pool.take(answer.texts)
        resources = _numbers(answer.resources, "I")
        assert resources == sorted(resources), "the rows of resources never decrease"
        assert len(resources) == answer.rows, "each record has a resource"
        made: list[Any] = [LogRecord() if self.stream.signal is Signal.LOGS else Span() for _ in resources]
        if made:
            for path, column in zip(self.stream.fields, answer.columns, strict=True):
                self._fill(made, path, column.value, pool)
        found = Telemetry(self.stream.signal, received_unix_nano=telemetry.received_unix_nano)
        last = None
        for row, record in zip(resources, made):
            if row != last:
                whole: Resource = copy.copy(rows_of(telemetry)[Context.RESOURCE].nodes[row])
                whole.scopes = [Scope(name=self.stream.scope_name, version=self.stream.scope_version)]
                found.resources.append(whole)
                last = row
            found.resources[-1].scopes[0].items.append(record)
        return found

    def _fill(self, made: list[Any], text: str, column: Any, pool: Pool) -> None:
        path = parse(text)
        if path.kind == "attributes":
            for record, attributes in zip(made, _dicts(column, pool), strict=True):
                record.attributes.update(attributes)
            return
        if path.kind in ("cells", "attribute"):
            for record, kind, bits in zip(made, column.kinds, _numbers(column.bits, "Q"), strict=True):
                if path.kind == "cells":
                    setattr(record, path.name, pool.value(kind, bits))
                elif kind:
                    record.attributes[path.name] = pool.value(kind, bits)
            return
        numbers = _numbers(column, "I" if path.kind in ("narrow", "text") else "Q")
        if path.kind == "trace-id":
            numbers = [numbers[at] << 64 | numbers[at + 1] for at in range(0, len(numbers), 2)]
        for record, number in zip(made, numbers, strict=True):
            value = number
            if path.kind == "text":
                value = "" if number == ABSENT_INDEX else pool.text(number).decode()
            setattr(record, path.name, value)


class RouterKit(_StateKit):
    """A configured router under test."""

    def __init__(self, kind: type[Router], settings: Any, signal: Signal, pipelines: list[str]) -> None:
        """Configures a router that may send to pipelines of a signal; raises what `configure` raises."""
        self.contract = Contract(signal)
        self.pipelines = pipelines
        given = parse_settings(kind.settings, json.dumps(settings))
        self.plugin = kind.configure(given, Pipelines(signal, pipelines), self.contract)
        assert not self.contract.writes, "a router writes nothing"
        self._host = Host(self.contract)

    def run(self, telemetry: Telemetry) -> dict[str, Telemetry]:
        """Runs one batch; what each pipeline got. Raises what `process` raises."""
        batch = Batch(self._host.load(telemetry)[0])
        routes = Routes(batch)
        self.plugin.process(batch, routes)
        answer = routes.wire()
        context, sets = Context(answer.context), _numbers(answer.pipelines, "Q")
        assert context in CONTEXTS[telemetry.signal], "what is routed is of the batch's signal"
        assert context not in (Context.SPAN_EVENT, Context.SPAN_LINK), "events and links are not routed by themselves"
        assert len(sets) in (1, batch.rows(context)), f"{len(sets)} sets for {batch.rows(context)} rows"
        if len(sets) == 1:
            sets *= batch.rows(context)
        assert not any(one >> len(self.pipelines) for one in sets), "a bit stands for no pipeline"
        found = {}
        for at, name in enumerate(self.pipelines):
            part = copy.deepcopy(telemetry)
            nodes = rows_of(part)[context].nodes
            found[name] = _kept(part, {id(node) for node, one in zip(nodes, sets) if one >> at & 1}, context)
        return found


def _kept(part: Telemetry, kept: set[int], context: Context) -> Telemetry:
    def keep(nodes: list[Any], level: Context) -> list[Any]:
        return [node for node in nodes if id(node) in kept] if context is level else nodes

    part.resources = keep(part.resources, Context.RESOURCE)
    for resource in part.resources:
        resource.scopes = keep(resource.scopes, Context.SCOPE)
        for scope in resource.scopes:
            scope.items = keep(scope.items, CONTEXTS[part.signal][2])
            if context is Context.DATA_POINT:
                for metric in scope.items:
                    metric.data_points = keep(metric.data_points, context)
                scope.items = [metric for metric in scope.items if metric.data_points]
        resource.scopes = [scope for scope in resource.scopes if scope.items]
    part.resources = [resource for resource in part.resources if resource.scopes]
    return part
