"""Arrays and maps, which cross in OTLP's encoding: `ArrayValue` and `KeyValueList`."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_DOUBLE = struct.Struct("<d")


def array(data: bytes) -> list[Any]:
    """An encoded `ArrayValue` as a list; entries without a value are None."""
    return [_value(part) for number, part in _fields(data) if number == 1 and isinstance(part, bytes)]


def mapping(data: bytes) -> dict[str, Any]:
    """An encoded `KeyValueList` as a dict; entries without a value are None."""
    found: dict[str, Any] = {}
    for number, entry in _fields(data):
        if number == 1 and isinstance(entry, bytes):
            parts = dict(_fields(entry))
            key, value = parts.get(1, b""), parts.get(2, b"")
            if isinstance(key, bytes) and isinstance(value, bytes):
                found.setdefault(key.decode(errors="replace"), _value(value))
    return found


def _value(data: bytes) -> Any:
    value: Any = None
    for number, part in _fields(data):
        if number == 1 and isinstance(part, bytes):
            value = part.decode(errors="replace")
        elif number == 2:
            value = bool(part)
        elif number == 3 and isinstance(part, int):
            value = part - (1 << 64) if part >> 63 else part
        elif number == 4 and isinstance(part, bytes):
            value = _DOUBLE.unpack(part)[0]
        elif number == 5 and isinstance(part, bytes):
            value = array(part)
        elif number == 6 and isinstance(part, bytes):
            value = mapping(part)
        elif number == 7:
            value = part
    return value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, at


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            number, at = _varint(data, at)
            yield tag >> 3, number
            continue
        if kind == 2:
            length, at = _varint(data, at)
        else:
            length = 8 if kind == 1 else 4
        yield tag >> 3, data[at : at + length]
        at += length


def encode_array(items: Sequence[Any]) -> bytes:
    """A list as an `ArrayValue`."""
    return b"".join(_part(1, _encoded(item)) for item in items)


def encode_mapping(entries: Mapping[str, Any]) -> bytes:
    """A dict as a `KeyValueList`."""
    return b"".join(_part(1, _part(1, key.encode()) + _part(2, _encoded(value))) for key, value in entries.items())


def _number(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _part(number: int, data: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(data)) + data


def _encoded(value: Any) -> bytes:
    if isinstance(value, str):
        return _part(1, value.encode())
    if isinstance(value, bool):
        return b"\x10" + _number(value)
    if isinstance(value, int):
        return b"\x18" + _number(value & 0xFFFFFFFFFFFFFFFF)
    if isinstance(value, float):
        return b"\x21" + _DOUBLE.pack(value)
    if isinstance(value, (list, tuple)):
        return _part(5, encode_array(value))
    if isinstance(value, dict):
        return _part(6, encode_mapping(value))
    return _part(7, value) if isinstance(value, bytes) else b""
