"""The grammar of an expectation: what each sentence stands for, and what is refused with what words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from simharness.scenario.expect import BOUNDS, EXAMPLE, OPS, Expectation, parse_expectation

SENTENCES: list[tuple[str, dict[str, Any]]] = [
    ("recall >= 0.5", {"metric": "recall", "op": ">=", "value": 0.5}),
    ("recall>=0.5", {"metric": "recall", "op": ">=", "value": 0.5}),
    ("  recall[mine]  <  1e-3 ", {"metric": "recall", "of": "mine", "op": "<", "value": 0.001}),
    ("delay_over_bound[mine] <= -2", {"metric": "delay_over_bound", "of": "mine", "op": "<=", "value": -2.0}),
    (
        "recall[mine, age=12-15].ci_low >= 0.5",
        {
            "metric": "recall",
            "of": "mine",
            "where": {"age": "12-15"},
            "bound": "ci_low",
            "op": ">=",
            "value": 0.5,
        },
    ),
    ("recall[age=*] == 1", {"metric": "recall", "where": {"age": "*"}, "op": "==", "value": 1.0}),
    (
        "desk_entered[arm/fast, moderators] <= 10",
        {"metric": "desk_entered", "of": "arm/fast", "where": {"stratum": "moderators"}, "op": "<=", "value": 10.0},
    ),
    (
        "recall[mine vs base/old] not_worse 10 %",
        {"metric": "recall", "of": "mine", "versus": "base/old", "op": "not_worse", "value": "10 %"},
    ),
    (
        "recall[* vs base] not_worse 0.02",
        {"metric": "recall", "of": "*", "versus": "base", "op": "not_worse", "value": 0.02},
    ),
    (
        "offences_prevented[fast, force=London, City of] >= 1",
        {"metric": "offences_prevented", "of": "fast", "where": {"force": "London, City of"}, "op": ">=", "value": 1.0},
    ),
    (
        "recall[a_vs_b] . estimate > 0",
        {"metric": "recall", "of": "a_vs_b", "bound": "estimate", "op": ">", "value": 0.0},
    ),
]


@pytest.mark.parametrize(("sentence", "mapping"), SENTENCES)
def test_a_sentence_stands_for_a_mapping(sentence: str, mapping: dict[str, Any]) -> None:
    assert parse_expectation(sentence) == mapping
    assert Expectation.model_validate(sentence) == Expectation.model_validate(mapping)


REFUSED = [
    ("", "expected METRIC[SUBJECT] OP VALUE"),
    ("recall", EXAMPLE),
    ("recall >=", "expected METRIC"),
    ("recall >= ", "expected METRIC"),
    ("recall[mine >= 1", "expected METRIC"),
    ("__import__('os') >= 1", "expected METRIC"),
    ("recall + 1 >= 1", "expected METRIC"),
    ("recall[] >= 1", "expected a name between the brackets"),
    ("recall[mine,] >= 1", "expected a name between the brackets"),
    ("recall[mine, age=12-15, sex=male] >= 1", "no metric is measured in two at once"),
    ("recall[mine, p10, p50] >= 1", "expected one stratum"),
    ("recall[mine, p10, age=12-15] >= 1", "expected one stratum"),
    ("recall =< 1", "unknown operator '=<'; known: >=, >, <="),
    ("recall != 1", "unknown operator '!='"),
    ("recall NOT_WORSE 1", "unknown operator 'NOT_WORSE'"),
    ("recall.ci_lo >= 1", "unknown bound 'ci_lo'; known: ci_low"),
    ("recall >= half", "expected a number, got 'half'"),
    ("recall >= 1e999", "expected a number"),
    ("recall >= .5", "expected a number"),
    ("recall >= 1 + 1", "expected a number"),
    ("recall >= 0.5 and 1", "expected a number"),
    ("recall[mine] >= 50%", "a share from 0 to 1"),
    ("recall[mine] not_worse 0.1", "needs another side"),
    ("recall[mine vs base] not_worse -0.1", "from 0 on"),
    ("recall[mine vs base] not_worse -10%", "from 0 on"),
    ("recall[mine vs base] not_worse 1e999%", "from 0 on"),
    ("recall[mine vs base].ci_low not_worse 0.1", "leave it out"),
    ("recall[mine].ci_low == 0.1", "leave it out"),
]


@pytest.mark.parametrize(("sentence", "words"), REFUSED)
def test_anything_else_is_refused_in_words(sentence: str, words: str) -> None:
    with pytest.raises(ValidationError) as error:
        Expectation.model_validate(sentence)
    assert words in str(error.value)


def test_a_near_operator_or_bound_is_suggested() -> None:
    with pytest.raises(ValueError, match="Did you mean 'ci_high'"):
        parse_expectation("recall.ci_hi >= 1")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mertic": "recall"}, "mertic"),
        ({"metric": "Recall"}, "metric"),
        ({"policy": "fast", "detector": "mine"}, "expected one of of, policy and detector"),
        ({"where": {}}, "where"),
        ({"where": {"age": "12-15", "sex": "male"}}, "where"),
        ({"severity": "warning"}, "severity"),
        ({"on_missing": "pass"}, "on_missing"),
        ({"value": float("inf")}, "value"),
        ({"value": float("nan")}, "value"),
        ({"value": "0.5 percent"}, "value"),
        ({"op": "=="}, None),
    ],
)
def test_a_mapping_is_as_strict(change: dict[str, Any], words: str | None) -> None:
    given = {"metric": "recall", "op": ">=", "value": 0.5} | change
    if words is None:
        assert Expectation.model_validate(given).op == "=="
        return
    with pytest.raises(ValidationError) as error:
        Expectation.model_validate(given)
    assert words in str(error.value)


def test_what_is_not_said() -> None:
    plain = Expectation.model_validate("recall >= 0.5")
    assert (plain.subject, plain.severity, plain.on_missing, plain.bound, plain.relative) == (
        "*",
        "fail",
        "fail",
        None,
        False,
    )
    given = {"metric": "recall", "op": ">=", "value": 0.5}
    assert Expectation.model_validate(given | {"policy": "fast"}).subject == "arm/fast"
    assert Expectation.model_validate(given | {"detector": "mine"}).subject == "detector/mine"
    assert Expectation.model_validate(given | {"detector": "*"}).subject == "*"
    share = Expectation.model_validate("recall[mine vs base] not_worse 2.5 %")
    assert share.relative and share.margin == 0.025


def test_every_operator_and_bound_can_be_written() -> None:
    for op in OPS:
        side = "[a vs base]" if op == "not_worse" else ""
        assert parse_expectation(f"recall{side} {op} 0.5")["op"] == op
    for bound in BOUNDS:
        assert parse_expectation(f"recall.{bound} >= 0.5")["bound"] == bound
