"""How a plugin says no."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """One mistake in the settings."""

    path: str
    """JSON pointer to the place, `/actions/0/key`; empty: the whole."""
    message: str
    """What is wrong and what to do, in lower case."""


class ConfigError(Exception):
    """The settings are wrong: every mistake, not just the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(f"{path}: {message}" if path else message for path, message in self.problems))

    @classmethod
    def at(cls, path: str, message: str) -> ConfigError:
        """One mistake at one place."""
        return cls([Problem(path, message)])


class Unavailable(Exception):
    """The plugin cannot run here, whatever the settings."""


class BatchError(Exception):
    """This batch cannot be processed; the next may be. No attribute value may stand in the message."""


class StateError(Exception):
    """The plugin's own state is broken: the host makes a new instance. No attribute value may stand in the message."""


class NotConfigured(Exception):
    """`process` was called without a successful `configure`."""


class UnknownFormat(Exception):
    """A saved state of a layout that this version does not know."""


class BadState(Exception):
    """A saved state that does not have its layout. No attribute value may stand in the message."""


class Problems:
    """Collects mistakes, so that a user sees them all at once."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def push(self, path: str, message: str) -> None:
        """Notes a mistake: JSON pointer to the place, and what to do."""
        self.found.append(Problem(path, message))

    def check(self) -> None:
        """Raises `ConfigError` if anything was noted."""
        if self.found:
            raise ConfigError(self.found)


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that a misspelt name most likely means: at most two letters or a third of them differ."""
    limit = max(len(name) // 3, 2 if len(name) > 3 else 1)
    near = [(_distance(name.lower(), known.lower()), place, known) for place, known in enumerate(candidates)]
    best = min(near, default=None)
    return best[2] if best is not None and best[0] <= limit else None


def _distance(left: str, right: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(right) + 1))
    for line, one in enumerate(left):
        diagonal, row[0] = row[0], line + 1
        for place, other in enumerate(right):
            above = row[place + 1]
            row[place + 1] = min(diagonal + (one != other), above + 1, row[place] + 1)
            diagonal = above
    return row[-1]
