"""Plans: exact expectations by hand and against the simulation, and the smallest detectable difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simharness import cli
from simharness.metrics.intervals import paired_difference
from simharness.plan import (
    expectations,
    expected_false_alerts,
    expected_loads,
    make_plan,
    mean_lengths,
    offence_probabilities,
    smallest_detectable,
)
from simharness.scenario.load import Loaded
from simharness.scenario.world import Grammar, PacingRegime
from simharness.world.contacts import Contacts
from simharness.world.generate import Batch, World
from simharness.world.grammar import compile_grammar
from simharness.world.messages import NEVER, Output
from simharness.world.model import WorldModel

PACING = {
    "steady": PacingRegime.model_validate(
        {"evidence": "assumed", "source": "test", "in_session": "1min", "session_ends": 0.0, "between_sessions": "1h"}
    )
}
FADES = {"end.fades": 1.0}


def test_one_stage_lasts_its_dwell(small_grammar: Callable[..., Grammar]) -> None:
    stage = {"emits": "talk", "dwell": 12.0, "phases": 3, "next": FADES}
    grammar = compile_grammar(
        small_grammar({"chain": {"start": {"a": 1.0}, "stages": {"a": stage}}}), PACING, ("chain",)
    )
    assert mean_lengths(grammar) == pytest.approx([12.0])


def test_a_stage_returned_to_counts_again(small_grammar: Callable[..., Grammar]) -> None:
    """a goes on to b with 1/2 and b always back to a: a is visited 2 times, b once; 2 x 10 + 1 x 4 messages."""
    stages = {
        "a": {"emits": "talk", "dwell": 10.0, "next": {"b": 0.5, "end.fades": 0.5}},
        "b": {"emits": "talk", "dwell": 4.0, "next": {"a": 1.0}},
    }
    grammar = compile_grammar(small_grammar({"chain": {"start": {"a": 1.0}, "stages": stages}}), PACING, ("chain",))
    assert mean_lengths(grammar) == pytest.approx([24.0])


def test_an_offence_by_first_step_analysis(small_grammar: Callable[..., Grammar]) -> None:
    """One geometric state of mean 5, each message sexual from the initiator with 0.3: h = 0.3 + 0.7 x 0.8 h."""
    risky = {"initiator_share": 0.6, "initiator": {"sexual": 1.0, "greets": 1.0}, "child": {"sexual": 1.0}}
    stage = {"emits": "risky", "dwell": 5.0, "phases": 1, "next": FADES}
    chains = {"chain": {"start": {"a": 1.0}, "stages": {"a": stage}}}
    grammar = compile_grammar(small_grammar(chains, emissions={"risky": risky}), PACING, ("chain",))
    assert offence_probabilities(grammar) == pytest.approx([0.3 / (1.0 - 0.7 * 0.8)])


def test_lengths_and_offences_of_the_flagship_against_its_kernel(
    model: WorldModel, simulate: Callable[..., Output]
) -> None:
    n, tolerance = 20_000, 4.0  # standard errors
    lengths, offending = mean_lengths(model.grammar), offence_probabilities(model.grammar)
    for kind in range(len(model.grammar.kinds)):
        out = simulate(model.grammar, n, kind=kind)
        messages, offence = out.end - out.begin, out.offence != NEVER
        assert abs(messages.mean() - lengths[kind]) < tolerance * messages.std() / n**0.5
        spread = max(offending[kind] * (1 - offending[kind]), 1e-6)
        assert abs(offence.mean() - offending[kind]) < tolerance * (spread / n) ** 0.5 + 1e-9


def test_contacts_of_the_flagship_against_its_world(
    model: WorldModel, whole: Callable[[World, Contacts], Batch]
) -> None:
    found = expectations(model)
    worlds = [World(model, seed) for seed in range(20)]
    grooming = np.array([len(world.grooming_contacts()) for world in worlds])
    benign = np.array([sum(map(len, world.benign_contacts())) for world in worlds])
    for counts, expected in ((grooming, found.grooming), (benign, found.benign)):
        assert abs(counts.mean() - expected) < 4.0 * counts.std(ddof=1) / len(worlds) ** 0.5
    batch = whole(worlds[0], worlds[0].grooming_contacts())
    messages = batch.truth.messages
    # The period's end and adults only ever shorten a conversation, and never by half.
    assert 0.5 * found.grooming_length < messages.mean() < found.grooming_length


def test_messages_are_conversations_times_length(model: WorldModel) -> None:
    found = expectations(model)
    by_hand = found.grooming * found.grooming_length + found.benign * found.benign_length
    assert found.messages == pytest.approx(by_hand)


def test_false_alerts_at_full_coverage_are_the_stated_rate(make_model: Callable[..., WorldModel]) -> None:
    full = "arms.grooming_alerts.code.coverage={facebook: 1, instagram: 1, snapchat: 1, other: 1}"
    model = make_model(full)
    found = expected_false_alerts(model, model.scenario.arms["grooming_alerts"])
    assert found.stated is not None
    assert found.expected == pytest.approx(found.stated * model.child_months / 1000.0)


def test_false_alerts_follow_coverage_and_audits(make_model: Callable[..., WorldModel]) -> None:
    """Half covered; one audit after 90.5 of 181 days closes all of the rest: three quarters over the period."""
    code = (
        "arms.grooming_alerts.code={evidence: assumed, source: test, coverage: {facebook: 0.5, instagram: 0.5, "
        "snapchat: 0.5, other: 0.5}, audits: {evidence: assumed, source: test, interval: 2172h, closes: 1}}"
    )
    model = make_model(code)
    arm = model.scenario.arms["grooming_alerts"]
    found = expected_false_alerts(model, arm)
    assert found.stated is not None
    assert found.expected == pytest.approx(0.75 * found.stated * model.child_months / 1000.0, rel=0.01)
    twice = expected_false_alerts(model, arm, nations=2)
    assert found.expected is not None
    assert twice.expected == pytest.approx(2 * found.expected)


def test_audits_that_may_not_detect_are_those_of_the_runs_own(make_model: Callable[..., WorldModel]) -> None:
    """Half the audits detect: between no audit and one that always does, and the same every time."""

    def expected(detects: float) -> float:
        code = (
            "arms.grooming_alerts.code={evidence: assumed, source: test, coverage: {facebook: 0.5, instagram: 0.5, "
            "snapchat: 0.5, other: 0.5}, audits: {evidence: assumed, source: test, interval: 30d, closes: 0.5, "
            f"detects: {detects}}}}}"
        )
        model = make_model(code)
        return float(expected_false_alerts(model, model.scenario.arms["grooming_alerts"]).expected or 0.0)

    assert expected(0.0) < expected(0.5) < expected(1.0)
    assert expected(0.5) == expected(0.5)


def test_a_level_given_as_risk_promises_no_rate(make_model: Callable[..., WorldModel]) -> None:
    model = make_model("arms.grooming_alerts.alert_level={risk: 0.5}")
    found = expected_false_alerts(model, model.scenario.arms["grooming_alerts"])
    assert (found.stated, found.expected) == (None, None)
    loaded = make_model("arms.trained_moderators.alert_level={risk: 0.5}")
    assert expected_loads(loaded, loaded.scenario.arms["trained_moderators"], 100.0) == {}


def test_the_load_of_an_arm_goes_from_its_false_alerts_to_all_it_covers(model: WorldModel) -> None:
    arm = model.scenario.arms["trained_moderators"]
    false = expected_false_alerts(model, arm).expected
    assert false is not None and arm.code is not None
    shares = model.scenario.world.offenders.platforms.shares
    covered = sum(share * float(arm.code.coverage[name]) for name, share in shares.items())  # type: ignore[arg-type]
    load = expected_loads(model, arm, 1000.0)["moderators"]
    assert load.alerts == (pytest.approx(false), pytest.approx(false + 1000.0 * covered))


def test_the_smallest_detectable_difference_by_hand() -> None:
    """R = 10: t[0.975, 9] = 2.262157, t[0.8, 9] = 0.883404 (tables); n = 500: sqrt(0.5 / 5000) = 0.01."""
    assert smallest_detectable(500.0, 10) == pytest.approx((2.262157 + 0.883404) * 0.01, rel=1e-6)


def test_the_smallest_detectable_difference_is_detected_with_the_stated_power() -> None:
    """Two arms preventing each of n offences independently, p = 1/2 -+ half the difference: power near 80 %."""
    n, replications, trials = 400, 10, 2000
    difference = smallest_detectable(n, replications)
    assert difference is not None
    generator = np.random.default_rng(1)
    size = (trials, replications)
    low, high = (generator.binomial(n, 0.5 + sign * difference / 2, size) / n for sign in (-1, 1))
    found = [paired_difference(b, a).low for a, b in zip(low, high, strict=True)]
    power = float(np.mean([bound is not None and bound > 0 for bound in found]))
    assert 0.74 < power < 0.86  # the sum of t quantiles approximates the non-central t


@pytest.mark.parametrize(("offences", "replications"), [(500.0, 1), (0.0, 10)])
def test_undefined_is_none(offences: float, replications: int) -> None:
    assert smallest_detectable(offences, replications) is None


def test_a_share_cannot_differ_by_more_than_all() -> None:
    assert smallest_detectable(0.1, 2) == 1.0


def test_a_plan_of_several_populations_is_that_many_of_one(load: Callable[..., Loaded]) -> None:
    three = make_plan(load(scale=3.0, replications=4), jobs=1)
    one = make_plan(load(scale=1.0, replications=4), jobs=1)
    assert three.expected.grooming == pytest.approx(3 * one.expected.grooming)
    assert three.expected.messages == pytest.approx(3 * one.expected.messages)
    alerts = three.false_alerts["grooming_alerts"].expected, one.false_alerts["grooming_alerts"].expected
    assert alerts[0] == pytest.approx(3 * (alerts[1] or 0.0))
    loads = [plan.loads["trained_moderators"]["moderators"] for plan in (three, one)]
    assert loads[0].utilisation == pytest.approx(loads[1].utilisation)
    assert loads[0].needed == pytest.approx([3 * busy for busy in loads[1].needed])
    # Populations run one after the other: memory is that of one.
    assert three.memory_bytes == pytest.approx(one.memory_bytes, rel=0.2)
    assert min(three.wall_s, three.disk_bytes) > 0


def test_plan_prints_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(__file__).parents[2] / "scenarios" / "england_wales_2017.yaml"
    assert cli.main(["plan", str(file), "--scale", "0.01", "--replications", "1", "--jobs", "1"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    parts: tuple[Any, ...] = (
        "grooming conversations",
        "harmless conversations",
        "7 detectors x messages",
        "false alerts,",
        "queue moderators",
        "reviewers busy of",
    )
    for part in (*parts, "(estimate)", "n/a (needs two replications or more", "Approximate"):
        assert part in out
