"""Parts of the SDK by themselves."""

from array import array
from dataclasses import dataclass, field
from typing import Literal

import pytest
from spanmill_sdk import ConfigError, Problems, closest, gather, parse_settings, schema
from spanmill_sdk.build.code import instructions
from spanmill_sdk.build.leb import Reader, signed, unsigned
from spanmill_sdk.build.rawlists import UnknownGlue, lists_as_bytes
from spanmill_sdk.nested import array as decode_array
from spanmill_sdk.nested import encode_array, encode_mapping, mapping


@dataclass
class Inner:
    """A mapping inside."""

    level: Literal["low", "high"]
    ratio: float = 0.5


@dataclass
class Outer:
    """Settings of every kind."""

    names: list[str]
    inner: Inner | None = None
    by_name: dict[str, int] = field(default_factory=dict)

    def check(self, problems: Problems) -> None:
        if not self.names:
            problems.push("/names", "must not be empty")


def mistakes(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        parse_settings(Outer, text)
    return str(error.value)


def test_settings_are_typed() -> None:
    given = parse_settings(Outer, '{"names": ["a"], "inner": {"level": "low", "ratio": 1}, "by_name": {"x": 3}}')
    assert given == Outer(["a"], Inner("low", 1.0), {"x": 3})


def test_every_mistake_is_told_with_its_place() -> None:
    assert mistakes("{") == "must be JSON"
    assert mistakes("null") == "`names` is missing"
    assert mistakes('{"names": []}') == "/names: must not be empty"
    assert mistakes('{"names": [1, true], "inner": {"levle": "hihg"}, "by_name": {"a/b": "x"}}') == (
        "/names/0: must be a text; /names/1: must be a text; "
        "/inner/levle: unknown key; did you mean `level`?; /inner: `level` is missing; "
        "/by_name/a~1b: must be a whole number"
    )
    assert mistakes('{"names": ["a"], "inner": {"level": "hihg"}}') == (
        "/inner/level: must be one of `low`, `high`; did you mean `high`?"
    )


def test_the_schema_follows_from_the_settings() -> None:
    found = schema(Outer)
    assert found["required"] == ["names"]
    assert found["properties"]["inner"]["anyOf"][0]["properties"]["ratio"] == {"type": "number", "default": 0.5}


def test_the_closest_name_is_found() -> None:
    assert closest("endpont", ["timeout", "endpoint"]) == "endpoint"
    assert closest("xyz", ["timeout"]) is None


@pytest.mark.parametrize("size", [0, 3, 255, 256, 1000, 70_000])
def test_gather_looks_every_index_up(size: int) -> None:
    table = bytes((index * 7) % 11 for index in range(size))
    indices = [index for index in (0, 1, 2, 254, 255, 256, 511, 999, 65_535, 65_536, 69_999) if index < size]
    indices += [0xFFFFFFFF, *indices]
    found = gather(array("I", indices).tobytes(), table)
    assert list(found) == [table[index] if index < size else 0 for index in indices]


def test_nested_values_go_there_and_back() -> None:
    value = {"a": [1, -2, 1.5, True, "é", None, b"\1"], "b": {"c": []}}
    assert mapping(encode_mapping(value)) == value
    assert decode_array(encode_array([value])) == [value]


def test_numbers_are_encoded_as_wasm_does() -> None:
    for number in (0, 1, 63, 64, 127, 128, 300, 1 << 31):
        assert Reader(unsigned(number)).unsigned() == number
        for either in (number, -number):
            assert Reader(signed(either)).signed() == either


def test_code_is_split_into_instructions() -> None:
    # No locals; i32.const 300; local.get 1; call 5; end.
    body = bytes([0, 0x41, *signed(300), 0x20, 1, 0x10, 5, 0x0B])
    assert [(step.opcode, step.operand) for step in instructions(body)] == [
        (0x41, 300),
        (0x20, 1),
        (0x10, 5),
        (0x0B, 0),
    ]


def test_other_glue_is_refused() -> None:
    with pytest.raises(UnknownGlue):
        lists_as_bytes(b"\0asm\x0d\0\1\0")
