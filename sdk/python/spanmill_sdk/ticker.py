"""What becomes of held rows."""

from __future__ import annotations

from enum import IntEnum

from . import wire
from .columns import packed


class Decision(IntEnum):
    """What becomes of the rows that are held of a trace."""

    RELEASE = 0
    DROP = 1


class Decisions:
    """What becomes of traces of which rows are held. Those not named stay held. Name each once; ids are ints of 128 bits."""

    def __init__(self) -> None:
        self._decided: list[tuple[int, Decision]] = []
        self._review: list[int] = []

    def release(self, trace_id: int) -> None:
        """The rows held of a trace go on to the next stage."""
        self._decided.append((trace_id, Decision.RELEASE))

    def drop(self, trace_id: int) -> None:
        """The rows held of a trace are dropped."""
        self._decided.append((trace_id, Decision.DROP))

    def review(self, trace_id: int) -> None:
        """The rows held of a trace are shown again, by `review`."""
        self._review.append(trace_id)

    def wire(self) -> wire.Decisions:
        """What crosses."""
        decisions = [decision for _, decision in self._decided]
        return wire.Decisions(_words([trace for trace, _ in self._decided]), decisions, _words(self._review))


def _words(trace_ids: list[int]) -> bytes:
    return packed([word for trace in trace_ids for word in (trace >> 64, trace & 0xFFFFFFFFFFFFFFFF)], "Q")
