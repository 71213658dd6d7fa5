"""What routers know and answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from . import wire
from .batch import Batch
from .columns import packed
from .fields import Context, Signal


class Pipelines:
    """The pipelines that a router may send to. A set of them is an int with a bit for each; 0 is none."""

    def __init__(self, signal: Signal, names: Sequence[str]) -> None:
        self.signal = signal
        self.names = list(names)

    def find(self, name: str) -> int | None:
        """One of them, as a set of one; None if there is none of this name."""
        return 1 << self.names.index(name) if name in self.names else None


class Routes:
    """Where the rows of one batch go. At first nowhere."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._context = Context.RESOURCE
        self._sets: Sequence[int] = [0]

    def send_all(self, to: int) -> None:
        """Sends all rows to the same pipelines."""
        self._context, self._sets = Context.RESOURCE, [to]

    def send_each(self, context: Context, to: Iterable[int]) -> None:
        """Sends each row of a context, with what is below it, to pipelines of its own. The last call counts.

        `to` has one set for each row; further ones are left out, and rows without one go nowhere.
        """
        rows = self._batch.rows(context)
        sets = list(to)[:rows]
        self._context, self._sets = context, sets + [0] * (rows - len(sets))

    def wire(self) -> wire.Routes:
        """What crosses."""
        return wire.Routes(self._context, packed(self._sets, "Q"))
