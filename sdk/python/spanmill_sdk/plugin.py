"""The classes that plugins derive from.

`settings` is a dataclass, read from the component's section of the manifest; `configure` finds what it cannot say, and
raises `ConfigError` or `Unavailable`. `process` raises `BatchError` or `StateError`; any other exception is a trap, which
costs the instance. A plugin declares `configure` as a class method, with its own type for the settings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

from .batch import Batch
from .connector import Emission, MetricStream
from .contract import Contract
from .outcome import Outcome
from .records import Records, RecordStream
from .router import Pipelines, Routes
from .ticker import Decisions


class Processor(ABC):
    """Looks at a batch, and says what to drop and what to change."""

    settings: ClassVar[type[Any]]

    @classmethod
    @abstractmethod
    def configure(cls, settings: Any, contract: Contract) -> Self:
        """Takes the settings and declares the fields it reads and writes."""

    @abstractmethod
    def process(self, batch: Batch, outcome: Outcome) -> None:
        """Takes one batch."""


class Connector(ABC):
    """Measures a batch."""

    settings: ClassVar[type[Any]]

    @classmethod
    @abstractmethod
    def configure(cls, settings: Any, contract: Contract) -> tuple[Self, MetricStream]:
        """Takes the settings, declares the fields it reads and the metrics it makes."""

    @abstractmethod
    def process(self, batch: Batch, emission: Emission) -> None:
        """Takes one batch. After a failure the series that the emission named are unknown to the host."""


class RecordConnector(ABC):
    """Makes spans or log records of what it sees."""

    settings: ClassVar[type[Any]]

    @classmethod
    @abstractmethod
    def configure(cls, settings: Any, contract: Contract) -> tuple[Self, RecordStream]:
        """Takes the settings, declares the fields it reads and those that its records have."""

    @abstractmethod
    def process(self, batch: Batch, records: Records) -> None:
        """Takes one batch."""


class Router(ABC):
    """Sends rows on, unchanged, to pipelines that it chooses."""

    settings: ClassVar[type[Any]]

    @classmethod
    @abstractmethod
    def configure(cls, settings: Any, pipelines: Pipelines, contract: Contract) -> Self:
        """Takes the settings and the pipelines that it may send to; it takes their signal unless it says otherwise."""

    @abstractmethod
    def process(self, batch: Batch, routes: Routes) -> None:
        """Takes one batch. What is not routed goes nowhere."""


class State(ABC):
    """Hands on what a plugin knows when another instance takes its place. A plugin derives from it as well."""

    #: Which layout `snapshot` writes. Raise it when the layout changes.
    FORMAT: int

    @abstractmethod
    def snapshot(self) -> bytes:
        """What this instance knows of earlier batches; nothing that follows from settings."""

    @abstractmethod
    def restore(self, format: int, data: bytes) -> None:
        """Takes over what another instance knew. Raises `UnknownFormat` or `BadState`."""


class Ticker(ABC):
    """Decides on rows that `Outcome.hold_row` keeps in the host. A processor derives from it as well."""

    @abstractmethod
    def tick(self, now_unix_nano: int, ending: bool, decisions: Decisions) -> None:
        """Called once a second, and after each batch from which rows were held."""

    @abstractmethod
    def review(self, batch: Batch) -> None:
        """Shows rows that are held again: what `tick` asked for, and everything after a fault."""
