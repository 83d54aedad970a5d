"""Hand-worked cases of what relations are made of, and of how they are chosen and counted."""

from __future__ import annotations

import pyarrow as pa
import pytest

from simharness.commands.selftest import exit_code
from simharness.errors import UsageError
from simharness.scenario.world import Chain, Grammar
from simharness.selftest import chains, relations
from simharness.selftest.findings import Difference, Finding, Result, differing, differing_tables
from simharness.selftest.labels import Tally, _judged
from simharness.selftest.time_unit import in_another_unit
from simharness.units import parse_duration, parse_rate

ASSUMED = {"evidence": "assumed", "source": "test"}


@pytest.mark.parametrize("text", ["48h", "2d", "7h 30min", "90 min", "0s", "1.5 d", "1w", "20 h"])
def test_a_duration_is_the_same_in_another_unit(text: str) -> None:
    other = in_another_unit(text)
    assert other is not None and other.replace(" ", "") != text.replace(" ", "")
    assert parse_duration(other) == parse_duration(text)


@pytest.mark.parametrize("text", ["0.1/day", "1.2/month", "3 / week", "0.025731/day", "1/year", "2/h"])
def test_a_rate_is_the_same_per_another_unit(text: str) -> None:
    other = in_another_unit(text)
    assert other is not None and other.rpartition("/")[2] != text.rpartition("/")[2].strip()
    assert parse_rate(other) == parse_rate(text)


@pytest.mark.parametrize("text", ["", "facebook", "48", "2 days", "first_come", "queue.moderators", "/day"])
def test_what_is_no_quantity_is_left(text: str) -> None:
    assert in_another_unit(text) is None


def chain() -> Chain:
    """a -> b (0.5) or over; b -> a (0.4), c (0.2) or over; c is never left but over."""
    stages = {
        "a": {"emits": "talk", "dwell": 4, "next": {"b": 0.5, "end.fades": 0.5}},
        "b": {"emits": "talk", "dwell": 10, "next": {"a": 0.4, "c": 0.2, "end.leaves": 0.4}},
        "c": {"emits": "talk", "dwell": 2, "next": {"end.concludes": 1.0}},
    }
    return Chain.model_validate(ASSUMED | {"start": {"a": 1.0}, "stages": stages})


def test_a_chain_by_hand() -> None:
    """a is visited 1 / (1 - 0.5 * 0.4) = 1.25 times, b half as often, c a fifth as often as b."""
    assert chains.visits(chain()) == pytest.approx({"a": 1.25, "b": 0.625, "c": 0.125})
    assert chains.reaches(chain()) == pytest.approx({"a": 1.0, "b": 0.5, "c": 0.125})
    assert chains.ends(chain()) == pytest.approx({"fades": 0.625, "leaves": 0.25, "blocks": 0.0, "concludes": 0.125})


def test_acts_by_hand() -> None:
    talk = {"initiator_share": 0.5, "initiator": {"sexual": 1.0, "greets": 3.0}, "child": {"greets": 1.0}}
    background = {"initiator_share": 1.0, "initiator": {"greets": 1.0}, "child": {"greets": 1.0}, "share": 0.2}
    grammar = Grammar.model_validate(
        {"background": ASSUMED | background, "emissions": {"talk": ASSUMED | talk}, "grooming": {}, "benign": {}}
    )
    messages = 1.25 * 4 + 0.625 * 10 + 0.125 * 2
    assert chains.acts(grammar, chain(), "sexual") == pytest.approx(messages * 0.8 * 0.5 * 0.25)


def test_where_tables_differ() -> None:
    one = pa.table({"conversation": [7, 8, 9], "offence_s": [1.0, None, 3.0]})
    two = pa.table({"conversation": [7, 8, 9], "offence_s": [1.0, 2.0, None]})
    assert differing("arm", "outcomes", one, one) is None
    assert differing("arm", "outcomes", one, two) == Difference(
        "arm", "outcomes.offence_s", "conversation 8", "none", "2"
    )
    fewer = differing("arm", "outcomes", one.slice(1), one)
    assert fewer == Difference("arm", "outcomes: rows", "", "2", "3")
    assert differing_tables({("outcomes", "a"): one}, {("outcomes", "a"): one}) is None
    assert differing_tables({}, {("outcomes", "a"): one}) is not None
    assert differing_tables({("outcomes", "a"): one}, {}) is not None


def finding(result: Result) -> Finding:
    return Finding("name", "title", result, "", "")


@pytest.mark.parametrize(
    ("results", "code"),
    [
        (["holds", "not applicable"], 0),
        (["holds", "broken"], 1),
        (["broken", "failed", "holds"], 3),
        (["not applicable"], 5),
        ([], 5),
    ],
)
def test_exit_codes(results: list[Result], code: int) -> None:
    assert exit_code([finding(result) for result in results]) == code


def test_an_unknown_relation_is_refused_by_name() -> None:
    with pytest.raises(UsageError) as refused:
        relations._chosen(["zero_prevalense"])
    assert "zero_prevalence" in str(refused.value) and refused.value.exit_code == 2
    assert relations._chosen(["time_unit", "zero_prevalence"]) == ["zero_prevalence", "time_unit"]  # as shown


def test_every_relation_has_a_title_that_is_a_sentence() -> None:
    for name, relation in relations.RELATIONS.items():
        title = (relation.__doc__ or "").partition("\n")[0]
        assert title.endswith(".") and len(title) > 40, name


def test_a_label_is_broken_only_where_it_was_to_be_expected() -> None:
    tally = Tally()
    tally.add("", "class a", 9.9, 0)
    assert type(_judged(tally, 5)).__name__ == "NotApplicable"
    tally.add("", "class b", 30.0, 1)
    held = _judged(tally, 5)
    assert type(held).__name__ == "Held" and "class a" in held.seen  # type: ignore[union-attr]
    tally.add("", "class a", 0.1, 0)
    assert type(_judged(tally, 5)).__name__ == "Broken"
