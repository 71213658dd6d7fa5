"""New texts of an answer."""

from __future__ import annotations

from array import array


from .batch import Batch
from .values import EMPTY, NO_VALUE, Cell, Value, encoded, number_cell
from .wire import TextPool


class NewTexts:
    """Texts that an answer refers to beyond the batch's, numbered on from the batch's pool, each once."""

    def __init__(self, batch: Batch) -> None:
        self._first = len(batch.texts)
        self._known: dict[bytes, int] = {}

    def add(self, data: bytes) -> int:
        """The index of a text."""
        return self._known.setdefault(data, self._first + len(self._known))

    def cell(self, value: Cell | Value) -> Cell:
        """The cell of a value."""
        if isinstance(value, Cell):
            return value
        if isinstance(value, (str, bytes, list, dict)):
            kind, data = encoded(value)
            return Cell(kind, self.add(data))
        if isinstance(value, (bool, int, float)):
            return number_cell(value)
        return Cell(NO_VALUE if value is EMPTY else 0, 0)

    def pool(self) -> TextPool:
        """All of them."""
        ends = array("I")
        length = 0
        for data in self._known:
            length += len(data)
            ends.append(length)
        return TextPool(ends.tobytes(), b"".join(self._known))


class CellList:
    """Cells, column by column."""

    def __init__(self) -> None:
        self.kinds = bytearray()
        self.bits = array("Q")

    def push(self, cell: Cell) -> None:
        """Adds one."""
        self.kinds.append(cell.kind)
        self.bits.append(cell.bits)

    def pop(self) -> None:
        """Takes the last away."""
        self.kinds.pop()
        self.bits.pop()
