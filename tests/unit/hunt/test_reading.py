"""How two readers are made and read one trajectory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.bayes_bound import BayesBound
from simharness.detection.faults import DetectorFailed
from simharness.detection.levels import calibrate_levels
from simharness.detection.scoring import build_detectors, prepare
from simharness.errors import UsageError
from simharness.hunt.reading import Readers, judge, readers
from simharness.hunt.records import Step, Trajectory
from simharness.scenario.load import Loaded
from simharness.world.model import build_model
from tests.unit.hunt.conftest import TRAINING
from tests.unit.hunt.planted import Capped

Load = Callable[..., Loaded]
Own = Callable[[str], Readers]
PRIVATE, HARM = Step("asks_private", "initiator", 60.0), Step("sexual", "initiator", 60.0)
PLAIN = Trajectory((PRIVATE, PRIVATE, PRIVATE, HARM))


def test_levels_are_those_of_a_run(small: Loaded, own: Own) -> None:
    scenario = small.scenario.one_nation()
    model = build_model(scenario, small.folder)
    specs = {name: scenario.detectors[name] for name in ("keyword", "bayes_bound")}
    model = replace(model, scenario=scenario.model_copy(update={"detectors": specs}))
    levels = calibrate_levels(model, prepare(model, build_detectors(specs, small.folder)))
    both = own("keyword")
    assert both.detector.signal.level == levels["keyword"].risk[levels["keyword"].measured]
    assert both.bound.signal.level == levels["bayes_bound"].risk[levels["bayes_bound"].measured]


def test_a_policy_gives_its_level_and_s_of_n_and_the_bound_the_same_rate(load: Load, own: Own) -> None:
    arm = "arms.grooming_alerts"
    few = f"{arm}.alert_level={{false_alerts_per_1000_child_months: 0.5}}"
    many = f"{arm}.alert_level={{false_alerts_per_1000_child_months: 20}}"
    rule = f"{arm}.trigger={{s_of_n: {{s: 2, n: 3}}}}"
    strict = readers(load(TRAINING, few), "keyword", "grooming_alerts")
    loose = readers(load(TRAINING, many, rule), "keyword", "grooming_alerts")
    plain = own("keyword")
    assert strict.bound.signal.level > plain.bound.signal.level > loose.bound.signal.level
    assert strict.detector.signal.level > loose.detector.signal.level
    assert (loose.detector.signal.s, loose.detector.signal.n, loose.bound.signal.n) == (2, 3, 1)
    assert judge(loose, PLAIN).detector.risk[0] is None  # one message cannot be two of three


def test_a_stated_risk_gives_the_bound_the_rate_that_it_has(load: Load) -> None:
    at = {
        risk: readers(load(TRAINING, f"detectors.keyword.alert_level={{risk: {risk}}}"), "keyword")
        for risk in (0.1, 0.3)
    }
    assert at[0.1].detector.signal.level == np.float32(0.1)
    assert at[0.1].bound.signal.level < at[0.3].bound.signal.level
    nobody = readers(load(TRAINING, "detectors.keyword.alert_level={risk: 1000}"), "keyword")
    assert nobody.bound.signal.level >= at[0.3].bound.signal.level


def test_encrypted_platforms_hide_texts_from_the_detector_alone(load: Load) -> None:
    where = "arms.grooming_alerts.encrypted=[snapchat, facebook]"
    for name in ("keyword", "behaviour"):
        both = readers(load(TRAINING, where), name, "grooming_alerts")
        names = both.model.platforms
        assert (names[both.here], names[both.there]) == ("instagram", "snapchat")
        stays, moves = judge(both, PLAIN), judge(both, replace(PLAIN, moved_at=1))
        assert stays.bound == moves.bound
        if name == "keyword":
            assert moves.detector.risk[1:] == (moves.detector.risk[0],) * 3
            assert stays.detector.risk[1] > stays.detector.risk[0]  # type: ignore[operator]
        else:
            assert moves.detector == stays.detector  # it reads no text


def test_texts_on_encrypted_platforms_are_empty_for_who_reads_conversations(
    load: Load, planted: Callable[[Any], Readers]
) -> None:
    both = planted(BayesBound())
    hidden = np.array([False, True, False, False])
    blind = replace(both, there=1, detector=replace(both.detector, signal=replace(both.detector.signal, hidden=hidden)))
    moves = judge(blind, replace(PLAIN, moved_at=1))
    assert moves.detector.risk[0] == moves.bound.risk[0]
    assert moves.detector.risk[2] < moves.bound.risk[2]  # type: ignore[operator]
    stream = planted(Capped())
    blind = replace(
        stream, there=1, detector=replace(stream.detector, signal=replace(both.detector.signal, hidden=hidden))
    )
    assert judge(blind, replace(PLAIN, moved_at=1)).detector.risk == moves.detector.risk


def test_both_read_on_where_a_conversation_moves(own: Own) -> None:
    for name in ("keyword", "behaviour"):
        stays, moves = judge(own(name), PLAIN), judge(own(name), replace(PLAIN, moved_at=2))
        assert (stays.bound, stays.detector) == (moves.bound, moves.detector)


def test_what_is_judged(own: Own) -> None:
    found = judge(own("never"), PLAIN)
    assert (found.harm, found.bound.alert, found.detector.alert) == (4, 3, None)
    assert found.missed
    assert (found.bound.name, found.detector.name) == ("bayes_bound", "never")
    assert found.bound.risk[2] >= found.bound.level > found.bound.risk[1]  # type: ignore[operator]
    assert not judge(own("never"), Trajectory((PRIVATE, HARM))).missed  # the bound is not in time either
    assert not judge(own("never"), Trajectory((PRIVATE,) * 4)).missed  # no harm
    assert not judge(own("always"), PLAIN).missed
    assert judge(own("behaviour"), PLAIN).detector.risk == (None,) * 4  # too little to speak of


def test_the_bound_may_be_held_against_itself(own: Own) -> None:
    found = judge(own("bayes_bound"), PLAIN)
    assert found.bound.risk == found.detector.risk
    assert found.bound.level == found.detector.level


def test_nothing_is_remembered_from_one_trajectory_to_the_next(planted: Callable[[Any], Readers]) -> None:
    both = planted(Capped())
    first = judge(both, PLAIN)
    busy = [judge(both, replace(PLAIN, beside=others)) for others in (4, 5, 8)]
    assert [each.missed for each in busy] == [False, True, True]
    assert judge(both, PLAIN) == first


def test_one_that_failed_before_is_asked_again(load: Load) -> None:
    class Fails:
        broken = False

        def risk(self, batch: Any) -> Any:
            if self.broken:
                raise DetectorFailed("exception", "broken")
            return np.zeros(batch.symbol.size, np.float32)

    both = readers(load(TRAINING, "detectors.behaviour.on_error=abstain"), "behaviour")
    detector = Fails()
    both.detector.scorer.detector = detector  # type: ignore[assignment]
    detector.broken = True
    assert [judge(both, PLAIN).detector.risk for _ in range(5)] == [(None,) * 4] * 5
    detector.broken = False
    assert judge(both, PLAIN).detector.risk == (0.0,) * 4


@pytest.mark.parametrize(
    ("detector", "policy", "said"),
    [
        ("keywrd", None, "Did you mean 'keyword'?"),
        ("keyword", "groming_alerts", "Did you mean 'grooming_alerts'?"),
        ("keyword", "police_communication_offence", "Name a policy with a detector"),
    ],
)
def test_names_that_are_not_there_are_refused(small: Loaded, detector: str, policy: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        readers(small, detector, policy)
