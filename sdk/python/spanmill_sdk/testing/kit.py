"""Runs a processor natively, with a host's checks around it."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any

from ..batch import Batch
from ..calls import Level, take_recorded
from ..contract import Contract
from ..fields import Context
from ..outcome import Outcome
from ..plugin import Processor, State, Ticker
from ..settings import parse_settings
from ..ticker import Decision, Decisions
from .edits import Applied
from .host import Host
from .items import Resource, Scope, Telemetry


@dataclass
class Changed:
    """What a processor made of a batch."""

    left: Telemetry
    """What is left, with the edits applied."""
    dropped: dict[Context, list[int]]
    """The rows of each context that were dropped."""
    held: int
    """How many items of this batch are held."""
    logs: list[tuple[Level, str]]
    counts: dict[str, int]

    @property
    def names(self) -> list[str]:
        """The names of the spans or metrics that are left."""
        return self.left.names

    @property
    def bodies(self) -> list[Any]:
        """The bodies of the log records that are left."""
        return self.left.bodies

    def item(self, number: int) -> Any:
        """The span, log record or metric with this number among those left."""
        return self.left.items[number]


@dataclass
class Decided:
    """What a tick decided."""

    released: list[Any] = field(default_factory=list)
    dropped: list[Any] = field(default_factory=list)
    reviewed: int = 0
    """How many traces were shown again."""


class _StateKit:
    plugin: Any

    def snapshot(self) -> tuple[int, bytes]:
        """What the plugin knows: format and data. A host hands both to the instance that takes its place."""
        assert isinstance(self.plugin, State), "the plugin does not derive from State"
        return self.plugin.FORMAT, self.plugin.snapshot()

    def restore(self, format: int, data: bytes) -> None:
        """Hands the plugin what another instance knew. Raises what the plugin raises."""
        assert isinstance(self.plugin, State), "the plugin does not derive from State"
        self.plugin.restore(format, data)


class Kit(_StateKit):
    """A configured processor under test. A broken rule of the contract fails the test."""

    def __init__(self, kind: type[Processor], settings: Any) -> None:
        """Configures a processor; raises what `configure` raises."""
        self.contract = Contract()
        self.plugin = kind.configure(parse_settings(kind.settings, json.dumps(settings)), self.contract)
        self._host = Host(self.contract, isinstance(self.plugin, Ticker))
        self._held: dict[int, list[tuple[Resource, Scope, Any]]] = {}
        self._signal = self.contract.signals[0]

    def run(self, telemetry: Telemetry) -> Changed:
        """Runs one batch, and applies the outcome. Raises what `process` raises."""
        wire, pool = self._host.load(telemetry)
        take_recorded()
        batch = Batch(wire)
        outcome = Outcome(batch)
        self.plugin.process(batch, outcome)
        recorded = take_recorded()
        applied = Applied(self._host, telemetry, pool, outcome.wire())
        self._signal = telemetry.signal
        for resource, scope, node in applied.held:
            self._held.setdefault(node.trace_id, []).append((resource, scope, node))
        held = len(applied.held)
        return Changed(applied.left, applied.dropped, held, recorded.logs, recorded.counts)

    def tick(self, now_unix_nano: int, ending: bool = False) -> Decided:
        """Asks for decisions, and carries them out."""
        assert isinstance(self.plugin, Ticker), "the plugin does not derive from Ticker"
        decisions = Decisions()
        self.plugin.tick(now_unix_nano, ending, decisions)
        wire = decisions.wire()
        traces, review = _ids(wire.traces), _ids(wire.review)
        assert len(set(traces + review)) == len(traces + review), "a trace is named twice"
        decided = Decided(reviewed=len(review))
        for trace, decision in zip(traces, wire.decisions):
            rows = [node for _, _, node in self._held.pop(trace, [])]
            (decided.dropped if decision is Decision.DROP else decided.released).extend(rows)
        if ending:
            decided.released.extend(node for rows in self._held.values() for _, _, node in rows)
            self._held.clear()
        self._show([trace for trace in review if trace in self._held])
        return decided

    def review_all(self) -> None:
        """Shows the plugin everything that is held, as a host does after a fault."""
        self._show(list(self._held))

    def _show(self, traces: list[int]) -> None:
        for trace in traces:
            shown = Telemetry(self._signal)
            for resource, scope, node in self._held[trace]:
                around = copy.copy(scope)
                around.items = [node]
                whole = copy.copy(resource)
                whole.scopes = [around]
                shown.resources.append(whole)
            self.plugin.review(Batch(self._host.load(shown)[0]))


def _ids(words: bytes) -> list[int]:
    numbers = memoryview(words).cast("Q")
    return [numbers[at] << 64 | numbers[at + 1] for at in range(0, len(numbers), 2)]
