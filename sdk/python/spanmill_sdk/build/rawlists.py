"""Lets lists of numbers cross as bytes.

componentize-py makes a Python int of every number in a `list<u32>`, `list<u64>` or `list<f64>`, some 200 ns each, but
copies a `list<u8>` into a `bytes` at once. In the glue that it generates, each list type has a number, and
what happens to a list depends on that number alone. So wherever the glue hands over a list of numbers, this puts the
number of `list<u8>` in its place, and scales the length. The component's own types stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .code import Instruction, instructions
from .leb import Reader, sections, signed, unsigned

_CORE_MODULE = 1
_IMPORTS, _CODE = 2, 10
_CALL, _LOCAL_GET, _I32_CONST, _I32_ADD, _I32_MUL, _I32_SHR_U = 0x10, 0x20, 0x41, 0x6A, 0x6C, 0x76

_PUSH = "wit_dylib_push_list"
_POP = "wit_dylib_pop_list"
#: How many bytes a number has, by the intrinsic that would push or pop one.
_WIDTHS = {
    f"wit_dylib_{verb}_{kind}": width
    for verb in ("push", "pop")
    for kind, width in (("u8", 1), ("u32", 4), ("u64", 8), ("f64", 8))
}


class UnknownGlue(Exception):
    """The component does not look as this version of componentize-py makes them."""


@dataclass
class _Site:
    """A call that hands a list over."""

    at: int
    """Index of the call among the instructions."""
    const: int
    """Index of the instruction that gives the list's type."""
    width: int


@dataclass
class _Found:
    sites: dict[int, list[_Site]] = field(default_factory=dict)
    """By function."""
    bytes_type: int | None = None
    """The number of `list<u8>`."""


def lists_as_bytes(component: bytes) -> bytes:
    """The component with lists of numbers crossing as bytes."""
    out = bytearray(component[:8])
    changed = 0
    for kind, head, start, end in sections(component):
        if kind == _CORE_MODULE and _PUSH.encode() in component[start:end]:
            module = component[start:end]
            imported = _imports(module)
            if _PUSH in imported.values():
                module = _rewritten(module, imported)
                changed += 1
                out += bytes([kind]) + unsigned(len(module)) + module
                continue
        out += component[head:end]
    if changed != 1:
        raise UnknownGlue(f"{changed} modules import {_PUSH}, not 1")
    return bytes(out)


def _imports(module: bytes) -> dict[int, str]:
    """The functions that a module imports, by index."""
    names: dict[int, str] = {}
    for kind, _, start, _ in sections(module):
        if kind != _IMPORTS:
            continue
        reader = Reader(module, start)
        for _ in range(reader.unsigned()):
            reader.name()
            name = reader.name()
            what = reader.byte()
            if what == 0:
                reader.unsigned()
                names[len(names)] = name
            elif what == 1:
                reader.byte()
                _limits(reader)
            elif what == 2:
                _limits(reader)
            elif what == 3:
                reader.byte()
                reader.byte()
            else:
                raise UnknownGlue(f"an import of kind {what}")
    return names


def _limits(reader: Reader) -> None:
    if reader.byte() & 1:
        reader.unsigned()
    reader.unsigned()


def _rewritten(module: bytes, imported: dict[int, str]) -> bytes:
    out = bytearray(module[:8])
    for kind, head, start, end in sections(module):
        if kind != _CODE:
            out += module[head:end]
            continue
        bodies = _bodies(module, start)
        decoded = [instructions(body) for body in bodies]
        found = _find(decoded, imported)
        if found.bytes_type is None or not found.sites:
            raise UnknownGlue("no list crosses in it")
        code = bytearray(unsigned(len(bodies)))
        for place, body in enumerate(bodies):
            sites = found.sites.get(place)
            if sites:
                body = _patched(body, decoded[place], sites, imported, found.bytes_type)
            code += unsigned(len(body)) + body
        out += bytes([kind]) + unsigned(len(code)) + code
    return bytes(out)


def _bodies(module: bytes, start: int) -> list[bytes]:
    reader = Reader(module, start)
    bodies = []
    for _ in range(reader.unsigned()):
        length = reader.unsigned()
        bodies.append(module[reader.at : reader.at + length])
        reader.at += length
    return bodies


def _find(functions: list[list[Instruction]], imported: dict[int, str]) -> _Found:
    """Every place where a list of numbers is handed over."""
    found = _Found()
    for place, code in enumerate(functions):
        calls = [(at, imported.get(step.operand)) for at, step in enumerate(code) if step.opcode == _CALL]
        for number, (at, name) in enumerate(calls):
            later = [called for _, called in calls[number + 1 : number + 5]]
            width = None
            if name == _PUSH and later[1:2] == ["wit_dylib_list_append"]:
                width = _WIDTHS.get(later[0] or "")
            elif name == _POP and "wit_dylib_pop_iter_next" in later[:3]:
                width = _WIDTHS.get(later[later.index("wit_dylib_pop_iter_next") + 1] or "")
            if width is None:
                continue
            const = _type_of_list(code, at, name)
            if width == 1:
                found.bytes_type = code[const].operand
            else:
                found.sites.setdefault(place, []).append(_Site(at, const, width))
    return found


def _type_of_list(code: list[Instruction], call: int, name: str | None) -> int:
    """Where the type of the list stands that a call hands over.

    The arguments begin with the context, a local, and the type, a constant. Those behind them are two locals or loads,
    for a push, or an address in the stack's frame, for a pop.
    """
    if name == _POP:
        at = call - (4 if code[call - 1].opcode == _I32_ADD else 2)
    else:
        at = next((back for back in range(call - 1, 0, -1) if code[back].opcode == _I32_CONST), 0)
    if code[at].opcode != _I32_CONST or code[at - 1].opcode != _LOCAL_GET:
        raise UnknownGlue(f"the arguments of {name} stand in another order")
    return at


def _patched(
    body: bytes, code: list[Instruction], sites: list[_Site], imported: dict[int, str], bytes_type: int
) -> bytes:
    edits: list[tuple[int, int, bytes]] = []
    for site in sites:
        const, call = code[site.const], code[site.at]
        edits.append((const.start, const.end, bytes([_I32_CONST]) + signed(bytes_type)))
        if imported[call.operand] == _PUSH:
            scale = bytes([_I32_CONST]) + signed(site.width) + bytes([_I32_MUL])
            edits.append((call.start, call.start, scale))
        else:
            shift = site.width.bit_length() - 1
            edits.append((call.end, call.end, bytes([_I32_CONST]) + signed(shift) + bytes([_I32_SHR_U])))
    out = bytearray()
    at = 0
    for start, end, text in sorted(edits):
        out += body[at:start] + text
        at = end
    return bytes(out + body[at:])
