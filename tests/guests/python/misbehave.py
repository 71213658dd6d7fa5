"""A processor that misbehaves two calls deep, as its settings say: a host's log must name this file and the line."""

from dataclasses import dataclass
from typing import Literal, Self

import spanmill_sdk
from spanmill_sdk import Batch, Contract, Outcome

How = Literal["throw", "loop", "leak"]


@dataclass
class Settings:
    """The component's section of the manifest."""

    how: How


class Misbehave(spanmill_sdk.Processor):
    """The plugin."""

    settings = Settings

    def __init__(self, how: How) -> None:
        self.how = how

    @classmethod
    def configure(cls, settings: Settings, contract: Contract) -> Self:
        """Reads a field, so that batches come."""
        contract.read_text("span.name")
        return cls(settings.how)

    def process(self, batch: Batch, outcome: Outcome) -> None:
        """Misbehaves."""
        prepare(self.how)


def prepare(how: How) -> None:
    """One call deep."""
    misbehave(how)


def misbehave(how: How) -> None:
    """Two calls deep."""
    kept = []
    while how == "loop":
        pass
    while how == "leak":
        kept.append(bytes(1 << 20))
    raise RuntimeError("misbehaving as asked")


Processor = spanmill_sdk.processor(Misbehave)
