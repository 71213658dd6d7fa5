"""Measures how fast services spend their error budgets."""

from dataclasses import dataclass, field
from typing import NamedTuple, Self

import spanmill_sdk
from spanmill_sdk import ABSENT_INDEX, Batch, Cell, Context, Contract, Emission, Instrument, MetricStream, Problems, Sum

#: The instruments, by their place in the stream.
REQUESTS, ALLOWED, SPENT = range(3)
INSTRUMENTS = [
    Instrument("error_budget.requests", Sum(), "{request}", "Requests that an objective is about."),
    Instrument("error_budget.allowed", Sum(), "{request}", "Bad requests that the objective allows for those."),
    Instrument("error_budget.spent", Sum(), "{request}", "Bad requests among them."),
]

#: Characters of services' names that the plugin remembers; beyond, it numbers its series anew.
MOST_CHARACTERS = 4_000_000

#: OTLP's numbers.
KIND_SERVER, KIND_CONSUMER = 2, 5
CODE_ERROR = 2


@dataclass
class Objective:
    """How many of a hundred requests are to be good. A bad one has an error, or takes longer than `latency_ms`."""

    name: str
    target: float
    services: list[str] = field(default_factory=list)
    latency_ms: float | None = None

    def check(self, path: str, problems: Problems) -> None:
        """What types cannot say."""
        if not self.name:
            problems.push(f"{path}/name", "must not be empty")
        if not 0 < self.target < 100:
            problems.push(f"{path}/target", "must be above 0 and below 100")
        if self.latency_ms is not None and self.latency_ms <= 0:
            problems.push(f"{path}/latency_ms", "must be above 0")


@dataclass
class Settings:
    """The component's section of the manifest."""

    objectives: list[Objective]

    def check(self, problems: Problems) -> None:
        """What types cannot say."""
        if not self.objectives:
            problems.push("/objectives", "must have an objective")
        names = set()
        for place, objective in enumerate(self.objectives):
            objective.check(f"/objectives/{place}", problems)
            if objective.name and objective.name in names:
                problems.push(f"/objectives/{place}/name", "is the name of another objective")
            names.add(objective.name)


class Key(NamedTuple):
    """What tells series apart: the text of the service, None where there is none, and the place of the objective."""

    service: str | None
    objective: int


@dataclass
class Tally:
    """How many requests there were, and how many of them bad."""

    total: float = 0.0
    bad: float = 0.0


class ErrorBudget(spanmill_sdk.Connector):
    """The plugin."""

    settings = Settings

    def __init__(self, objectives: list[Objective], contract: Contract) -> None:
        self.objectives = objectives
        self.service = contract.read_attribute(Context.RESOURCE, "service.name")
        self.kind = contract.read_narrow("span.kind")
        self.code = contract.read_narrow("span.status.code")
        self.start = contract.read_wide("span.start_time_unix_nano")
        self.end = contract.read_wide("span.end_time_unix_nano")
        self.numbers = spanmill_sdk.SeriesNumbers()
        self.characters = 0

    @classmethod
    def configure(cls, settings: Settings, contract: Contract) -> tuple[Self, MetricStream]:
        """Declares what it reads and the metrics it makes."""
        stream = MetricStream("error_budget", INSTRUMENTS, flush_interval_ns=15_000_000_000, total_limit=30_000)
        return cls(settings.objectives, contract), stream

    def process(self, batch: Batch, emission: Emission) -> None:
        """Counts the requests of each service and objective, and measures each series once."""
        if self.characters > MOST_CHARACTERS:
            self.numbers.forget()
            self.characters = 0
        self.numbers.start(emission)
        tallies = self.tallies(batch)
        series = [self.number(key, emission) for key in tallies]
        targets = [self.objectives[key.objective].target for key in tallies]
        totals = [tally.total for tally in tallies.values()]
        emission.record(REQUESTS, series, totals)
        allowed = [total * (100 - target) / 100 for total, target in zip(totals, targets, strict=True)]
        emission.record(ALLOWED, series, allowed)
        emission.record(SPENT, series, [tally.bad for tally in tallies.values()])

    def tallies(self, batch: Batch) -> dict[Key, Tally]:
        """What the batch has of each series, in the order in which they first occur."""
        found: dict[Key, Tally] = {}
        services = self.services(batch)
        rows = zip(
            batch.resources(Context.SPAN),
            batch.narrow(self.kind),
            batch.narrow(self.code),
            batch.wide(self.start),
            batch.wide(self.end),
            strict=True,
        )
        for resource, kind, code, start, end in rows:
            if kind != KIND_SERVER and kind != KIND_CONSUMER:
                continue
            took = (end - start) / 1e6
            for key, latency in services[resource]:
                tally = found.setdefault(key, Tally())
                tally.total += 1
                if code == CODE_ERROR or latency is not None and took > latency:
                    tally.bad += 1
        return found

    def services(self, batch: Batch) -> list[list[tuple[Key, float | None]]]:
        """For each resource, the objectives that are about its service: the key of each, and what its requests may take."""
        indices = batch.values(self.service).text_indices()
        names = [None if index == ABSENT_INDEX else batch.texts[index] for index in indices]
        return [
            [
                (Key(name, place), objective.latency_ms)
                for place, objective in enumerate(self.objectives)
                if not objective.services or name in objective.services
            ]
            for name in names
        ]

    def number(self, key: Key, emission: Emission) -> int:
        """The number of a series, which is named if it is new."""
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers.add(key)
            self.characters += len(key.service or "")
            resource = [] if key.service is None else [("service.name", key.service)]
            emission.series(resource, [("objective", self.objectives[key.objective].name)])
        return number


Connector = spanmill_sdk.connector(ErrorBudget)
About = spanmill_sdk.about("error_budget", "0.1.0", "Measures how fast services spend their error budgets", Settings)
