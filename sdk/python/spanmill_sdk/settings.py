"""Settings read as what a plugin wants, and their JSON Schema."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from typing import Any, Literal, TypeVar, Union

from .errors import ConfigError, Problems, closest

T = TypeVar("T")

_NAMES = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
_SCHEMA = {str: "string", bool: "boolean", int: "integer", float: "number"}


def parse_settings(kind: type[T], text: str) -> T:
    """Reads settings, a JSON object, as a dataclass; `null`, which an empty YAML section becomes, is an empty object.

    Fields may be `str`, `bool`, `int`, `float`, `list[...]`, `dict[str, ...]`, `Literal[...]`, `... | None` and
    dataclasses. Where the dataclass has a method `check(self, problems)`, it is called to find what types cannot say.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except ValueError:
        raise ConfigError.at("", "must be JSON") from None
    problems = Problems()
    settings = _read(kind, {} if value is None else value, "", problems)
    check = getattr(settings, "check", None)
    if not problems.found and callable(check):
        check(problems)
    problems.check()
    return typing.cast(T, settings)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _union(kind: Any) -> tuple[Any, ...] | None:
    return typing.get_args(kind) if typing.get_origin(kind) in (Union, types.UnionType) else None


def _read(kind: Any, value: Any, path: str, problems: Problems) -> Any:
    if (cases := _union(kind)) is not None:
        if value is None and type(None) in cases:
            return None
        return _read(next(case for case in cases if case is not type(None)), value, path, problems)
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _read_object(kind, value, path, problems)
    if origin is list:
        if not isinstance(value, list):
            return problems.push(path, "must be a list")
        (item,) = typing.get_args(kind)
        return [_read(item, one, f"{path}/{place}", problems) for place, one in enumerate(value)]
    if origin is dict:
        if not isinstance(value, dict):
            return problems.push(path, "must be a mapping")
        item = typing.get_args(kind)[1]
        return {key: _read(item, one, path + _pointer(key), problems) for key, one in value.items()}
    if origin is Literal:
        allowed = typing.get_args(kind)
        if value not in allowed:
            meant = closest(value, allowed) if isinstance(value, str) else None
            hint = f"; did you mean `{meant}`?" if meant else ""
            problems.push(path, f"must be one of {', '.join(f'`{one}`' for one in allowed)}{hint}")
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is not Any and (not isinstance(value, kind) or isinstance(value, bool) and kind is not bool):
        problems.push(path, f"must be {_NAMES[kind]}")
    return value


def _read_object(kind: Any, value: Any, path: str, problems: Problems) -> Any:
    if not isinstance(value, dict):
        return problems.push(path, "must be a mapping")
    before = len(problems.found)
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key in value:
        if key not in fields:
            meant = closest(key, fields)
            hint = f"; did you mean `{meant}`?" if meant else "; take it out"
            problems.push(path + _pointer(key), f"unknown key{hint}")
    given = {}
    for name, field in fields.items():
        if name in value:
            given[name] = _read(hints[name], value[name], path + _pointer(name), problems)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            problems.push(path, f"`{name}` is missing")
    return kind(**given) if len(problems.found) == before else None


def schema(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a settings dataclass."""
    if (cases := _union(kind)) is not None:
        inner = schema(next(case for case in cases if case is not type(None)))
        return {"anyOf": [inner, {"type": "null"}]}
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        properties, required = {}, []
        for field in dataclasses.fields(kind):
            properties[field.name] = schema(hints[field.name])
            default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
            if default is dataclasses.MISSING:
                required.append(field.name)
            elif default is not None and not dataclasses.is_dataclass(default):
                properties[field.name]["default"] = default
        found = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**found, "required": required} if required else found
    if origin is list:
        return {"type": "array", "items": schema(typing.get_args(kind)[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema(typing.get_args(kind)[1])}
    if origin is Literal:
        return {"enum": list(typing.get_args(kind))}
    return {"type": _SCHEMA[kind]} if kind in _SCHEMA else {}
