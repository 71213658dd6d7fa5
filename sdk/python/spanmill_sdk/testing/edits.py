"""Checks what a processor answered against the contract, and applies it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from .. import wire
from ..fields import Context
from ..values import ABSENT, BOOL, INT, Value
from .host import Host, Path, Pool, Rows, attributes_of, rows_of
from .items import Telemetry


def _numbers(data: bytes) -> list[int]:
    return list(memoryview(data).cast("I"))


def _increasing(numbers: list[int], below: int, what: str) -> list[int]:
    assert all(one < next for one, next in zip(numbers, numbers[1:])), f"{what} are not strictly increasing"
    assert not numbers or numbers[-1] < below, f"{what} go beyond the {below} that there are"
    return numbers


def _values(pool: Pool, cells: wire.Cells, count: int, may_be_one: bool) -> Iterator[tuple[int, Value]]:
    bits = list(memoryview(cells.bits).cast("Q"))
    assert len(bits) == len(cells.kinds), "kinds and bits are not of one length"
    found = [(kind, pool.value(kind, one)) for kind, one in zip(cells.kinds, bits)]
    if may_be_one and len(found) == 1:
        found *= count
    assert len(found) == count, f"{len(found)} values for {count} places"
    return iter(found)


class Applied:
    """What a processor made of telemetry."""

    def __init__(self, host: Host, telemetry: Telemetry, pool: Pool, outcome: wire.Outcome) -> None:
        self.host = host
        self.pool = pool
        self.left = copy.deepcopy(telemetry)
        self.held: list[tuple[Any, Any, Any]] = []
        self.dropped: dict[Context, list[int]] = {}
        self.tables = rows_of(self.left)
        pool.take(outcome.texts)
        entries = {number: self._entries(path) for number, path in enumerate(host.writes) if path.kind == "attributes"}
        for replacement in outcome.replacements:
            self._replace(replacement)
        for write in outcome.entry_writes:
            owners = entries[write.field]
            places = _increasing(_numbers(write.entries), len(owners), "entries")
            for place, (kind, value) in zip(places, _values(pool, write.values, len(places), False)):
                assert kind, "an entry is never absent"
                owners[place][0][owners[place][1]] = value
        for removal in outcome.removals:
            owners = entries[removal.field]
            for place in _increasing(_numbers(removal.entries), len(owners), "entries"):
                owners[place][0].pop(owners[place][1])
        for one in outcome.writes:
            self._write(one)
        for append in outcome.appends:
            self._append(append)
        self._judge(outcome.verdicts)

    def _path(self, field: int) -> tuple[Path, Rows]:
        assert field < len(self.host.writes), f"field {field} was not declared"
        path = self.host.writes[field]
        return path, self.tables.get(path.context, Rows())

    def _entries(self, path: Path) -> list[tuple[dict[str, Any], str]]:
        nodes = self.tables.get(path.context, Rows()).nodes
        return [(found, key) for node in nodes for found in (attributes_of(path.context, node),) for key in found]

    def _replace(self, replacement: wire.Replacement) -> None:
        path, rows = self._path(replacement.field)
        assert path in self.host.reads, "what texts are replaced in must also be read"
        old, new = _numbers(replacement.old), _numbers(replacement.new)
        assert len(set(old)) == len(old) == len(new), "each text is replaced once, by one"
        texts = {self.pool.text(one).decode(): self.pool.text(other).decode() for one, other in zip(old, new)}
        for node in rows.nodes:
            if path.kind in ("attribute", "attributes"):
                found = attributes_of(path.context, node)
                for key in [path.name] if path.kind == "attribute" else list(found):
                    if isinstance(found.get(key), str):
                        found[key] = texts.get(found[key], found[key])
            elif isinstance(getattr(node, path.name), str):
                text = getattr(node, path.name)
                setattr(node, path.name, texts.get(text, text))

    def _write(self, write: wire.Write) -> None:
        path, rows = self._path(write.field)
        assert path.kind != "attributes", "a whole attribute list takes no writes"
        places = _increasing(_numbers(write.rows), len(rows.nodes), "rows") or list(range(len(rows.nodes)))
        for place, (kind, value) in zip(places, _values(self.pool, write.values, len(places), True)):
            node = rows.nodes[place]
            if path.kind == "attribute":
                found = attributes_of(path.context, node)
                if value is ABSENT:
                    found.pop(path.name, None)
                else:
                    found[path.name] = value
                continue
            if path.kind == "text":
                assert kind in (0, 1), "a text field takes texts"
                value = "" if value is ABSENT else value
            elif path.kind in ("narrow", "wide"):
                assert kind == INT and kind != BOOL, f"a {path.kind} field takes ints"
                value = int(value) & 0xFFFFFFFFFFFFFFFF  # type: ignore[arg-type]
                assert path.kind == "wide" or value < 1 << 32, "a narrow field has 32 bits"
            setattr(node, path.name, value)

    def _append(self, append: wire.Append) -> None:
        path, rows = self._path(append.field)
        assert path.kind == "attributes", "appends are for whole attribute lists"
        places, keys = _numbers(append.rows), _numbers(append.keys)
        assert places == sorted(places) and len(places) == len(keys), "rows of appends never decrease; each has a key"
        assert not places or places[-1] < len(rows.nodes), "an append is for a row that is not there"
        for place, key, (kind, value) in zip(places, keys, _values(self.pool, append.values, len(places), False)):
            assert kind, "an entry is never absent"
            found, name = (attributes_of(path.context, rows.nodes[place]), self.pool.text(key).decode())
            assert name not in found, "an appended key is there already"
            found[name] = value

    def _judge(self, verdicts: list[wire.Verdicts]) -> None:
        gone: set[int] = set()
        emptied = self.dropped
        for one in verdicts:
            context = Context(one.context)
            assert context not in emptied, f"two lists of verdicts on {context.prefix}"
            assert context not in (Context.RESOURCE, Context.SCOPE), f"a {context.prefix} takes no verdict"
            nodes = self.tables[context].nodes
            assert len(one.rows) in (0, len(nodes)), f"{len(one.rows)} verdicts for {len(nodes)} rows"
            emptied[context] = [row for row, verdict in enumerate(one.rows) if verdict == 1]
            for node, verdict in zip(nodes, one.rows):
                assert verdict in (0, 1, 2), f"there is no verdict {verdict}"
                if verdict == 2:
                    assert self.host.holds, "only a plugin that exports `ticker` may hold"
                    assert context in (Context.SPAN, Context.LOG) and node.trace_id, "what is held has a trace id"
                    self._hold(node)
                if verdict:
                    gone.add(id(node))
        if gone:
            self._prune(gone)

    def _hold(self, node: Any) -> None:
        for resource in self.left.resources:
            for scope in resource.scopes:
                if any(one is node for one in scope.items):
                    self.held.append((resource, scope, node))

    def _prune(self, gone: set[int]) -> None:
        for resource in self.left.resources:
            for scope in resource.scopes:
                for item in scope.items:
                    for name in ("events", "links", "data_points"):
                        if hasattr(item, name):
                            kept = [one for one in getattr(item, name) if id(one) not in gone]
                            if not kept and name == "data_points" and item.data_points:
                                gone.add(id(item))
                            setattr(item, name, kept)
                scope.items = [item for item in scope.items if id(item) not in gone]
            resource.scopes = [scope for scope in resource.scopes if scope.items]
        self.left.resources = [resource for resource in self.left.resources if resource.scopes]
