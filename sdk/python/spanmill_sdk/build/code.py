"""Splits the body of a function into its instructions."""

from __future__ import annotations

from typing import NamedTuple

from .leb import Reader


class Instruction(NamedTuple):
    """One instruction, and where it stands in the body."""

    opcode: int
    operand: int
    """Its first number; 0 without one."""
    start: int
    end: int


_BLOCKS = {0x02, 0x03, 0x04}
_ONE_NUMBER = {0x0C, 0x0D, 0x10, *range(0x20, 0x27), 0x3F, 0x40, 0xD2}
_LOADS_AND_STORES = range(0x28, 0x3F)


def instructions(body: bytes) -> list[Instruction]:
    """The instructions of a function's body, locals left out."""
    reader = Reader(body)
    for _ in range(reader.unsigned()):
        reader.unsigned()
        reader.byte()
    found = []
    while reader.at < len(body):
        start = reader.at
        opcode = reader.byte()
        found.append(Instruction(opcode, _operands(reader, opcode), start, reader.at))
    return found


def _operands(reader: Reader, opcode: int) -> int:
    if opcode in _BLOCKS or opcode in (0x41, 0x42):
        return reader.signed()
    if opcode in _ONE_NUMBER:
        return reader.unsigned()
    if opcode in _LOADS_AND_STORES or opcode == 0x11:
        first = reader.unsigned()
        reader.unsigned()
        return first
    if opcode == 0x0E:
        count = reader.unsigned()
        for _ in range(count + 1):
            reader.unsigned()
        return count
    if opcode == 0x43:
        reader.at += 4
    elif opcode == 0x44:
        reader.at += 8
    elif opcode == 0xFC:
        which = reader.unsigned()
        for _ in range(2 if which in (8, 10, 12, 14) else 1 if which > 7 else 0):
            reader.unsigned()
    elif opcode in (0x1C, 0x25, 0x26, 0xFB, 0xFD, 0xFE):
        raise ValueError(f"opcode {opcode:#x} is not one that glue has")
    return 0
