"""Read access to a batch. Nothing is decoded before it is asked for, and each text once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from .columns import ABSENT_INDEX, Numbers, gather, occurring, packed, view
from .contract import CellField, ListField, NarrowField, TextField, TraceIdField, WideField, _Place
from .fields import CONTEXTS, PARENTS, Context, Signal
from .values import ABSENT, BOOL, DOUBLE, EMPTY, INT, NO_VALUE, TEXT, Cell, Value, decoded, double_of, int_of


class Texts:
    """The distinct texts of a batch. Equal indices mean equal texts."""

    def __init__(self, ends: bytes, data: bytes) -> None:
        self.ends = view(ends, "I")
        self.data = data
        self._decoded: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.ends)

    def bytes(self, index: int) -> bytes:
        """The bytes of a text; none for an absent one and beyond the pool."""
        if index >= len(self.ends):
            return b""
        return self.data[self.ends[index - 1] if index else 0 : self.ends[index]]

    def some(self, indices: Sequence[int]) -> list[str]:
        """Some texts at once."""
        data = self.data
        starts = [0, *self.ends.tolist()]
        if data.isascii():
            # An index into the bytes is then one into the text.
            pool = data.decode()
            return [pool[starts[index] : starts[index + 1]] for index in indices]
        return [data[starts[index] : starts[index + 1]].decode(errors="replace") for index in indices]

    def __getitem__(self, index: int) -> str:
        text = self._decoded.get(index)
        if text is None:
            text = self._decoded[index] = self.bytes(index).decode(errors="replace")
        return text


class Values:
    """One attribute, body or text field of every row; the same view, whichever way the column came."""

    def __init__(self, texts: Texts, bits: bytes, kinds: bytes | None) -> None:
        self._texts = texts
        self._raw = bits
        self._kinds = kinds
        self.bits = view(bits, "I" if kinds is None else "Q")
        """Pool indices, where `kinds` is None, else the cells' bits."""

    def __len__(self) -> int:
        return len(self.bits)

    @property
    def kinds(self) -> bytes | None:
        """The cells' kinds; None for a column in which every row is text or absent."""
        return self._kinds

    def cell(self, row: int) -> Cell:
        """The cell of a row; kind 0 is absent."""
        bits = self.bits[row]
        if self._kinds is not None:
            return Cell(self._kinds[row], bits)
        return Cell(0, 0) if bits == ABSENT_INDEX else Cell(TEXT, bits)

    def __getitem__(self, row: int) -> Value:
        return value_of(self._texts, *self.cell(row))

    def __iter__(self) -> Iterator[Value]:
        return map(self.__getitem__, range(len(self)))

    def text_indices(self) -> Numbers | list[int]:
        """The pool index of each row's text, and `ABSENT_INDEX` for a row that has none."""
        if self._kinds is None:
            return self.bits
        return [bits if kind == TEXT else ABSENT_INDEX for kind, bits in zip(self._kinds, self.bits, strict=True)]

    def answers(self, question: Callable[[str], int]) -> bytes:
        """Asks once for each distinct text; one answer, 0 to 255, for each row, and 0 for rows without a text."""
        indices = self._text_bytes()
        table = bytearray(len(self._texts))
        places = occurring(indices, len(table))
        for place, answer in zip(places, map(question, self._texts.some(places)), strict=True):
            table[place] = answer
        return gather(indices, bytes(table))

    def text_rows(self, table: bytes) -> bytes:
        """`table[index]` for each row's text, and 0 for rows that have none or one beyond the table."""
        return gather(self._text_bytes(), table)

    def _text_bytes(self) -> bytes:
        return self._raw if self._kinds is None else packed(self.text_indices(), "I")


class AttributeLists:
    """Every attribute of every row: row `i` owns the entries `ends[i-1]..ends[i]`."""

    def __init__(self, texts: Texts, wire: Any) -> None:
        self._texts = texts
        self.ends = view(wire.ends, "I")
        self.keys = view(wire.keys, "I")
        """Pool index of each entry's key."""
        self.kinds: bytes = wire.values.kinds
        self.bits = view(wire.values.bits, "Q")

    def entries(self, row: int) -> range:
        """The entries of a row."""
        return range(self.ends[row - 1] if row else 0, self.ends[row])

    def key(self, entry: int) -> str:
        """The key of an entry."""
        return self._texts[self.keys[entry]]

    def cell(self, entry: int) -> Cell:
        """The cell of an entry."""
        return Cell(self.kinds[entry], self.bits[entry])

    def value(self, entry: int) -> Value:
        """The value of an entry."""
        return value_of(self._texts, self.kinds[entry], self.bits[entry])


def value_of(texts: Texts, kind: int, bits: int) -> Value:
    """The value of a cell."""
    if kind == TEXT:
        return texts[bits]
    if kind == INT:
        return int_of(bits)
    if kind == DOUBLE:
        return double_of(bits)
    if kind == BOOL:
        return bits != 0
    if kind == 0:
        return ABSENT
    return EMPTY if kind == NO_VALUE else decoded(kind, texts.bytes(bits))


class Batch:
    """A batch as one plugin sees it. A field of a context that the batch's signal does not have has no rows."""

    def __init__(self, wire: Any) -> None:
        if not isinstance(wire.texts.ends, bytes):
            raise RuntimeError(
                "lists of numbers come one by one; build the component with `python -m spanmill_sdk.build`"
            )
        self.signal = Signal(wire.signal.value)
        self.received_unix_nano: int = wire.received_unix_nano
        self.texts = Texts(wire.texts.ends, wire.texts.bytes)
        self._tables = {table.context.value: table for table in wire.tables}

    def rows(self, context: Context) -> int:
        """How many rows a context has."""
        table = self._tables.get(context)
        return table.rows if table is not None else 0

    def parents(self, context: Context) -> Numbers:
        """For each row of a context, its row in the parent's table."""
        table = self._tables.get(context)
        return view(b"" if table is None else table.parents, "I")

    def resources(self, context: Context) -> Numbers | list[int]:
        """For each row of a context, its resource's row."""
        rows: Numbers | list[int] = self.parents(context)
        while (context := PARENTS[context]) is not Context.RESOURCE:
            parents = self.parents(context)
            rows = [parents[row] for row in rows]
        return rows

    def _column(self, place: _Place) -> Any:
        table = self._tables.get(place.context)
        if table is None and place.context not in CONTEXTS[self.signal]:
            return None
        if table is None or place.column >= len(table.columns):
            raise RuntimeError(f"the host sent no column for a declared {place.context.prefix} field")
        return table.columns[place.column].value

    def _numbers(self, place: _Place, code: Literal["I", "Q"]) -> Numbers:
        column = self._column(place)
        return view(b"" if column is None else column, code)

    def narrow(self, field: NarrowField) -> Numbers:
        """A field of kinds, codes, flags or counts."""
        return self._numbers(field, "I")

    def wide(self, field: WideField) -> Numbers:
        """A field of times or span ids."""
        return self._numbers(field, "Q")

    def trace_ids(self, field: TraceIdField) -> Numbers:
        """Trace ids, two words per row, the high one first."""
        return self._numbers(field, "Q")

    def text(self, field: TextField) -> Values:
        """A text field."""
        column = self._column(field)
        return Values(self.texts, b"" if column is None else column, None)

    def values(self, field: CellField) -> Values:
        """One attribute, or a field whose type varies."""
        column = self._column(field)
        if column is None:
            return Values(self.texts, b"", None)
        if hasattr(column, "kinds"):
            return Values(self.texts, column.bits, column.kinds)
        return Values(self.texts, column, None)

    def attributes(self, field: ListField) -> AttributeLists | None:
        """Every attribute of every row; None if the batch's signal does not have the context."""
        column = self._column(field)
        return None if column is None else AttributeLists(self.texts, column)
