"""What plugins declare and fill that make spans or log records."""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple

from . import wire
from .batch import Batch
from .columns import ABSENT_INDEX
from .fields import FIELDS, ITEMS, Signal
from .texts import CellList, NewTexts
from .values import Cell, Value


class RecordField(NamedTuple):
    """A field that records have."""

    number: int
    kind: str


class RecordStream:
    """The records that a plugin makes: what they are, and the fields they have."""

    def __init__(self, signal: Signal, scope_name: str = "", scope_version: str = "") -> None:
        self.signal = signal
        self.scope_name = scope_name
        self.scope_version = scope_version
        self.fields: dict[str, RecordField] = {}

    def _add(self, path: str, kind: str) -> RecordField:
        return self.fields.setdefault(path, RecordField(len(self.fields), kind))

    def field(self, path: str) -> RecordField:
        """Fills a field by its path, such as `log.time_unix_nano` or `log.body`."""
        if path not in FIELDS:
            raise ValueError(f"{path} is no field; wit/telemetry.wit lists them all")
        return self._add(path, FIELDS[path].kind)

    def attribute(self, key: str) -> RecordField:
        """Fills one attribute by key."""
        return self._add(ITEMS[self.signal].attribute(key), "cells")

    def attributes(self) -> RecordField:
        """Fills the whole list of attributes; with it no single ones."""
        return self._add(ITEMS[self.signal].attributes, "attributes")

    def wire(self) -> wire.RecordStream:
        """What crosses."""
        return wire.RecordStream(self.signal, list(self.fields), self.scope_name, self.scope_version)


class _Attributes:
    def __init__(self) -> None:
        self.ends = array("I")
        self.keys = array("I")
        self.values = CellList()


_CASES = {"narrow": "Narrow", "wide": "Wide", "trace-id": "TraceId", "text": "Text"}


class Records:
    """The records made of one batch. A field that is not set is absent."""

    def __init__(self, batch: Batch, stream: RecordStream) -> None:
        self._texts = NewTexts(batch)
        self._resources = array("I")
        self._kinds = [field.kind for field in stream.fields.values()]
        self._columns: list[Any] = [_column(kind) for kind in self._kinds]

    def __len__(self) -> int:
        return len(self._resources)

    def add(self, resource: int) -> None:
        """Begins a record that carries over the resource with this row. Rows never decrease from record to record."""
        self._resources.append(resource)
        for kind, column in zip(self._kinds, self._columns, strict=True):
            if kind == "trace-id":
                column.extend((0, 0))
            elif kind == "cells":
                column.push(Cell(0, 0))
            elif kind == "attributes":
                column.ends.append(len(column.keys))
            else:
                column.append(ABSENT_INDEX if kind == "text" else 0)

    def set(self, field: RecordField, value: Cell | Value) -> None:
        """Sets a field of the record begun last.

        Times, ids and numbers are ints, a trace id one of 128 bits; a text is a `str` or the `Cell` of a text of the batch.
        """
        column = self._columns[field.number]
        if field.kind == "cells":
            column.pop()
            column.push(self._texts.cell(value))
        elif field.kind == "text":
            cell = self._texts.cell(value)
            column[-1] = cell.bits if cell.kind == 1 else ABSENT_INDEX
        elif not isinstance(value, int):
            raise TypeError(f"a {field.kind} field takes a whole number")
        elif field.kind == "trace-id":
            column[-2], column[-1] = value >> 64, value & 0xFFFFFFFFFFFFFFFF
        else:
            column[-1] = value

    def entry(self, field: RecordField, key: str | int, value: Cell | Value) -> None:
        """Adds an attribute to the record begun last, which must not have the key yet. `ABSENT` adds nothing."""
        cell = self._texts.cell(value)
        if cell.kind:
            lists: _Attributes = self._columns[field.number]
            lists.keys.append(self._texts.add(key.encode()) if isinstance(key, str) else key)
            lists.values.push(cell)
            lists.ends[-1] = len(lists.keys)

    def wire(self) -> wire.Records:
        """What crosses."""
        rows = len(self._resources)
        columns = [_wire(kind, column) for kind, column in zip(self._kinds, self._columns, strict=True)] if rows else []
        return wire.Records(self._texts.pool(), rows, self._resources.tobytes(), columns)


def _column(kind: str) -> Any:
    if kind in ("cells", "attributes"):
        return CellList() if kind == "cells" else _Attributes()
    return array("I" if kind in ("narrow", "text") else "Q")


def _wire(kind: str, column: Any) -> Any:
    if kind == "cells":
        return wire.case("Column_Cells", wire.Cells(bytes(column.kinds), column.bits.tobytes()))
    if kind == "attributes":
        values = wire.Cells(bytes(column.values.kinds), column.values.bits.tobytes())
        lists = wire.AttributeList(column.ends.tobytes(), column.keys.tobytes(), values)
        return wire.case("Column_Attributes", lists)
    return wire.case(f"Column_{_CASES[kind]}", column.tobytes())
