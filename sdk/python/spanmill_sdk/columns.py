"""Columns of numbers as bytes, and questions asked of whole columns at once."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Literal, TypeAlias

#: Numbers of a column: an `array`-like view that copies nothing.
Numbers: TypeAlias = "memoryview[int]"

#: The pool index that stands for "no text".
ABSENT_INDEX = 0xFFFFFFFF

_ROW = range(256)
_EQUALS = [bytes(255 if byte == wanted else 0 for byte in _ROW) for wanted in _ROW]


def view(numbers: bytes, code: Literal["I", "Q"]) -> Numbers:
    """The numbers in bytes: `I` for 32 bits, `Q` for 64."""
    return memoryview(numbers).cast(code)


def packed(numbers: Sequence[int] | Sequence[float] | bytes, code: str) -> bytes:
    """Numbers as bytes."""
    return numbers if isinstance(numbers, bytes) else array(code, numbers).tobytes()


def gather(indices: bytes, table: bytes) -> bytes:
    """`table[index]` for each index, and 0 for an index beyond it, without a Python number for each.

    It works on all low bytes at once, then, where there are more than 255 indices, on those of each high byte whose part
    of the table has anything in it.
    """
    low = indices[::4]
    size = len(table)
    if size < 256:
        # 255 is in no such table: it is the low byte of an absent text.
        return low.translate(table.ljust(256, b"\0"))
    if size > 0xFFFF:
        numbers = view(indices, "I")
        return bytes([table[index] if index < size else 0 for index in numbers])
    high = indices[1::4]
    found = 0
    for block in range(0, size, 256):
        part = table[block : block + 256]
        if part.strip(b"\0"):
            inside = int.from_bytes(high.translate(_EQUALS[block >> 8]), "little")
            found |= inside & int.from_bytes(low.translate(part.ljust(256, b"\0")), "little")
    return found.to_bytes(len(low), "little")


def occurring(indices: bytes, size: int) -> list[int]:
    """The indices below `size` that occur."""
    low = indices[::4]
    if size < 256:
        return [index for index in range(size) if index in low]
    return sorted(index for index in set(view(indices, "I")) if index < size)
