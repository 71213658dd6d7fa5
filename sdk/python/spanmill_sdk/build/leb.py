"""LEB128, and the sections of WebAssembly binaries."""

from __future__ import annotations

from collections.abc import Iterator


def unsigned(number: int) -> bytes:
    """An unsigned number, encoded."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def signed(number: int) -> bytes:
    """A signed number, encoded."""
    out = bytearray()
    while not -0x40 <= number < 0x40:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number & 0x7F)
    return bytes(out)


class Reader:
    """Reads a binary from front to back."""

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end

    def byte(self) -> int:
        """One byte."""
        self.at += 1
        return self.data[self.at - 1]

    def unsigned(self) -> int:
        """An unsigned LEB128 number."""
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    def signed(self) -> int:
        """A signed LEB128 number."""
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number - (1 << shift) if byte & 0x40 else number

    def name(self) -> str:
        """A name with its length before it."""
        length = self.unsigned()
        self.at += length
        return self.data[self.at - length : self.at].decode()


def sections(data: bytes, at: int = 8) -> Iterator[tuple[int, int, int, int]]:
    """The sections of a module or component: id, where its head starts, where its content starts, where it ends."""
    reader = Reader(data, at)
    while reader.at < len(data):
        head = reader.at
        kind = reader.byte()
        length = reader.unsigned()
        yield kind, head, reader.at, reader.at + length
        reader.at += length
