"""What crosses the boundary: records of the contract's names, with lists of numbers as bytes.

In a component, cases of variants are those of the bindings; natively they are stand-ins of the same shape.
"""

from __future__ import annotations

import builtins
import importlib
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


@dataclass(slots=True)
class TextPool:
    ends: builtins.bytes = b""
    bytes: builtins.bytes = b""


@dataclass(slots=True)
class Cells:
    kinds: bytes
    bits: bytes


@dataclass(slots=True)
class AttributeList:
    ends: bytes
    keys: bytes
    values: Cells


@dataclass(slots=True)
class Table:
    context: Enum
    rows: int
    parents: bytes
    columns: list[Any]


@dataclass(slots=True)
class Batch:
    signal: Enum
    received_unix_nano: int
    texts: TextPool
    tables: list[Table]


@dataclass(slots=True)
class Verdicts:
    context: Any
    rows: bytes


@dataclass(slots=True)
class Write:
    field: int
    rows: bytes
    values: Cells


@dataclass(slots=True)
class EntryWrite:
    field: int
    entries: bytes
    values: Cells


@dataclass(slots=True)
class Replacement:
    field: int
    old: bytes
    new: bytes


@dataclass(slots=True)
class Removal:
    field: int
    entries: bytes


@dataclass(slots=True)
class Append:
    field: int
    rows: bytes
    keys: bytes
    values: Cells


@dataclass(slots=True)
class Outcome:
    verdicts: list[Verdicts] = field(default_factory=list)
    texts: TextPool = field(default_factory=TextPool)
    writes: list[Write] = field(default_factory=list)
    entry_writes: list[EntryWrite] = field(default_factory=list)
    replacements: list[Replacement] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    appends: list[Append] = field(default_factory=list)


@dataclass(slots=True)
class Contract:
    signals: list[Any]
    reads: list[str]
    writes: list[str]
    sharding: Any


@dataclass(slots=True)
class Instrument:
    name: str
    description: str
    unit: str
    kind: Any
    exemplars: int


@dataclass(slots=True)
class MetricStream:
    scope: str
    instruments: list[Instrument]
    temporality: Any
    flush_interval_ns: int
    expiration_ns: int
    series_limit: int
    resource_limit: int
    total_limit: int
    resource_key: list[str]


@dataclass(slots=True)
class ConnectorContract:
    contract: Contract
    metrics: MetricStream


@dataclass(slots=True)
class SeriesTable:
    resources: AttributeList
    attributes: AttributeList


@dataclass(slots=True)
class Recording:
    instrument: int
    series: bytes
    values: bytes
    counts: bytes
    rows: bytes


@dataclass(slots=True)
class Emission:
    texts: TextPool
    restart: bool
    series: SeriesTable
    recordings: list[Recording]


@dataclass(slots=True)
class RecordStream:
    signal: Any
    fields: list[str]
    scope_name: str
    scope_version: str


@dataclass(slots=True)
class RecordContract:
    contract: Contract
    records: RecordStream


@dataclass(slots=True)
class Records:
    texts: TextPool
    rows: int
    resources: bytes
    columns: list[Any]


@dataclass(slots=True)
class Routes:
    context: Any
    pipelines: bytes


@dataclass(slots=True)
class SavedState:
    format: int
    data: bytes


@dataclass(slots=True)
class Description:
    name: str
    version: str
    summary: str
    settings_schema: str


@dataclass(slots=True)
class Decisions:
    traces: bytes
    decisions: list[Any]
    review: bytes


class Case:
    """A case of a variant, natively."""

    def __init__(self, name: str, *value: Any) -> None:
        self.name = name
        self.value = value[0] if value else None


class NativeErr(Exception):
    """The failure of a call, natively."""

    def __init__(self, value: Any) -> None:
        super().__init__(value.name)
        self.value = value


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


_TYPES = _module("componentize_py_types")
_MODULES = [
    _module(f"wit_world.{name}")
    for name in ("imports.telemetry", "imports.contract", "imports.metrics", "exports.state")
]


def case(name: str, *value: Any) -> Any:
    """A case of a variant by its name in the bindings, such as `Column_Text`."""
    for module in _MODULES:
        if hasattr(module, name):
            return getattr(module, name)(*value)
    return Case(name, *value)


def err(name: str, *value: Any) -> Exception:
    """The failure of a call, to be raised."""
    failure: Exception = (_TYPES.Err if _TYPES is not None else NativeErr)(case(name, *value))
    return failure
