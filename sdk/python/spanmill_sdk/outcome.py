"""Collects what a processor did with a batch."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from . import wire
from .batch import Batch
from .columns import packed
from .contract import WriteField
from .fields import Context
from .texts import CellList, NewTexts
from .values import Cell, Value


class _Edits:
    """Edits of one field."""

    def __init__(self) -> None:
        self.all: Cell | None = None
        self.rows: dict[int, Cell] = {}
        self.entries: dict[int, Cell] = {}
        self.replaced: dict[int, int] = {}
        self.removed: set[int] = set()
        self.append_rows = array("I")
        self.append_keys = array("I")
        self.append_values = CellList()


class Outcome:
    """What a processor did with a batch. Empty: everything is kept as it is.

    Values may be Python's own (`str`, `bool`, `int`, `float`, `bytes`, `list`, `dict`), `ABSENT`, `EMPTY`, or a `Cell`,
    which refers to a text of the batch without decoding it.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._texts = NewTexts(batch)
        self._verdicts: dict[Context, bytearray | bytes] = {}
        self._fields: dict[int, _Edits] = {}

    def _rows(self, context: Context) -> bytearray:
        verdicts = self._verdicts.get(context)
        if isinstance(verdicts, bytearray):
            return verdicts
        if context in (Context.RESOURCE, Context.SCOPE):
            raise ValueError(f"a {context.prefix} cannot be dropped, only rows below it")
        made = bytearray(verdicts or self._batch.rows(context))
        self._verdicts[context] = made
        return made

    def drop_row(self, context: Context, row: int) -> None:
        """Drops a row of any context but resource and scope. Rows that are not there are ignored."""
        verdicts = self._rows(context)
        if row < len(verdicts):
            verdicts[row] = 1

    def hold_row(self, context: Context, row: int) -> None:
        """Holds a span or log record, as edited, until the plugin's `tick` decides on its trace."""
        verdicts = self._rows(context)
        if row < len(verdicts):
            verdicts[row] = 2

    def drop_rows(self, context: Context, dropped: bytes) -> None:
        """Drops the rows whose byte in `dropped` is 1 (not 0); rows dropped before stay dropped."""
        if not any(dropped):
            return
        if dropped.strip(b"\0\1"):
            dropped = dropped.translate(b"\0" + b"\1" * 255)
        if context in self._verdicts or len(dropped) != self._batch.rows(context):
            verdicts = self._rows(context)
            for row, verdict in enumerate(dropped[: len(verdicts)]):
                verdicts[row] = verdict or verdicts[row]
        else:
            self._verdicts[context] = dropped

    def is_dropped(self, context: Context, row: int) -> bool:
        """Whether a row is dropped so far."""
        return self._verdicts.get(context, b"")[row : row + 1] == b"\1"

    def text(self, text: str) -> int:
        """Adds a text, and gives the index to write it by."""
        return self._texts.add(text.encode())

    def _field(self, field: WriteField) -> _Edits:
        edits = self._fields.get(field.number)
        if edits is None:
            edits = self._fields[field.number] = _Edits()
        return edits

    def set(self, field: WriteField, row: int, value: Cell | Value) -> None:
        """Writes a field of one row; the last write of a row counts."""
        self._field(field).rows[row] = self._texts.cell(value)

    def set_rows(self, field: WriteField, rows: Sequence[int], value: Cell | Value) -> None:
        """Writes the same value into a field of some rows."""
        self._field(field).rows.update(dict.fromkeys(rows, self._texts.cell(value)))

    def set_all(self, field: WriteField, value: Cell | Value) -> None:
        """Writes a field of every row; rows written by `set` keep their own value."""
        self._field(field).all = self._texts.cell(value)

    def replace(self, field: WriteField, old: int, new: str | int) -> None:
        """Replaces a text of the batch wherever it stands as a value of this field."""
        self._field(field).replaced[old] = self.text(new) if isinstance(new, str) else new

    def set_entry(self, field: WriteField, entry: int, value: Cell | Value) -> None:
        """Gives one entry of a whole attribute list a new value; the last one given counts."""
        self._field(field).entries[entry] = self._texts.cell(value)

    def remove_entry(self, field: WriteField, entry: int) -> None:
        """Removes an entry of a whole attribute list."""
        self._field(field).removed.add(entry)

    def append(self, field: WriteField, row: int, key: str | int, value: Cell | Value) -> None:
        """Adds an entry to a row's attribute list; rows come in order, and do not have the key yet."""
        edits = self._field(field)
        edits.append_rows.append(row)
        edits.append_keys.append(self.text(key) if isinstance(key, str) else key)
        edits.append_values.push(self._texts.cell(value))

    def wire(self) -> wire.Outcome:
        """What crosses."""
        out = wire.Outcome()
        for context, verdicts in sorted(self._verdicts.items()):
            out.verdicts.append(wire.Verdicts(context, bytes(verdicts)))
        for index, edits in sorted(self._fields.items()):
            if edits.all is not None:
                out.writes.append(wire.Write(index, b"", _cells([edits.all])))
            if edits.rows:
                places, values = _in_order(edits.rows)
                out.writes.append(wire.Write(index, places, values))
            if edits.entries:
                out.entry_writes.append(wire.EntryWrite(index, *_in_order(edits.entries, may_be_one=False)))
            if edits.replaced:
                old, new = packed(list(edits.replaced), "I"), packed(list(edits.replaced.values()), "I")
                out.replacements.append(wire.Replacement(index, old, new))
            if edits.removed:
                out.removals.append(wire.Removal(index, packed(sorted(edits.removed), "I")))
            if edits.append_rows:
                rows, keys = edits.append_rows.tobytes(), edits.append_keys.tobytes()
                values = wire.Cells(bytes(edits.append_values.kinds), edits.append_values.bits.tobytes())
                out.appends.append(wire.Append(index, rows, keys, values))
        out.texts = self._texts.pool()
        return out


def _cells(cells: Sequence[Cell]) -> wire.Cells:
    return wire.Cells(bytes([cell.kind for cell in cells]), packed([cell.bits for cell in cells], "Q"))


def _in_order(edits: dict[int, Cell], may_be_one: bool = True) -> tuple[bytes, wire.Cells]:
    places = sorted(edits)
    cells = [edits[place] for place in places]
    if may_be_one and len(set(cells)) == 1:
        cells = cells[:1]
    return packed(places, "I"), _cells(cells)
