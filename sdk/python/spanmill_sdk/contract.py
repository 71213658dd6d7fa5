"""What a plugin declares, and the handles that it reads and writes fields by."""

from __future__ import annotations

from typing import NamedTuple

from . import calls
from .fields import FIELDS, Context, Sharding, Signal, context_of


class _Place(NamedTuple):
    """Where a declared field stands in a batch."""

    context: Context
    column: int


class TextField(_Place):
    """A text field, such as `span.name`."""


class NarrowField(_Place):
    """A field of kinds, codes, flags or counts."""


class WideField(_Place):
    """A field of times or span ids."""


class TraceIdField(_Place):
    """A field of trace ids."""


class CellField(_Place):
    """A field whose type varies, such as `log.body`, or one attribute by key."""


class ListField(_Place):
    """A whole attribute list."""


class WriteField(NamedTuple):
    """A field that the plugin may write."""

    number: int
    context: Context


class Counter:
    """One of the plugin's own counters, which its operator sees in `spanmill plugin status`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def add(self, delta: int) -> None:
        """Adds to it. Call once a batch, not once a row."""
        calls.count(self.name, delta)


class Contract:
    """Collects what a plugin needs: signals and fields. Naming a field twice gives the same handle."""

    def __init__(self, signal: Signal = Signal.TRACES) -> None:
        self.signals: list[Signal] = [signal]
        self.reads: list[str] = []
        self.writes: list[str] = []
        self.sharding = Sharding.NONE
        self._places: dict[str, _Place] = {}
        self._columns = [0] * len(Context)

    def take(self, *signals: Signal) -> None:
        """The signals that the plugin takes, in place of those before; without a call, traces."""
        self.signals = list(signals)

    def _read(self, path: str) -> _Place:
        place = self._places.get(path)
        if place is None:
            context = context_of(path)
            place = _Place(context, self._columns[context])
            self._columns[context] += 1
            self._places[path] = place
            self.reads.append(path)
        return place

    def _read_field(self, path: str, kind: str) -> _Place:
        field = FIELDS.get(path)
        if field is None or field.kind != kind:
            what = "is no field" if field is None else f"is a {field.kind} field, not a {kind} one"
            raise ValueError(f"{path} {what}; wit/telemetry.wit lists them all")
        return self._read(path)

    def read_text(self, path: str) -> TextField:
        """Reads a text field."""
        return TextField(*self._read_field(path, "text"))

    def read_narrow(self, path: str) -> NarrowField:
        """Reads a field of kinds, codes, flags or counts."""
        return NarrowField(*self._read_field(path, "narrow"))

    def read_wide(self, path: str) -> WideField:
        """Reads a field of times or span ids."""
        return WideField(*self._read_field(path, "wide"))

    def read_trace_id(self, path: str) -> TraceIdField:
        """Reads `span.trace_id`, `spanlink.trace_id` or `log.trace_id`."""
        return TraceIdField(*self._read_field(path, "trace-id"))

    def read_cells(self, path: str) -> CellField:
        """Reads a field whose type varies, such as `log.body` or `datapoint.value`."""
        return CellField(*self._read_field(path, "cells"))

    def read_attribute(self, context: Context, key: str) -> CellField:
        """Reads one attribute by key."""
        return CellField(*self._read(context.attribute(key)))

    def read_attributes(self, context: Context) -> ListField:
        """Reads every attribute of a context."""
        return ListField(*self._read(context.attributes))

    def write(self, path: str) -> WriteField:
        """Declares a field that the plugin writes, by its path."""
        if path not in self.writes:
            self.writes.append(path)
        return WriteField(self.writes.index(path), context_of(path))

    def write_attribute(self, context: Context, key: str) -> WriteField:
        """Declares one attribute that the plugin writes."""
        return self.write(context.attribute(key))

    def write_attributes(self, context: Context) -> WriteField:
        """Declares that the plugin writes any attribute of a context."""
        return self.write(context.attributes)

    def shard(self, sharding: Sharding) -> None:
        """Asks for batches to be sharded; without a call they are not."""
        self.sharding = sharding

    def counter(self, name: str) -> Counter:
        """Declares a counter, at most 64 of them; names are lower_snake_case. None can be added once configured."""
        calls.count(name, 0)
        return Counter(name)
