"""The simulation broken in one way at a time: the relation that speaks of it is broken, and no other that does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from simharness import units
from simharness.outcomes import cell as cell_module
from simharness.outcomes.readings import Reading
from simharness.response import log
from simharness.response.arm import ArmSimulation
from simharness.response.desk import Desk
from simharness.response.draws import Draws
from simharness.response.people import Families
from simharness.response.police import Police
from simharness.response.watch import Watch
from simharness.scenario.load import Loaded
from simharness.selftest.context import FIRST_MESSAGE, Context
from simharness.selftest.relations import RELATIONS, tried
from simharness.world import meet

Patch = pytest.MonkeyPatch


def draws_by_turn(patch: Patch) -> None:
    """One counter for everybody instead of addresses."""
    turn = count(1)
    patch.setattr(Draws, "uniform", lambda self, *address: (next(turn) * 0.6180339887498949) % 1.0)


def an_alert_out_of_nowhere(patch: Patch) -> None:
    """Every policy also alerts on the first conversation, whatever its detector said."""
    crossings = Watch.first_crossings

    def more(self: Watch) -> Any:
        yield from crossings(self)
        if self.sim.given.planned and not len(self.sim.given.alarms):
            self._raise_right(0, ("nobody",), 0, 1.0, 1.0)

    patch.setattr(Watch, "first_crossings", more)


def shadows_that_act(patch: Patch) -> None:
    """What is only tried out ends a conversation all the same."""
    act = ArmSimulation.act

    def acting(self: ArmSimulation, actions: Any, case: Any, **more: Any) -> None:
        if not self.live and case.right:
            self.end(case.row)
        act(self, actions, case, **more)

    patch.setattr(ArmSimulation, "act", acting)


def one_person_at_every_desk(patch: Patch) -> None:
    make = Desk.__init__

    def alone(self: Desk, env: Any, shifts: Any, at_first: Any, host: Any) -> None:
        make(self, env, [(shift, 1, tier) for shift, _, tier in shifts], at_first, host)

    patch.setattr(Desk, "__init__", alone)


def an_hour_of_3601_seconds(patch: Patch) -> None:
    patch.setattr(units, "DURATION_UNITS", MappingProxyType(dict(units.DURATION_UNITS) | {"h": 3601.0}))


def a_week_of_eight_days(patch: Patch) -> None:
    patch.setattr(units, "RATE_UNITS", MappingProxyType(dict(units.RATE_UNITS) | {"week": 691200.0}))


def contacts_counted_from_the_end(patch: Patch) -> None:
    """When contact is made depends on how long the period is."""
    contacts = meet.poisson_contacts

    def late(*given: Any) -> Any:
        row, occasion, time = contacts(*given)
        return row, occasion, np.where(time >= 0, given[-1] - time, time)

    patch.setattr(meet, "poisson_contacts", late)


def police_who_know_the_end(patch: Patch) -> None:
    """Nobody is recorded in the last four weeks of whatever the period is."""
    record = Police.record

    def early(self: Police, row: int, *, referred: bool) -> None:
        if self.sim.env.now < self.sim.horizon_s - 28 * 86_400.0:
            record(self, row, referred=referred)

    patch.setattr(Police, "record", early)


def grooming_that_silences_the_rest(patch: Patch) -> None:
    """Where there is grooming, harmless traffic raises no alarm."""
    add = Reading.add_benign

    def silent(self: Reading, batch: Any) -> None:
        add(self, batch)
        for parts in self.false_alarms.values() if self.grooming else ():
            contacts, alarms = parts[-1]
            parts[-1] = contacts.take(slice(0, 0)), alarms.take(slice(0, 0))

    patch.setattr(Reading, "add_benign", silent)


def alarms_a_day_before_their_message(patch: Patch) -> None:
    alarms = Reading._alarms

    def early(self: Reading, *given: Any) -> Any:
        found = alarms(self, *given)
        return found if self.scorer.name == FIRST_MESSAGE else replace(found, time=found.time - 86_400.0)

    patch.setattr(Reading, "_alarms", early)


def nobody_believes_the_first_hour(patch: Patch) -> None:
    """A warning at the very beginning of a conversation changes nothing."""
    answer = Families._answer

    def later(self: Families, row: int, *given: Any) -> None:
        if self.sim.env.now > self.sim.state.start[row] + 3600.0:
            answer(self, row, *given)

    patch.setattr(Families, "_answer", later)


def children_by_the_number_of_platforms(patch: Patch) -> None:
    targets = meet._targets
    patch.setattr(meet, "_targets", lambda model, *given: targets(model, *given) + len(model.platforms))


def levels_upside_down(patch: Patch) -> None:
    from simharness.detection.scoring import Scorer

    crossings = Scorer.crossings
    patch.setattr(
        Scorer, "crossings", lambda self, batch, levels, risk=None: crossings(self, batch, levels, risk)[:, ::-1]
    )


def a_referral_under_another_name(patch: Patch) -> None:
    patch.setattr(log, "_KIND", log._KIND | {"refer_police": log._KIND["share_signal"]})


def one_world_for_every_seed(patch: Patch) -> None:
    patch.setattr(cell_module, "replication_seed", lambda scenario, replication: 1 + replication)


def every_other_of_a_batch_unread(patch: Patch) -> None:
    keep = Reading._keep

    def unread(self: Reading, view: Any, risk: Any, places: Any) -> None:
        places = places.copy()
        places[1::2] = -1
        keep(self, view, risk, places)

    patch.setattr(Reading, "_keep", unread)


BREAKS: dict[Callable[[Patch], None], set[str]] = {
    draws_by_turn: {  # whatever compares two lives event for event
        "never_is_police_only",
        "shadow_is_police_only",
        "first_message_prevents_most",
        "time_unit",
        "horizon_extension",
        "same_seed_same_run",
        "split_of_work",
        "added_arm_changes_no_other",
    },
    an_alert_out_of_nowhere: {"never_is_police_only"},
    shadows_that_act: {"shadow_is_police_only"},
    one_person_at_every_desk: {"infinite_staff_no_wait"},
    an_hour_of_3601_seconds: {"time_unit"},
    a_week_of_eight_days: {"time_unit"},
    # Levels were set before it was broken, and are set anew only where everything is made ready again.
    contacts_counted_from_the_end: {"horizon_extension", "same_seed_same_run"},
    police_who_know_the_end: {"horizon_extension"},
    grooming_that_silences_the_rest: {"zero_prevalence"},
    alarms_a_day_before_their_message: {"first_message_is_earliest"},
    nobody_believes_the_first_hour: {"first_message_prevents_most"},
    children_by_the_number_of_platforms: {"split_platform"},
    levels_upside_down: {"higher_level_is_subset"},
    a_referral_under_another_name: {"every_label_reachable"},
    one_world_for_every_seed: {"another_seed_another_run"},
    every_other_of_a_batch_unread: {"split_of_work", "horizon_extension"},
}


@pytest.fixture(scope="module")
def fresh(context: Context, small: Callable[..., Loaded]) -> Callable[[], Context]:
    """One replication of what was made ready before anything was broken, not lived through yet."""
    loaded = small(replications=1)
    return lambda: Context(loaded, replace(context.prepared, model=replace(context.prepared.model)))


def broken(context: Context) -> set[str]:
    return {name for name in RELATIONS if tried(name, context).result == "broken"}


def test_nothing_is_broken(fresh: Callable[[], Context]) -> None:
    assert broken(fresh()) == set()


@pytest.mark.parametrize("fault", BREAKS, ids=lambda fault: fault.__name__)
def test_a_fault_breaks_the_relation_that_speaks_of_it(
    fresh: Callable[[], Context], fault: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    fault(monkeypatch)
    assert broken(fresh()) == BREAKS[fault]
