"""What a plugin may call: the host's log and counters. Natively both are recorded, for tests to look at."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

_host_log: Any
_host_counters: Any
try:
    from wit_world.imports import counters as _host_counters  # type: ignore[import-not-found, no-redef, unused-ignore]
    from wit_world.imports import log as _host_log  # type: ignore[no-redef, unused-ignore]
except ImportError:
    _host_log = _host_counters = None


class Level(IntEnum):
    """How grave a log line is."""

    DEBUG = 0
    INFO = 1
    WARN = 2
    ERROR = 3


class Recorded:
    """What was logged and counted natively."""

    def __init__(self) -> None:
        self.logs: list[tuple[Level, str]] = []
        self.counts: dict[str, int] = {}


recorded = Recorded()


def take_recorded() -> Recorded:
    """What was recorded since the last call."""
    global recorded
    taken, recorded = recorded, Recorded()
    return taken


def log(level: Level, message: str) -> None:
    """Writes to the host's log, with the plugin's id. No attribute value may stand in the message."""
    if _host_log is None:
        recorded.logs.append((level, message))
    else:
        _host_log.log(level, message)


def count(name: str, delta: int) -> None:
    """Adds to a counter; `Contract.counter` declares them."""
    if _host_counters is None:
        recorded.counts[name] = recorded.counts.get(name, 0) + delta
    else:
        _host_counters.count(name, delta)
