"""From expectations to items: which are meant, which cannot be, and that a name says exactly one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simharness.errors import NotComparable, UsageErrors
from simharness.metrics.catalogue import METRICS
from simharness.metrics.strata import measured_whole, strata_of
from simharness.scenario.load import Loaded, load_scenario
from simharness.suites.items import Item, items_of
from simharness.world.model import WorldModel

Bars = Callable[..., tuple[Item, ...]]
ARMS = (
    "no_intervention",
    "police_meeting_offence",
    "police_communication_offence",
    "voluntary_code",
    "grooming_alerts",
    "trained_moderators",
    "mandatory_code",
)
DETECTORS = ("keyword", "text_model", "behaviour", "bayes_bound", "length_only", "never", "always")


def names(items: tuple[Item, ...]) -> list[str]:
    return [item.name for item in items]


def refused(bars: Bars, *expectations: Any) -> str:
    with pytest.raises(UsageErrors) as error:
        bars(*expectations)
    return str(error.value)


def test_nothing_expected_is_no_item(flagship: Loaded, model: WorldModel) -> None:
    assert items_of(flagship, model, base=False) == ()


def test_one_arm_one_item(bars: Bars) -> None:
    (item,) = bars("harm_prevented[grooming_alerts].ci_low >= 0.2")
    assert (item.name, item.subject, item.of, item.key) == (
        "harm_prevented[grooming_alerts].ci_low >= 0.2",
        "arm",
        "grooming_alerts",
        "harm_prevented",
    )
    assert (item.versus, item.in_base, item.metric) == (None, False, "harm_prevented")


@pytest.mark.parametrize("whose", ["alerts[*] <= 5", "alerts <= 5", {"metric": "alerts", "op": "<=", "value": 5}])
def test_each_arm_is_an_item(bars: Bars, whose: Any) -> None:
    assert names(bars(whose)) == [f"alerts[{arm}] <= 5" for arm in ARMS]


def test_each_detector_by_each_stratum(bars: Bars) -> None:
    items = bars("recall[age=*] >= 0.5")
    assert len(items) == len(DETECTORS) * len({item.key for item in items}) and len({item.key for item in items}) >= 3
    assert items[0].name == f"{items[0].key.replace('[', '[keyword, ')} >= 0.5"


def test_each_but_the_one_it_is_held_against(bars: Bars) -> None:
    items = bars("harm_prevented[* vs grooming_alerts] >= 0", "recall[* vs detector/keyword] >= 0")
    assert [item.of for item in items] == [arm for arm in ARMS if arm != "grooming_alerts"] + list(DETECTORS[1:])
    assert {(item.versus, item.in_base) for item in items} == {("grooming_alerts", False), ("keyword", False)}


def test_desks_only_of_arms_that_have_them(bars: Bars) -> None:
    items = bars({"metric": "desk_entered", "where": {"stratum": "*"}, "op": ">=", "value": 0})
    by_arm = {arm: [item.key for item in items if item.of == arm] for arm in ARMS}
    assert by_arm["police_communication_offence"] == ["desk_entered[police]"]
    assert len(by_arm["trained_moderators"]) > 1


def test_sides_in_the_base(bars: Bars) -> None:
    own, other = bars("recall[keyword vs base] not_worse 5%", "recall[keyword vs base/text_model] >= -0.5")
    assert (own.versus, own.in_base, other.versus, other.in_base) == ("keyword", True, "text_model", True)


def test_an_arm_and_a_detector_of_one_name(load: Callable[..., Loaded], model: WorldModel) -> None:
    detectors = "detectors.grooming_alerts={use: keyword}"
    expect = "expect=['offences[arm/grooming_alerts] >= 1', 'offences[detector/grooming_alerts] >= 1', 'recall[grooming_alerts] >= 0']"  # noqa: E501
    loaded = load(detectors, expect)
    both = items_of(loaded, _with(model, loaded), base=False)
    assert [(item.subject, item.name.partition(" ")[0]) for item in both] == [
        ("arm", "offences[arm/grooming_alerts]"),
        ("detector", "offences[detector/grooming_alerts]"),
        ("detector", "recall[grooming_alerts]"),
    ]
    loaded = load(detectors, "expect=['offences[grooming_alerts] >= 1']")
    with pytest.raises(UsageErrors, match="Write arm/grooming_alerts or detector/grooming_alerts"):
        items_of(loaded, _with(model, loaded), base=False)


def _with(model: WorldModel, loaded: Loaded) -> WorldModel:
    return replace(model, scenario=loaded.scenario)


@pytest.mark.parametrize(
    ("expectation", "words"),
    [
        ("recal[keyword] >= 0.5", ("unknown metric 'recal'", "Did you mean 'recall'", "simharness list metrics")),
        ("recall[keywrd] >= 0.5", ("unknown detector 'keywrd' of recall", "Did you mean 'keyword'", "text_model")),
        ("recall[grooming_alerts] >= 0.5", ("unknown detector 'grooming_alerts'",)),
        ("alerts[grooming_alert] >= 1", ("unknown arm 'grooming_alert' of alerts", "Did you mean 'grooming_alerts'")),
        ("recall[keyword, age=12-16] >= 0.5", ("no stratum 'age=12-16'", "Did you mean 'age=12-15'")),
        ("recall[keyword, agee=*] >= 0.5", ("no stratum 'agee=*'",)),
        ("recall[keyword, moderators] >= 0.5", ("no stratum 'moderators'",)),
        ("recall[vs base] >= 0.5", ("unknown detector 'vs base'",)),
        ("human_hours[grooming_alerts, age=12-15] <= 1", ("the whole: it is not measured in parts",)),
        ("desk_entered[trained_moderators] <= 1", ("only measured in parts",)),
        ("recall[keyword vs keyword] >= 0", ("held against itself", "base")),
        ("recall[keyword vs kyword] >= 0", ("unknown detector 'kyword'",)),
        ("grooming[keyword vs base] not_worse 5", ("neither better higher nor better lower", ">= or <=")),
        ("offences[*] >= 1", ("a metric of arms and of detectors", "policy: '*' or detector: '*'")),
        ({"metric": "recall", "policy": "grooming_alerts", "op": ">=", "value": 1}, ("unknown detector",)),
    ],
)
def test_what_does_not_exist_is_refused_before_anything_runs(bars: Bars, expectation: Any, words: Any) -> None:
    said = refused(bars, expectation)
    assert all(word in said for word in words), said


def test_every_mistake_is_told_at_once_with_its_place(tmp_path: Path, model: WorldModel) -> None:
    file = tmp_path / "mine.yaml"
    begin = f"extends: {Path(__file__).parents[3] / 'scenarios' / 'england_wales_2017.yaml'}\nexpect:\n"
    file.write_text(begin + "  - recal[keyword] >= 0.5\n  - recall[keyword] >= 0.5\n  - recall[nobody] >= 1\n")
    loaded = load_scenario(file)
    with pytest.raises(UsageErrors) as error:
        items_of(loaded, model, base=False)
    assert [each.where for each in error.value.errors] == [f"{file}:3: expect.0", f"{file}:5: expect.2"]
    file.write_text(begin + "\n  - recall[keyword] >= 0.5\n")
    loaded = load_scenario(file)
    (item,) = items_of(loaded, model, base=False)
    assert (item.file, item.line) == (str(file), 4)


def test_the_same_bar_twice_is_a_mistake(bars: Bars) -> None:
    assert "recall[keyword] >= 0.5 is expected twice" in refused(bars, "recall[*] >= 0.5", "recall[keyword] >= 0.50")
    assert len(bars("recall[keyword] >= 0.5", "recall[keyword] >= 0.50000000000001")) == 2


def test_a_base_is_asked_for_before_anything_runs(bars: Bars) -> None:
    assert len(bars("recall[keyword vs text_model] >= -1", base=False)) == 1
    with pytest.raises(NotComparable, match=r"recall\[keyword vs base\] not_worse 0.1 is held against a base run"):
        bars("recall[keyword vs base] not_worse 0.1", base=False)


def test_a_mistake_is_told_before_a_missing_base(bars: Bars) -> None:
    with pytest.raises(UsageErrors, match="recal"):
        bars("recall[keyword vs base] not_worse 0.1", "recal[keyword] >= 1", base=False)


@st.composite
def expectations(draw: st.DrawFn, model: WorldModel) -> dict[str, Any]:
    subject, metric = draw(st.sampled_from([each for each in METRICS if each[0] != "recorded"]))
    of = draw(st.sampled_from(ARMS if subject == "arm" else DETECTORS))
    strata = strata_of(model, subject, of, metric)
    chosen: dict[str, Any] = {"metric": metric, "of": f"{subject}/{of}"}
    parts = [*([""] if measured_whole(subject, metric) else []), *strata]
    if not parts:
        parts = [""]
    stratum = draw(st.sampled_from(parts))
    if stratum:
        dimension, equals, group = stratum.partition("=")
        chosen["where"] = {dimension: group} if equals else {"stratum": stratum}
    op = draw(st.sampled_from([">=", ">", "<=", "<", "=="]))
    bound = draw(st.sampled_from([None, "ci_low", "ci_high", "estimate"])) if op != "==" else None
    value = draw(st.floats(allow_nan=False, allow_infinity=False))
    chosen |= {"op": op, "bound": bound, "value": value}
    if draw(st.booleans()):
        others = [name for name in (ARMS if subject == "arm" else DETECTORS) if name != of]
        chosen["versus"] = draw(st.sampled_from(["base", *(f"base/{name}" for name in others), *others]))
    return chosen


def test_a_name_is_the_sentence_of_that_item_alone(model: WorldModel, bars: Bars) -> None:
    """Whoever reads it in a report can write it into a scenario, and means this item and no other."""

    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @given(st.lists(expectations(model), min_size=1, max_size=20))
    def checked(wanted: list[dict[str, Any]]) -> None:
        unique = {str(each): each for each in wanted}.values()
        items = bars(*unique)
        again = bars(*names(items))
        assert names(again) == names(items)
        assert [_meaning(item) for item in again] == [_meaning(item) for item in items]

    checked()


def _meaning(item: Item) -> tuple[Any, ...]:
    wanted = item.expectation
    return (item.subject, item.of, item.key, item.versus, item.in_base, wanted.op, wanted.bound, wanted.value)
