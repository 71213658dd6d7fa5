"""Replaces personal data in attributes and log bodies, by a table of regular expressions."""

import re
from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import spanmill_sdk
from spanmill_sdk import Batch, Context, Contract, Kind, Outcome, Problems, Signal, Texts

#: Each rule has a counter, and a plugin may have 64.
MOST_RULES = 64
#: Whose attributes are looked at. Exceptions, whose messages quote what was sent, are events of spans.
CONTEXTS = (Context.SPAN, Context.SPAN_EVENT, Context.LOG)


@dataclass
class Rule:
    """A row of the table: what matches the pattern is replaced. `\\1` in the replacement is the pattern's first group."""

    name: str
    pattern: str
    replacement: str = "****"

    def check(self, path: str, problems: Problems) -> None:
        """What types cannot say."""
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", self.name):
            problems.push(
                f"{path}/name", "must be a word of at most 64 lower-case letters, digits and `_`, as in `card_number`"
            )
        try:
            pattern = re.compile(self.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            problems.push(f"{path}/pattern", f"is not a regular expression: {error}")
            return
        if pattern.search(""):
            problems.push(f"{path}/pattern", "must not match the empty text, which is everywhere")
        try:
            pattern.sub(self.replacement, "")
        except (re.error, IndexError) as error:
            problems.push(f"{path}/replacement", f"does not fit the pattern: {error}")


@dataclass
class Settings:
    """The component's section of the manifest."""

    rules: list[Rule]

    def check(self, problems: Problems) -> None:
        """What types cannot say."""
        if not 1 <= len(self.rules) <= MOST_RULES:
            problems.push("/rules", f"must have 1 to {MOST_RULES} rules")
        names = set()
        for place, rule in enumerate(self.rules):
            rule.check(f"/rules/{place}", problems)
            if rule.name in names:
                problems.push(f"/rules/{place}/name", "is the name of another rule")
            names.add(rule.name)


class PiiTable(spanmill_sdk.Processor):
    """The plugin."""

    settings = Settings

    def __init__(self, rules: list[Rule], contract: Contract) -> None:
        self.rules = [(re.compile(rule.pattern), rule.replacement) for rule in rules]
        self.counters = [contract.counter(f"masked_{rule.name}") for rule in rules]
        self.lists = [(contract.read_attributes(one), contract.write_attributes(one)) for one in CONTEXTS]
        self.body, self.write_body = contract.read_cells("log.body"), contract.write("log.body")

    @classmethod
    def configure(cls, settings: Settings, contract: Contract) -> Self:
        """Declares attributes and bodies, to read and to write, and a counter for each rule."""
        contract.take(Signal.TRACES, Signal.LOGS)
        return cls(settings.rules, contract)

    def process(self, batch: Batch, outcome: Outcome) -> None:
        """Looks at each distinct text once, and at each list and map."""
        masking = Masking(self.rules)
        for read, write in self.lists:
            # Spans have no log records' attributes, and the other way round.
            if (lists := batch.attributes(read)) is not None:
                for text, masked in masking.texts(batch.texts, lists.kinds, lists.bits):
                    outcome.replace(write, text, masked)
                for entry in structured(lists.kinds):
                    if (masked := masking.value(value := lists.value(entry))) != value:
                        outcome.set_entry(write, entry, masked)
        bodies = batch.values(self.body)
        if bodies.kinds is not None:
            for text, masked in masking.texts(batch.texts, bodies.kinds, bodies.bits):
                outcome.replace(self.write_body, text, masked)
            for row in structured(bodies.kinds):
                if (masked := masking.value(value := bodies[row])) != value:
                    outcome.set(self.write_body, row, masked)
        for counter, values in zip(self.counters, masking.values, strict=True):
            if values:
                counter.add(values)


class Masking:
    """Applies the rules to the values of one batch, and counts for each rule the values in which it found something."""

    def __init__(self, rules: list[tuple[re.Pattern[str], str]]) -> None:
        self.rules = rules
        self.values = [0] * len(rules)

    def text(self, text: str, times: int = 1) -> str:
        """A text that stands in so many values, masked."""
        for place, (pattern, replacement) in enumerate(self.rules):
            text, found = pattern.subn(replacement, text)
            if found:
                self.values[place] += times
        return text

    def texts(self, texts: Texts, kinds: bytes, bits: Iterable[int]) -> Iterator[tuple[int, str]]:
        """The texts among some cells that the rules change: the index of each, and what becomes of it."""
        indices = Tally(index for kind, index in zip(kinds, bits, strict=True) if kind == Kind.TEXT)
        for index, times in indices.items():
            text = texts[index]
            if (masked := self.text(text, times)) != text:
                yield index, masked

    def value(self, value: Any) -> Any:
        """A value with each text in it masked. Keys stay as they are."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        return value


def structured(kinds: bytes) -> list[int]:
    """Where the lists and maps are among some cells. A search in bytes is much faster than a loop over them."""
    return [found.start() for found in STRUCTURED.finditer(kinds)]


STRUCTURED = re.compile(b"[%c%c]" % (Kind.ARRAY, Kind.MAP))

Processor = spanmill_sdk.processor(PiiTable)
About = spanmill_sdk.about("pii_table", "0.1.0", "Replaces personal data, by a table of regular expressions", Settings)
