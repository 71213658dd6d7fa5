"""What connectors declare and emit."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeAlias

from . import wire
from .batch import Batch
from .columns import packed
from .texts import CellList, NewTexts
from .values import Cell, Value


@dataclass(frozen=True)
class Sum:
    """A monotonic sum."""


@dataclass(frozen=True)
class UpDownSum:
    """A sum that may fall as well."""


@dataclass(frozen=True)
class Gauge:
    """The last value that was measured."""


@dataclass(frozen=True)
class Histogram:
    """A histogram with these upper bounds: inclusive, increasing, finite."""

    bounds: Sequence[float]


@dataclass(frozen=True)
class ExponentialHistogram:
    """A base-2 exponential histogram with at most this many buckets on either side of zero."""

    max_size: int = 160


Kind: TypeAlias = Sum | UpDownSum | Gauge | Histogram | ExponentialHistogram


@dataclass
class Instrument:
    """A metric that a connector makes."""

    name: str
    kind: Kind
    unit: str = ""
    """UCUM, such as `ms`."""
    description: str = ""
    exemplars: int = 0
    """How many exemplars a data point may carry."""


class Temporality(IntEnum):
    """Whether totals start over at each flush."""

    DELTA = 0
    CUMULATIVE = 1


@dataclass
class MetricStream:
    """The metrics that a connector makes; see the WIT's `metric-stream`."""

    scope: str
    instruments: list[Instrument]
    flush_interval_ns: int
    temporality: Temporality = Temporality.CUMULATIVE
    expiration_ns: int = 0
    """A series not measured for so long is forgotten; 0: never."""
    series_limit: int = 0
    resource_limit: int = 0
    total_limit: int = 0
    resource_key: list[str] = field(default_factory=list)

    def wire(self) -> wire.MetricStream:
        """What crosses."""
        instruments = [
            wire.Instrument(one.name, one.description, one.unit, _kind(one.kind), one.exemplars)
            for one in self.instruments
        ]
        return wire.MetricStream(
            self.scope,
            instruments,
            self.temporality,
            self.flush_interval_ns,
            self.expiration_ns,
            self.series_limit,
            self.resource_limit,
            self.total_limit,
            list(self.resource_key),
        )


def _kind(kind: Kind) -> Any:
    if isinstance(kind, Histogram):
        return wire.case("InstrumentKind_Histogram", packed([float(bound) for bound in kind.bounds], "d"))
    if isinstance(kind, ExponentialHistogram):
        return wire.case("InstrumentKind_ExponentialHistogram", kind.max_size)
    return wire.case(f"InstrumentKind_{type(kind).__name__}")


class _Lists:
    """Whole attribute lists."""

    def __init__(self) -> None:
        self.ends = array("I")
        self.keys = array("I")
        self.values = CellList()

    def wire(self) -> wire.AttributeList:
        values = wire.Cells(bytes(self.values.kinds), self.values.bits.tobytes())
        return wire.AttributeList(self.ends.tobytes(), self.keys.tobytes(), values)


#: Key and value of an attribute; a key may be a text of the batch, by its index.
Attribute: TypeAlias = "tuple[str | int, Cell | Value]"


class Emission:
    """What a connector measured in one batch."""

    def __init__(self, batch: Batch) -> None:
        self._texts = NewTexts(batch)
        self._restart = False
        self._resources = _Lists()
        self._attributes = _Lists()
        self._recordings: list[wire.Recording] = []

    def restart(self) -> None:
        """Starts the numbering of series over, before the series of this emission."""
        self._restart = True

    def series(self, resource: Iterable[Attribute], attributes: Iterable[Attribute]) -> None:
        """Names a new series by its resource's attributes and its own.

        Series are numbered in the order they are named, across batches, from 0; `SeriesNumbers` keeps count.
        """
        for lists, entries in ((self._resources, resource), (self._attributes, attributes)):
            for key, value in entries:
                lists.keys.append(self._texts.add(key.encode()) if isinstance(key, str) else key)
                lists.values.push(self._texts.cell(value))
            lists.ends.append(len(lists.keys))

    def record(
        self,
        instrument: int,
        series: Sequence[int] | bytes,
        values: Sequence[float] | bytes = b"",
        counts: Sequence[int] | bytes = b"",
        rows: Sequence[int] | bytes = b"",
    ) -> None:
        """Records measurements of one instrument.

        The series of each, its value (none: 1 each), how many times it counts (none: once), and the row of the item that it
        comes from (none: no exemplars).
        """
        recording = wire.Recording(
            instrument, packed(series, "I"), packed(values, "d"), packed(counts, "Q"), packed(rows, "I")
        )
        self._recordings.append(recording)

    def wire(self) -> wire.Emission:
        """What crosses."""
        series = wire.SeriesTable(self._resources.wire(), self._attributes.wire())
        return wire.Emission(self._texts.pool(), self._restart, series, self._recordings)


class SeriesNumbers(dict[Hashable, int]):
    """The numbers of the series that this instance has named, by what tells them apart.

    What tells a series apart must mean the same in every batch: texts, not indices. Beyond 100,000 series the numbering
    starts over.
    """

    MOST = 100_000

    def __init__(self) -> None:
        super().__init__()
        self._is_stale = False

    def start(self, emission: Emission) -> None:
        """Begins a batch. Starts the numbering over where there are too many series, or after `forget`."""
        if self._is_stale or len(self) > self.MOST:
            self.clear()
            self._is_stale = False
            emission.restart()

    def forget(self) -> None:
        """Called when a batch failed: what its emission named is unknown to the host."""
        self._is_stale = True

    def add(self, key: Hashable) -> int:
        """Numbers a new series, which `Emission.series` must then name before the next one is added."""
        number = self[key] = len(self)
        return number
