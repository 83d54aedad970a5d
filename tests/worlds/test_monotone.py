"""Pairs of policies on one world, draw for draw: what theory says can only go one way, or not move at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from simharness.detection.levels import calibrate_levels
from simharness.detection.scoring import build_detectors, prepare
from simharness.outcomes import cell as cell_module
from simharness.outcomes.cell import Prepared, run_cell
from simharness.response.arm import ArmInput, ArmResult, ArmSimulation
from simharness.response.log import EFFECTS, SHADOW
from simharness.scenario.load import Loaded
from simharness.scenario.policy import RECIPIENTS, Arm
from simharness.scenario.response import Response
from simharness.world.model import WorldModel, build_model

ASSUMED = {"evidence": "assumed", "source": "test"}
SMALL = (
    "training={grooming: 60, benign: 300, calibration: 4000}",
    "sampling.benign_fraction=0.02",
    "world.natural_course.reported_to_police.value=1",  # and recorded, so that a small world gives the police work
    "world.recording.rate.value=1",
)
ONE = 200  # staff of the whole country that are one person in this world
PLATFORMS = ("facebook", "instagram", "snapchat", "other")
CODE = ASSUMED | {"coverage": dict.fromkeys(PLATFORMS, 1.0)}
HALF = ASSUMED | {"coverage": {"facebook": 0.5, "instagram": 0.5}}
AROUND_THE_CLOCK = {"begins": "0h", "ends": "24h", "staff": ONE}
COLUMNS = ("outcomes", "recorded", "cut", "start")
SOON = {"kind": "constant", "value": "6h"}


def arm(**more: Any) -> dict[str, Any]:
    """An arm that alerts and does nothing about it, as plain values."""
    level = {"false_alerts_per_1000_child_months": 4.0}
    plain = {"title": "test", "law": "communication", "detector": "text_model", "alert_level": level, "code": CODE}
    return plain | more


def queue(**more: Any) -> dict[str, Any]:
    """One perfect reader around the clock, half an hour an alert."""
    return ASSUMED | {"tiers": {"all": tier("30min")}, "shifts": [AROUND_THE_CLOCK], "expires": "1000d"} | more


def tier(median: str, **more: Any) -> dict[str, Any]:
    service = {"kind": "lognormal", "median": median, "sigma": 0.6}
    return ASSUMED | {"service": service, "sensitivity": 1.0, "specificity": 1.0} | more


def read(**more: Any) -> dict[str, Any]:
    return arm(on_alert=["queue.all"], queues={"all": queue(**more)})


@dataclass(frozen=True)
class World:
    model: WorldModel
    seed: int
    given: Mapping[bool, ArmInput]  # with a detector, and without

    def run(self, plain: Mapping[str, Any], **reactions: Any) -> ArmResult:
        """One arm under the scenario's reactions with some of them changed; None: left out."""
        policy, scenario = Arm.model_validate(plain), self.model.scenario
        response = scenario.response.model_dump(mode="json", exclude_none=True)
        for name, block in reactions.items():
            before = response["reactions"].pop(name)
            if block is not None:
                response["reactions"][name] = before | block
        scenario = scenario.model_copy(update={"response": Response.model_validate(response)})
        given = self.given[policy.detector is not None]
        return ArmSimulation(replace(self.model, scenario=scenario), self.seed, policy, given).run()


@pytest.fixture(scope="module")
def world(load: Callable[..., Loaded]) -> World:
    loaded = load(*SMALL, scale=0.005)
    specs = {"text_model": loaded.scenario.detectors["text_model"]}
    alone = {loaded.scenario.comparator: loaded.scenario.arms[loaded.scenario.comparator]}
    arms = alone | {"alerts": Arm.model_validate(arm())}
    model = build_model(loaded.scenario.model_copy(update={"detectors": specs, "arms": arms}), loaded.folder)
    scorers = prepare(model, build_detectors(specs, loaded.folder))
    given: dict[bool, ArmInput] = {}
    simulate = cell_module.simulate_arm

    def noting(model: WorldModel, seed: int, arm: Arm, what: ArmInput) -> ArmResult:
        given[arm.detector is not None] = what
        return simulate(model, seed, arm, what)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cell_module, "simulate_arm", noting)
        seed = run_cell(Prepared(model, scorers, calibrate_levels(model, scorers)), 0).seed
    return World(model, seed, given)


def same(one: ArmResult, other: ArmResult) -> bool:
    """Whether two arms agree on everything, event for event."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


def done(result: ArmResult) -> list[tuple[Any, ...]]:
    """Every action: on which alert of which conversation, what, when and to what effect."""
    log = result.log
    columns = zip(log.action_alert, log.action_kind, log.action_at_s, log.action_effect, strict=True)
    return sorted((log.alert_conversation[alert], kind, at, effect) for alert, kind, at, effect in columns)


# -- staff ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("median", ["30min", "4h", "30h"])
def test_more_staff_never_lengthens_a_first_come_wait(world: World, median: str) -> None:
    """Alert by alert; who was never read has waited longer than anybody. Not so for other rules, nor with shifts."""

    def waits(staff: int) -> np.ndarray[Any, Any]:
        shifts = [AROUND_THE_CLOCK | {"staff": staff * ONE}]
        log = world.run(read(tiers={"all": tier(median)}, shifts=shifts)).log
        wait = np.array(log.stay_started_s) - np.array(log.stay_entered_s)
        return np.where(np.isnan(wait), np.inf, wait)[np.argsort(log.stay_alert)]

    few, *more = (waits(staff) for staff in (1, 2, 3, 8))
    assert few.size > 100 and np.any(few > 0)
    for shorter in more:
        assert np.all(shorter <= few + 1e-6)
        few = shorter


ACTING = ["alert_child", "restrict_messaging", "share_signal", "suspend_account", "alert_guardian"]


@pytest.mark.parametrize("actions", [["alert_child"], ["refer_police", "nudge_child"], ACTING])
def test_readers_without_end_in_no_time_are_the_instant_policy(world: World, actions: list[str]) -> None:
    """Whether a false alert is acted upon as at once, or cleared, which nobody but those concerned ever notices."""
    instant = world.run(arm(on_alert=actions))
    no_time = {"all": tier("30min") | {"service": {"kind": "constant", "value": "0s"}}}
    endless = {"tiers": no_time, "shifts": [AROUND_THE_CLOCK | {"staff": 100_000 * ONE}], "on_confirmed": actions}
    either = world.run(read(**endless, on_cleared=actions))
    assert same(either, instant) and done(either) == done(instant) and len(done(instant)) > 100
    if "refer_police" not in actions:  # whose officers would be busy with the false ones
        calm = {"habituation": {"value": 0.0}}
        perfect, instantly = world.run(read(**endless), **calm), world.run(arm(on_alert=actions), **calm)
        assert same(perfect, instantly) and len(done(perfect)) < len(done(instantly))
    assert not same(instant, world.run(arm()))


# -- doing nothing ----------------------------------------------------------------------------------------------------

EVERYTHING = list(RECIPIENTS)
FAILING = {
    "text_only_dropped": 0.3,
    "owner_missing": 0.2,
    "lock_expires_unseen": 0.5,
    "restamped_late": {"share": 0.5, "delay": "9h"},
    "outages": [{"begins": "30d", "lasts": "20d"}],
    "latency": SOON,
    "duplicates": 0.5,
}
CLAIMED = {"claim": ASSUMED | {"stalls": 0.5, "expires": "3h"}}
PREVENTING = {"safer_defaults": ASSUMED | {"prevented": 0.5}, "displacement": ASSUMED | {"share": 0.5}}
KINDS = {
    "at once": arm(on_alert=EVERYTHING),
    "read": read(on_confirmed=EVERYTHING, on_cleared=EVERYTHING),
    "in sequence": arm(
        on_alert=["nudge_child", "queue.one"],
        queues={
            "one": queue(on_confirmed=["suspend_account", "queue.two"], merge_by_account=True, **CLAIMED),
            "two": queue(on_confirmed=["refer_police"], drop_when_ended=True),
        },
    ),
    "failing": read(on_confirmed=EVERYTHING, **CLAIMED) | {"failures": ASSUMED | FAILING},
    "limited": arm(
        on_alert=EVERYTHING, trigger={"budget_per_day": ONE, "account": {"conversations": 2, "within": "30d"}}
    ),
    "prevented and displaced": arm(on_alert=EVERYTHING, code=HALF | PREVENTING),
    "audited": arm(on_alert=EVERYTHING, code=HALF | {"audits": ASSUMED | {"interval": "20d", "closes": 0.9}}),
}


@pytest.mark.parametrize(
    ("kind", "law"), [*((kind, "communication") for kind in KINDS), ("at once", "none"), ("read", "meeting")]
)
def test_a_shadow_is_the_police_alone(world: World, kind: str, law: str) -> None:
    """It alerts, reads and says what it would have done; nothing else moves."""
    plain = KINDS[kind] | {"law": law}
    alone = world.run({"title": "test", "law": law})
    shadow = world.run(plain | {"mode": "shadow"})
    assert same(shadow, alone)
    effects = {EFFECTS[effect] for effect in shadow.log.action_effect}
    assert effects == {EFFECTS[SHADOW]} and len(shadow.log.alert_right) > 20
    counted = {name for name in shadow.log.counts if name.endswith(".taken") or name.startswith("wrong_")}
    assert not counted and not shadow.log.counts["referrals"] and not shadow.log.counts["contacts_displaced"]
    assert not same(world.run(plain), alone)


# -- switched off, or with probability 0 ------------------------------------------------------------------------------

REACTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # with probability 0, and with certainty
    "habituation": ({"value": 0.0}, {"value": 1.0}),
    "new_account": ({"probability": 0.0}, {"probability": 1.0, "delay": SOON}),
    "tipped_off": ({"notices": 0.0}, {"notices": 1.0}),
    "substitution": ({"probability": 0.0}, {"probability": 1.0, "delay": SOON}),
}


@pytest.mark.parametrize("reaction", REACTIONS)
def test_a_reaction_left_out_is_one_with_probability_0(world: World, reaction: str) -> None:
    zero, sure = REACTIONS[reaction]
    plain = arm(on_alert=["alert_child", "suspend_account"])
    out, never, always = (world.run(plain, **{reaction: block}) for block in (None, zero, sure))
    assert same(out, never) and done(out) == done(never)
    assert not same(never, always)


@pytest.mark.parametrize(
    ("action", "reaction", "zero"),
    [
        ("alert_guardian", "alert_guardian", {"probability": 0.0}),
        ("share_signal", "signal_sharing", {"probability": 0.0}),
    ],
)
def test_an_action_that_nobody_answers_is_none(world: World, action: str, reaction: str, zero: dict[str, Any]) -> None:
    alone, both = arm(on_alert=["suspend_account"]), arm(on_alert=["suspend_account", action])
    assert same(world.run(alone), world.run(both, **{reaction: zero}))
    assert not same(world.run(alone), world.run(both, **{reaction: {"probability": 1.0}}))


def failing(**what: Any) -> dict[str, Any]:
    """A reader who is late, and what goes wrong: nothing unless said."""
    busy = read(tiers={"all": tier("10h")}, on_confirmed=["alert_child", "refer_police"], **CLAIMED)
    return busy | ({"failures": ASSUMED | what} if what else {})


def reading(**what: Any) -> dict[str, Any]:
    return read(tiers={"all": tier("1h", sensitivity=0.6, specificity=0.9)}, on_confirmed=["alert_child"], **what)


def under(**what: Any) -> dict[str, Any]:
    return arm(on_alert=["alert_child"], code=HALF | {name: ASSUMED | block for name, block in what.items()})


SWITCHES = {  # left out, with probability 0, and at work
    "safer defaults": (under(), under(safer_defaults={"prevented": 0.0}), under(safer_defaults={"prevented": 0.5})),
    "displacement": (under(), under(displacement={"share": 0.0}), under(displacement={"share": 1.0})),
    "audits": tuple(
        under(**what)
        for what in ({}, {"audits": {"interval": "9d", "closes": 0.0}}, {"audits": {"interval": "9d", "closes": 1.0}})
    ),
    "stalls": tuple(
        reading(**what)
        for what in ({}, *({"claim": ASSUMED | {"stalls": share, "expires": "9h"}} for share in (0.0, 0.8)))
    ),
    "second review": tuple(
        reading(**what)
        for what in ({}, *({"second_review": {"of": "cleared", "share": share}} for share in (0.0, 1.0)))
    ),
    "fatigue": tuple(
        reading(**what)
        for what in (
            {},
            *(
                {"fatigue": ASSUMED | {"accuracy_lost_per_hour": lost, "slower_per_hour": slower}}
                for lost, slower in ((0.0, 0.0), (0.2, 0.5))
            ),
        )
    ),
    **{
        name: (failing(), failing(**{name: 0.0}), failing(**{name: 1.0}))
        for name in ("text_only_dropped", "owner_missing", "lock_expires_unseen", "duplicates")
    },
    "restamped late": (failing(), *(failing(restamped_late={"share": share, "delay": "9d"}) for share in (0.0, 0.5))),
    "latency": (failing(), *(failing(latency={"kind": "constant", "value": late}) for late in ("0s", "3d"))),
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_is_left_out_of_a_policy_is_what_never_happens(world: World, switch: str) -> None:
    out, never, at_work = (world.run(plain) for plain in SWITCHES[switch])
    assert same(out, never) and done(out) == done(never)
    for column in ("stay_alert", "stay_entered_s", "stay_verdict", "stay_worked_s"):
        assert getattr(out.log, column) == getattr(never.log, column)
    assert not same(out, at_work)
