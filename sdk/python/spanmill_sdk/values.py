"""Values of attributes and bodies."""

from __future__ import annotations

import struct
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

from . import nested


class _Nothing(Enum):
    ABSENT = "absent"
    EMPTY = "empty"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return self.name


#: Nothing is there. Written: removes an attribute or a body, clears a text.
ABSENT = _Nothing.ABSENT
#: An attribute or a body that is there without a value.
EMPTY = _Nothing.EMPTY

#: A value as plugins see it: lists are arrays, dicts maps.
Value: TypeAlias = "_Nothing | str | bool | int | float | bytes | list[Any] | dict[str, Any]"


class Kind:
    """The kinds of cells, as the contract numbers them."""

    ABSENT, TEXT, BOOL, INT, DOUBLE, BYTES, ARRAY, MAP, EMPTY = range(9)


TEXT, BOOL, INT, DOUBLE, BYTES, ARRAY, MAP, NO_VALUE = range(1, 9)


class Cell(NamedTuple):
    """A value as it stands in a column: the contract's kind and bits."""

    kind: int
    bits: int

    @classmethod
    def text(cls, index: int) -> Cell:
        """A text of the batch, or a new one, by its index."""
        return cls(TEXT, index)


_INT = struct.Struct("<q")
_DOUBLE = struct.Struct("<d")
_BITS = struct.Struct("<Q")


def number_cell(value: bool | int | float) -> Cell:
    """The cell of a number or a bool."""
    if isinstance(value, bool):
        return Cell(BOOL, int(value))
    if isinstance(value, int):
        return Cell(INT, value & 0xFFFFFFFFFFFFFFFF)
    return Cell(DOUBLE, _BITS.unpack(_DOUBLE.pack(value))[0])


def int_of(bits: int) -> int:
    """The integer that bits stand for."""
    value: int = _INT.unpack(_BITS.pack(bits))[0]
    return value


def double_of(bits: int) -> float:
    """The double that bits stand for."""
    value: float = _DOUBLE.unpack(_BITS.pack(bits))[0]
    return value


def decoded(kind: int, data: bytes) -> Value:
    """The value of a cell that refers to a text of the pool."""
    if kind == TEXT:
        return data.decode()
    if kind == ARRAY:
        return nested.array(data)
    return nested.mapping(data) if kind == MAP else data


def encoded(value: str | bytes | list[Any] | dict[str, Any]) -> tuple[int, bytes]:
    """The kind of a value that refers to a text of the pool, and the text."""
    if isinstance(value, str):
        return TEXT, value.encode()
    if isinstance(value, bytes):
        return BYTES, value
    return (ARRAY, nested.encode_array(value)) if isinstance(value, list) else (MAP, nested.encode_mapping(value))
