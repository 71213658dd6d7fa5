"""Tests of the plugin, without WebAssembly."""

from typing import Any

import pytest
from pii_table import PiiTable
from spanmill_sdk import EMPTY, ConfigError
from spanmill_sdk.testing import Event, Kit, LogRecord, Span, logs, traces

EMAIL = {"name": "email", "pattern": r"[\w.]+@[\w.]+", "replacement": "<email>"}
CARD = {"name": "card_number", "pattern": r"\b\d{12}(\d{4})\b", "replacement": r"<card \1>"}


def kit(*rules: dict[str, str]) -> Kit:
    return Kit(PiiTable, {"rules": list(rules)})


def test_attributes_of_spans_and_events_are_masked() -> None:
    spans = traces(
        Span("a", {"user": "jane@example.com", "note": "no mail"}),
        Span(
            "b",
            {"user": "jane@example.com"},
            events=[Event("exception", 1, {"exception.message": "to jo@x.org failed"})],
        ),
        Span("c", {"user": 7, "empty": EMPTY}),
    )
    out = kit(EMAIL).run(spans)
    assert [span.attributes for span in out.left.items] == [
        {"user": "<email>", "note": "no mail"},
        {"user": "<email>"},
        {"user": 7, "empty": EMPTY},
    ]
    assert out.item(1).events[0].attributes == {"exception.message": "to <email> failed"}
    assert out.counts == {"masked_email": 3}


def test_rules_apply_one_after_the_other() -> None:
    records = logs(LogRecord("paid by jane@example.com with 4111111111111111", {"card": "4111111111111111"}))
    out = kit(EMAIL, CARD).run(records)
    assert out.bodies == ["paid by <email> with <card 1111>"]
    assert out.item(0).attributes == {"card": "<card 1111>"}
    assert out.counts == {"masked_email": 1, "masked_card_number": 2}


def test_lists_and_maps_are_looked_into() -> None:
    body = {"to": ["jo@x.org", 7, None], "from": {"mail": "a@b.c", "age": 1.5}, "jane@example.com": True}
    out = kit(EMAIL).run(logs(LogRecord(body, {"to": ["jo@x.org"], "sizes": [1, 2]}), LogRecord({"plain": "text"})))
    masked = {"to": ["<email>", 7, None], "from": {"mail": "<email>", "age": 1.5}, "jane@example.com": True}
    assert out.bodies == [masked, {"plain": "text"}]
    assert out.item(0).attributes == {"to": ["<email>"], "sizes": [1, 2]}


def test_a_batch_without_anything_to_mask_stays_as_it_is() -> None:
    records = logs(LogRecord(), LogRecord("started"), LogRecord(EMPTY))
    out = kit(EMAIL).run(records)
    assert out.bodies == records.bodies
    assert out.counts == {}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([], "/rules: must have 1 to 64 rules"),
        ([EMAIL, EMAIL], "/rules/1/name: is the name of another rule"),
        (
            [{"name": "E-Mail", "pattern": "("}],
            "/rules/0/name: must be a word of at most 64 lower-case letters, digits and `_`, as in `card_number`; "
            "/rules/0/pattern: is not a regular expression: missing ), unterminated subpattern at position 0",
        ),
        ([{"name": "all", "pattern": ".*"}], "/rules/0/pattern: must not match the empty text, which is everywhere"),
        (
            [{"name": "card", "pattern": "[0-9]+", "replacement": r"\1"}],
            "/rules/0/replacement: does not fit the pattern: invalid group reference 1 at position 1",
        ),
        (
            [{"name": "card", "patern": "x"}],
            "/rules/0/patern: unknown key; did you mean `pattern`?; /rules/0: `pattern` is missing",
        ),
    ],
)
def test_every_mistake_in_the_settings_is_told(rules: list[Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        kit(*rules)
    assert str(error.value) == message
