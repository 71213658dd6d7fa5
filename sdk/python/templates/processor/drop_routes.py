"""Drops the spans of some routes."""

from dataclasses import dataclass
from typing import Self

import spanmill_sdk
from spanmill_sdk import Batch, CellField, Context, Contract, Outcome, Problems


@dataclass
class Settings:
    """The component's section of the manifest."""

    routes: list[str]

    def check(self, problems: Problems) -> None:
        """What types cannot say."""
        for place, route in enumerate(self.routes):
            if not route:
                problems.push(f"/routes/{place}", "must not be empty; take the line out")


class DropRoutes(spanmill_sdk.Processor):
    """The plugin."""

    settings = Settings

    def __init__(self, routes: frozenset[str], route: CellField) -> None:
        self.routes = routes
        self.route = route

    @classmethod
    def configure(cls, settings: Settings, contract: Contract) -> Self:
        """Declares the one field it reads."""
        return cls(frozenset(settings.routes), contract.read_attribute(Context.SPAN, "http.route"))

    def process(self, batch: Batch, outcome: Outcome) -> None:
        """Asks once for each distinct route whether it is among those to drop."""
        outcome.drop_rows(Context.SPAN, batch.values(self.route).answers(self.routes.__contains__))


Processor = spanmill_sdk.processor(DropRoutes)
About = spanmill_sdk.about("drop_routes", "0.1.0", "Drops the spans of some routes", Settings)
