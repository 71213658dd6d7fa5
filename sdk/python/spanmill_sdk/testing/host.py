"""The host's side: hands a plugin the columns of what it declared, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from .. import wire
from ..columns import ABSENT_INDEX, packed
from ..contract import Contract
from ..fields import CONTEXTS, FIELDS, PARENTS, PREFIXES, Context, Sharding, Signal, context_of
from ..values import ABSENT, EMPTY, NO_VALUE, Cell, Value, decoded, double_of, encoded, int_of, number_cell
from ..wire import TextPool
from .items import Telemetry

_ATTRIBUTE = re.compile(r'(\w+)\.(attributes|metadata)(?:\["((?:[^"\\]|\\.)*)"\])?$')


@dataclass
class Path:
    """A path, taken apart."""

    context: Context
    kind: str
    """That of the field, or `attribute`, or `attributes`."""
    name: str
    """What the field is called in the items of tests, or the key of an attribute."""
    writable: bool = True


def parse(path: str) -> Path:
    """Takes a path apart; fails if there is none such."""
    if path in FIELDS:
        known = FIELDS[path]
        return Path(context_of(path), known.kind, path.partition(".")[2].replace(".", "_"), known.writable)
    match = _ATTRIBUTE.match(path)
    assert match and match[1] in PREFIXES, f"{path} is no field; wit/telemetry.wit lists them all"
    context = Context(PREFIXES.index(match[1]))
    assert (match[2] == "metadata") == (context is Context.METRIC), f"{path} is no field"
    if match[3] is None:
        return Path(context, "attributes", "")
    return Path(context, "attribute", re.sub(r"\\(.)", r"\1", match[3]))


def attributes_of(context: Context, node: Any) -> dict[str, Any]:
    """The attributes of an item."""
    found: dict[str, Any] = node.metadata if context is Context.METRIC else node.attributes
    return found


@dataclass
class Rows:
    """The rows of one context."""

    nodes: list[Any] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)


def rows_of(telemetry: Telemetry) -> dict[Context, Rows]:
    """The rows of each context of the signal."""
    tables = {context: Rows() for context in CONTEXTS[telemetry.signal]}

    def add(context: Context, node: Any, parent: int) -> int:
        table = tables[context]
        table.nodes.append(node)
        table.parents.append(parent)
        return len(table.nodes) - 1

    item = CONTEXTS[telemetry.signal][2]
    for resource in telemetry.resources:
        at = add(Context.RESOURCE, resource, 0)
        for scope in resource.scopes:
            below = add(Context.SCOPE, scope, at)
            for node in scope.items:
                row = add(item, node, below)
                for child, name in ((Context.SPAN_EVENT, "events"), (Context.SPAN_LINK, "links")):
                    for one in getattr(node, name, ()):
                        add(child, one, row)
                for point in getattr(node, "data_points", ()):
                    add(Context.DATA_POINT, point, row)
    return tables


class Pool:
    """The texts of a batch, those that the plugin added behind them. Text 0 is another plugin's."""

    def __init__(self) -> None:
        self.texts: list[bytes] = [b""]
        self._known: dict[bytes, int] = {}

    def add(self, text: bytes) -> int:
        """The index of a text that the plugin may read."""
        index = self._known.get(text)
        if index is None:
            index = self._known[text] = len(self.texts)
            self.texts.append(text)
        return index

    def wire(self) -> TextPool:
        """What crosses."""
        ends, length = [], 0
        for text in self.texts:
            length += len(text)
            ends.append(length)
        return TextPool(packed(ends, "I"), b"".join(self.texts))

    def take(self, added: TextPool) -> None:
        """Takes the texts that a plugin added."""
        start = 0
        for end in memoryview(added.ends).cast("I"):
            assert start <= end <= len(added.bytes), "the ends of new texts never decrease, and stay inside the pool"
            self.texts.append(added.bytes[start:end])
            start = end

    def text(self, index: int) -> bytes:
        """A text that the plugin may refer to."""
        assert 0 < index < len(self.texts), f"text {index} is not one that the plugin may refer to"
        return self.texts[index]

    def cell(self, value: Value) -> Cell:
        """The cell of a value."""
        if isinstance(value, (str, bytes, list, dict)):
            kind, data = encoded(value)
            return Cell(kind, self.add(data))
        if isinstance(value, (bool, int, float)):
            return number_cell(value)
        return Cell(NO_VALUE if value is EMPTY else 0, 0)

    def value(self, kind: int, bits: int) -> Value:
        """The value of a cell that a plugin made."""
        assert 0 <= kind <= NO_VALUE, f"there is no kind {kind}"
        if kind in (1, 5, 6, 7):
            return decoded(kind, self.text(bits))
        if kind == 2:
            assert bits <= 1, "a bool is 0 or 1"
            return bits == 1
        if kind == 3:
            return int_of(bits)
        return double_of(bits) if kind == 4 else (EMPTY if kind == NO_VALUE else ABSENT)


def _cells(cells: list[Cell]) -> wire.Cells:
    return wire.Cells(bytes([cell.kind for cell in cells]), packed([cell.bits for cell in cells], "Q"))


def _text(pool: Pool, text: str) -> int:
    return pool.add(text.encode()) if text else ABSENT_INDEX


def column(path: Path, nodes: list[Any], pool: Pool) -> Any:
    """One field of all rows."""
    if path.kind == "attributes":
        ends, keys, values = [], [], []
        for node in nodes:
            for key, value in attributes_of(path.context, node).items():
                keys.append(pool.add(key.encode()))
                values.append(pool.cell(value))
            ends.append(len(keys))
        return wire.case("Column_Attributes", wire.AttributeList(packed(ends, "I"), packed(keys, "I"), _cells(values)))
    if path.kind == "attribute":
        found = [attributes_of(path.context, node).get(path.name, ABSENT) for node in nodes]
        if all(value is ABSENT or isinstance(value, str) for value in found):
            indices = [ABSENT_INDEX if value is ABSENT else pool.add(value.encode()) for value in found]
            return wire.case("Column_Text", packed(indices, "I"))
        return wire.case("Column_Cells", _cells([pool.cell(value) for value in found]))
    found = [getattr(node, path.name) for node in nodes]
    if path.kind == "cells":
        return wire.case("Column_Cells", _cells([pool.cell(value) for value in found]))
    if path.kind == "text":
        return wire.case("Column_Text", packed([_text(pool, text) for text in found], "I"))
    if path.kind == "trace-id":
        words = [word for trace in found for word in (trace >> 64, trace & 0xFFFFFFFFFFFFFFFF)]
        return wire.case("Column_TraceId", packed(words, "Q"))
    return wire.case(
        "Column_Narrow" if path.kind == "narrow" else "Column_Wide",
        packed(found, "I" if path.kind == "narrow" else "Q"),
    )


class Host:
    """The host of one plugin."""

    def __init__(self, contract: wire.Contract | Contract, holds: bool = False) -> None:
        signals = [Signal(signal) for signal in contract.signals]
        assert signals and len(set(signals)) == len(signals), "a plugin takes at least one signal, none twice"
        assert len(set(contract.reads)) == len(contract.reads), "a field is read twice"
        assert not holds or contract.sharding != Sharding.NONE, "a plugin that holds rows shards by trace or whole"
        self.signals = signals
        self.holds = holds
        self.reads = [parse(path) for path in contract.reads]
        self.writes = [parse(path) for path in contract.writes]
        for text, path in zip([*contract.reads, *contract.writes], [*self.reads, *self.writes], strict=True):
            assert any(path.context in CONTEXTS[signal] for signal in signals), f"{text} is of no signal that is taken"
        for text, path in zip(contract.writes, self.writes, strict=True):
            assert path.writable, f"{text} may not be written"

    def load(self, telemetry: Telemetry) -> tuple[wire.Batch, Pool]:
        """The batch that the plugin gets."""
        assert telemetry.signal in self.signals, f"the plugin does not take {telemetry.signal.name.lower()}"
        pool = Pool()
        tables = []
        named = {path.context for path in (*self.reads, *self.writes)}
        for context, rows in rows_of(telemetry).items():
            if context in (Context.SPAN_EVENT, Context.SPAN_LINK) and context not in named:
                continue
            columns = [column(path, rows.nodes, pool) for path in self.reads if path.context is context]
            parents = packed(rows.parents, "I") if context in PARENTS else b""
            tables.append(wire.Table(context, len(rows.nodes), parents, columns))
        batch = wire.Batch(telemetry.signal, telemetry.received_unix_nano, pool.wire(), tables)
        return batch, pool
