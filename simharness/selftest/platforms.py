"""One platform split into two that are each half of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from simharness.detection.levels import Levels
from simharness.metrics.intervals import Interval, paired_difference
from simharness.outcomes.cell import Cell, Prepared, read_world, replication_seed
from simharness.outcomes.readings import Reading
from simharness.outcomes.traces import Traces
from simharness.scenario.model import Scenario
from simharness.scenario.policy import Arm
from simharness.selftest.context import FAMILY_LEVEL, Context, grooming_only, live, under, with_arms
from simharness.selftest.findings import Difference, NotApplicable, Outcome, outcome_of
from simharness.selftest.first_message import ending, only_ending
from simharness.world.contacts import Contacts
from simharness.world.generate import World
from simharness.world.model import build_model

MOST_PLATFORMS = 8  # that a scenario may have
_ENOUGH = 5  # replications with which an interval at the family's level says anything
_OF_PLACES = ("suspend_account",)  # what an account's platform bounds: less is suspended where there are two


def split_platform(context: Context) -> Outcome:
    """Two halves of a platform are what the whole was: who writes what, who is alerted on, and what it comes to.

    Exact: the natural course, and what detectors make of it that do not judge by the platform's number. On average:
    where contacts are made, what the code covers, and what alerts to children alone then prevent.
    """
    scenario = context.scenario
    if len(scenario.world.platforms) >= MOST_PLATFORMS:
        return NotApplicable(f"a scenario has at most {MOST_PLATFORMS} platforms, and this one has them all")
    whole = _largest(scenario)
    halved = split(scenario, whole)
    two = halves_of(context.prepared, halved, build_model(halved, context.loaded.folder), whole)
    compared = f"{whole}, and two halves of it"
    exact = _natural(context, two, whole) or _read(context, two)
    if exact is not None:
        return outcome_of(compared, "", exact)
    if len(context.replications) < _ENOUGH:
        seen = f"exact part only: averages need at least {_ENOUGH} replications, and there are {len(context.worlds)}"
        return outcome_of(compared, seen, None)
    found, told = _on_average(context, two, whole)
    return outcome_of(compared, told, found)


def _largest(scenario: Scenario) -> str:
    shares = scenario.world.offenders.platforms.shares
    return max(shares, key=lambda name: shares[name])


def _half(name: str) -> str:
    return f"{name}_second_half"


def split(scenario: Scenario, whole: str) -> Scenario:
    """The scenario with one more platform, last, that takes half of another's contacts and is like it in all else."""
    world, other = scenario.world, _half(whole)

    def halved(shares: dict[str, float]) -> dict[str, float]:
        share = shares.get(whole, 0.0)
        return shares | {whole: share / 2.0, other: share / 2.0} if share else shares

    places = world.offenders.platforms.model_copy(update={"shares": halved(world.offenders.platforms.shares)})
    changed = world.model_copy(
        update={
            "platforms": world.platforms | {other: world.platforms[whole]},
            "offenders": world.offenders.model_copy(update={"platforms": places}),
            "benign": world.benign.model_copy(update={"platforms": halved(world.benign.platforms)}),
        }
    )
    arms = {name: _on_both(arm, whole) for name, arm in scenario.arms.items()}
    return scenario.model_copy(update={"world": changed, "arms": arms})


def _on_both(arm: Arm, whole: str) -> Arm:
    more: dict[str, Any] = {}
    if arm.code is not None and whole in arm.code.coverage:
        coverage = arm.code.coverage | {_half(whole): arm.code.coverage[whole]}
        more["code"] = arm.code.model_copy(update={"coverage": coverage})
    if whole in arm.encrypted:
        more["encrypted"] = [*arm.encrypted, _half(whole)]
    return arm.model_copy(update=more)


def halves_of(prepared: Prepared, halved: Scenario, model: Any, whole: str) -> Prepared:
    """The same detectors and levels for the scenario of the two halves."""
    place = list(halved.world.platforms).index(whole)

    def wider(levels: Levels) -> Levels:
        signal = {
            name: replace(one, hidden=np.append(one.hidden, one.hidden[place])) for name, one in levels.signal.items()
        }
        return replace(levels, signal=signal)

    return replace(prepared, model=model, levels={name: wider(one) for name, one in prepared.levels.items()})


# -- exact -------------------------------------------------------------------------------------------------------------


def _natural(context: Context, two: Prepared, whole: str) -> Difference | None:
    """Every conversation but for where it takes place; nothing moves to another platform than the new half... or back.

    Contacts on other platforms may change places too: on which platforms a child is decides where it can be met.
    """
    for replication in context.worlds:
        seed = replication_seed(two.model.scenario, replication)
        one, other = World(context.prepared.model, seed), World(two.model, seed)
        found = _contacts(one.grooming_contacts(), other.grooming_contacts())
        for before, after in zip(one.benign_contacts(), other.benign_contacts(), strict=True):
            found = found or _contacts(before, after)
        if found is not None:
            return found
    return None


def _contacts(expected: Contacts, got: Contacts) -> Difference | None:
    if len(expected) != len(got):
        return Difference("", "conversations", "", str(len(got)), str(len(expected)))
    for column in Contacts.__slots__:
        one, other = getattr(got, column), getattr(expected, column)
        rows = np.flatnonzero(one != other)
        if column != "platform" and rows.size:
            row = int(rows[0])
            where = f"conversation {expected.conversation[row]}"
            return Difference("", f"contacts, {column}", where, str(one[row]), str(other[row]))
    return None


def _read(context: Context, two: Prepared) -> Difference | None:
    """What detectors that judge by texts, senders and times make of the same conversations."""
    for replication in context.worlds:
        known = read_world(two, replication).readings
        for name, reading in context.cell(replication).readings.items():
            if reading.scorer.table is None and not reading.scorer.reads_texts:
                continue  # it may judge by the platform's number, and has never seen that of the new one
            for part in ("traces", "benign_traces"):
                expected, got = (_alerts(one, part) for one in (reading, known[name]))
                rows = np.flatnonzero(expected != got)
                if rows.size:
                    row = int(rows[0])
                    where = f"conversation {row + 1} of {part}"
                    return Difference(name, "message alerted on", where, str(got[row]), str(expected[row]))
    return None


def _alerts(reading: Reading, part: str) -> Any:
    return Traces.joined(getattr(reading, part)).alert


# -- on average --------------------------------------------------------------------------------------------------------


def _on_average(context: Context, two: Prepared, whole: str) -> tuple[Difference | None, str]:
    """Paired differences over replications, all of them together at ``FAMILY_LEVEL``."""
    place, last = list(context.scenario.world.platforms).index(whole), len(context.scenario.world.platforms)
    arms = {name: ending(arm) for name, arm in context.arms().items()}
    one, other = (_alerting(prepared, set(arms)) for prepared in (context.prepared, two))
    before, after = ([live(one_of, n) for n in context.replications] for one_of in (one, other))
    pairs: dict[tuple[str, str], tuple[list[float], list[float]]] = {
        ("", f"contacts on {whole}, both halves"): (
            [_on(cell, place, last) for cell in after],
            [_on(cell, place) for cell in before],
        ),
        ("", "contacts on one half, against the other"): (
            [_on(cell, last) for cell in after],
            [_on(cell, place) for cell in after],
        ),
    }
    for name in arms:
        for what, count in (("right alerts", _raised), ("events left over", _events)):
            pairs[name, what] = [count(cell, name) for cell in after], [count(cell, name) for cell in before]
    level = 1.0 - (1.0 - FAMILY_LEVEL) / len(pairs)
    for (subject, what), (got, expected) in pairs.items():
        found = paired_difference(got, expected, level)
        if found.low is not None and found.high is not None and not found.low <= 0.0 <= found.high:
            return Difference(subject, f"{what}, a replication more", "", _words(found), "0"), ""
    seen = f"{len(pairs)} totals the same over {len(before)} replications, at {100 * FAMILY_LEVEL:.0f} % together"
    return None, seen


def _alerting(prepared: Prepared, names: set[str]) -> Prepared:
    """Policies with the actions whose reach is one conversation, in a world in which nobody moves because of them."""
    arms = {}
    for name in names:
        arm = ending(prepared.model.scenario.arms[name])
        arms[name] = arm.model_copy(update={"on_alert": [one for one in arm.on_alert if one not in _OF_PLACES]})
    ready = with_arms(grooming_only(prepared), dict(sorted(arms.items())), {name: name for name in arms})
    return under(ready, only_ending(ready.model.scenario))


def _on(cell: Cell, *places: int) -> float:
    return float(np.isin(cell.contacts.platform[: cell.planned], places).sum())


def _raised(cell: Cell, arm: str) -> float:
    return float(sum(cell.arms[arm].log.alert_right))


def _events(cell: Cell, arm: str) -> float:
    return float(np.isfinite(cell.arms[arm].outcomes).sum())


def _words(found: Interval) -> str:
    return f"{found.estimate:+.4g} ({found.low:+.4g} to {found.high:+.4g})"
