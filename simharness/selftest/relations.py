"""Every relation by name, in the order shown, and how they are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from simharness.detection.faults import DetectorFailed
from simharness.detection.scoring import build_detectors
from simharness.errors import UsageError
from simharness.parallel import run_cells
from simharness.run import prepare_cells
from simharness.scenario.load import Loaded, located
from simharness.scenario.tree import did_you_mean
from simharness.selftest.context import Context
from simharness.selftest.detectors import future_scramble, higher_level_is_subset, id_permutation
from simharness.selftest.findings import Broken, Finding, Held, Relation
from simharness.selftest.first_message import (
    first_message_is_earliest,
    first_message_on_average,
    first_message_prevents_most,
)
from simharness.selftest.horizon import horizon_extension
from simharness.selftest.labels import every_label_reachable
from simharness.selftest.platforms import split_platform
from simharness.selftest.police_only import never_is_police_only, shadow_is_police_only
from simharness.selftest.prevalence import zero_prevalence
from simharness.selftest.staff import infinite_staff_no_wait
from simharness.selftest.time_unit import time_unit
from simharness.selftest.work import (
    added_arm_changes_no_other,
    another_seed_another_run,
    same_seed_same_run,
    split_of_work,
)
from simharness.world.model import build_model

RELATIONS: dict[str, Relation] = {
    relation.__name__: relation
    for relation in (
        zero_prevalence,
        never_is_police_only,
        shadow_is_police_only,
        first_message_is_earliest,
        first_message_prevents_most,
        first_message_on_average,
        infinite_staff_no_wait,
        split_platform,
        time_unit,
        horizon_extension,
        id_permutation,
        future_scramble,
        higher_level_is_subset,
        every_label_reachable,
        same_seed_same_run,
        another_seed_another_run,
        split_of_work,
        added_arm_changes_no_other,
    )
}
PREPARED = "detectors_answer"  # shown only where one does not
Notify = Callable[[int, int], None]  # (relations done, in all)


def selftest(loaded: Loaded, *, only: Sequence[str] = (), jobs: int = 1, notify: Notify | None = None) -> list[Finding]:
    """Try relations (all, or ``only`` those named) on a scenario at its own seed, scale and replications.

    A detector that fails is told of as a finding, and the others are tried without it. Raises UsageError for an unknown
    name or a scenario that cannot be made ready, and Interrupted.
    """
    names = _chosen(only)
    context = made_ready(loaded)
    found: dict[int, Finding] = {}

    def note(place: int, finding: Finding) -> None:
        found[place] = finding
        if notify is not None:
            notify(len(found), len(names))

    run_cells(partial(_tried, context, names), range(len(names)), jobs, note)
    return [*_failed(context), *(found[place] for place in range(len(names)))]


def made_ready(loaded: Loaded) -> Context:
    """The scenario with its detectors trained. Raises UsageError."""
    scenario = loaded.scenario.one_nation()
    with located(loaded):
        detectors = build_detectors(scenario.detectors, loaded.folder)
        model = build_model(scenario, loaded.folder)
    return Context(loaded, prepare_cells(model, detectors))


def tried(name: str, context: Context) -> Finding:
    """One relation, and what came of it."""
    relation = RELATIONS[name]
    title = (relation.__doc__ or "").partition("\n")[0].strip()
    try:
        outcome = relation(context)
    except DetectorFailed as error:
        return Finding(name, title, "failed", "", str(error))
    if isinstance(outcome, Held):
        return Finding(name, title, "holds", outcome.compared, outcome.seen)
    if isinstance(outcome, Broken):
        return Finding(name, title, "broken", outcome.compared, "", outcome.at)
    return Finding(name, title, "not applicable", "", outcome.why)


def _tried(context: Context, names: Sequence[str], place: int) -> Finding:
    return tried(names[place], context)


def _chosen(only: Sequence[str]) -> list[str]:
    for name in only:
        if name not in RELATIONS:
            hint = did_you_mean(name, RELATIONS)
            raise UsageError(f"--only {name}", "no such relation", allowed=", ".join(RELATIONS), hint=hint)
    return [name for name in RELATIONS if not only or name in only]


def _failed(context: Context) -> Iterator[Finding]:
    lost = [fault for fault in context.prepared.faults if fault.effect == "failed"]
    if lost:
        title = "Every detector is made ready; without it, its policies could not be tried."
        told = "; ".join(f"{fault.detector}: {fault.first} ({fault.kind.replace('_', ' ')})" for fault in lost)
        yield Finding(PREPARED, title, "failed", "", told)
