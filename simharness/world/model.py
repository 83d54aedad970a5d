"""A scenario's world made ready: everything that does not depend on the seed of one replication."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simharness.errors import UsageError
from simharness.scenario.model import Scenario
from simharness.streams import derive_seed
from simharness.world.acts import ACT_INDEX
from simharness.world.clock import Clock
from simharness.world.grammar import CompiledGrammar, compile_grammar
from simharness.world.messages import Rules
from simharness.world.natural import stage_hazards
from simharness.world.phrasebook import Phrasebook, build_phrasebook
from simharness.world.population import Children, load_children, membership_by_age, solve_preference
from simharness.world.stress import continued, stressed

Edition = Literal["training", "use"]


@dataclass(frozen=True, slots=True)
class WorldModel:
    """Population, compiled grammar, phrasebooks and preferences of one scenario at one scale.

    Under stress ``scenario`` has its dials carried out, and ``unstressed`` is the same without any: the world in which
    detectors are trained.
    """

    scenario: Scenario
    children: Children
    grammar: CompiledGrammar
    phrasebooks: dict[Edition, Phrasebook]
    clock: Clock
    horizon: float  # waking seconds
    membership: NDArray[np.float64]  # (platforms, ages)
    offender_preference: NDArray[np.float64]  # (platforms,)
    benign_preference: NDArray[np.float64]
    unstressed: WorldModel | None = None

    @property
    def platforms(self) -> tuple[str, ...]:
        return tuple(self.scenario.world.platforms)

    @property
    def rules(self) -> Rules:
        """What the message kernel goes by, in waking seconds."""
        course = self.scenario.world.natural_course
        return Rules(
            sexual=ACT_INDEX["sexual"],
            meeting=ACT_INDEX["suggests_meeting"],
            repeat_after=self.clock.waking_span(course.repeat_after),
            horizon=self.horizon,
            hazard=stage_hazards(course.child_tells, self.grammar.stage_names, self.clock),
            after_end=course.child_tells.after_end,
        )

    @property
    def child_months(self) -> float:
        return self.children.total * self.scenario.months


def build_model(scenario: Scenario, folder: Path) -> WorldModel:
    """Make a scenario's world ready; ``folder`` is where its relative paths begin. Raises UsageError."""
    if scenario.stress is None or not scenario.stress.on:
        return _built(scenario, folder)
    plain = _built(scenario.model_copy(update={"stress": None}), folder)
    return replace(_built(stressed(scenario), folder), unstressed=plain)


def _built(scenario: Scenario, folder: Path) -> WorldModel:
    world = scenario.world
    children = load_children(world.population, folder / world.population.table, scenario.scale)
    unknown = [name for name in world.recording.forces if name not in children.forces]
    if unknown:
        raise UsageError(
            "world.recording.forces", f"unknown force area {unknown[0]!r}", allowed=", ".join(children.forces)
        )
    for number, group in enumerate(world.victims.groups):
        begin, end = children.id_range(group.sex, group.youngest, group.oldest)
        if end <= begin:
            where = f"world.victims.groups.{number}"
            raise UsageError(where, "no child is in this group", hint="Check its ages, or use a larger --scale.")
    membership = membership_by_age(world.platforms, children)
    if not np.any(np.all(membership == 1.0, axis=1)):
        raise UsageError(
            "world.platforms",
            "no platform has every child as a member, so some contacts could be on none",
            hint="Give one platform (such as 'other') membership 1 for every age.",
        )
    try:
        grammar = compile_grammar(world.grammar, world.pacing, (*world.offenders.types, *world.benign.classes))
        offender = _preference(
            world.offenders.platforms.shares, world.platforms, membership, _victim_ages(scenario, children)
        )
        benign = _preference(world.benign.platforms, world.platforms, membership, children.per_year())
    except ValueError as error:
        raise UsageError("world", str(error)) from error
    clock = Clock(world.day.begins, world.day.lasts)
    horizon = scenario.period.days * clock.lasts_s
    books: dict[Edition, Phrasebook] = {edition: _phrasebook(scenario, edition) for edition in ("training", "use")}
    return WorldModel(scenario, children, grammar, books, clock, horizon, membership, offender, benign)


def _phrasebook(scenario: Scenario, edition: Edition) -> Phrasebook:
    seed, settings = derive_seed(scenario.seed, "phrasebook"), scenario.world.phrasebook
    stress = scenario.stress if edition == "use" else None
    book = build_phrasebook(
        seed,
        settings.rendering,
        overlap=settings.overlap,
        drift=settings.drift,
        obfuscation=settings.obfuscation,
        edition=edition,
        switching=scenario.stress.switching if scenario.stress else 0.0,
    )
    if stress is None or stress.split == stress.repetition == 0.0:
        return book
    return continued(book, seed, split=stress.split, repetition=stress.repetition)


def _victim_ages(scenario: Scenario, children: Children) -> NDArray[np.float64]:
    weights = np.zeros(children.ages)
    for group in scenario.world.victims.groups:
        low = max(group.youngest, children.youngest) - children.youngest
        high = min(group.oldest, children.oldest) - children.youngest
        per_year = children.per_year()[low : high + 1]
        weights[low : high + 1] += group.share * per_year / per_year.sum()
    return weights


def _preference(
    shares: dict[str, float], platforms: object, membership: NDArray[np.float64], age_weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    wanted = np.array([shares.get(name, 0.0) for name in platforms])  # type: ignore[attr-defined]
    return solve_preference(wanted, membership, age_weights)
