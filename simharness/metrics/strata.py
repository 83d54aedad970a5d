"""Which strata a metric is measured in, known from the scenario alone, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping

from simharness.metrics.catalogue import METRICS
from simharness.metrics.catalogue_desks import DESK_METRICS
from simharness.metrics.course import GRID_DAYS
from simharness.metrics.detector_early import FALSE_PER_OFFENCE, WITHIN
from simharness.metrics.harm import QUANTILES
from simharness.metrics.subgroups import FORCE, age_bands, nations_of
from simharness.records import LADDER
from simharness.response.log import REASONS
from simharness.scenario.police import RISKS
from simharness.scenario.policy import POLICE
from simharness.world.model import WorldModel
from simharness.world.population import SEXES

_GROUPED = {
    "arm": (
        "offences_comparator",
        "offences_prevented",
        "meetings_comparator",
        "meetings_prevented",
        "children_made_worse",
    ),
    "detector": ("grooming", "detected", "offences", "in_time"),
}
_BY_FORCE = ("offences_comparator", "offences_prevented")
_DESKS = frozenset(metric.name for metric in DESK_METRICS)


def strata_of(model: WorldModel, subject: str, name: str, metric: str) -> tuple[str, ...]:
    """Strata of a metric of one arm or detector, without brackets; the whole is not among them.

    ``subject``: arm or detector. Of a ratio: those that both its counts have. Raises KeyError for an unknown metric.
    """
    described = METRICS[subject, metric]
    if described.numerator is None or described.denominator is None:
        return _own(model, subject, name, metric)
    below = set(_own(model, subject, name, described.denominator))
    return tuple(each for each in _own(model, subject, name, described.numerator) if each in below)


def measured_whole(subject: str, metric: str) -> bool:
    """Whether a metric has a value of the whole, not only of its parts."""
    described = METRICS[subject, metric]
    name = described.numerator or metric
    parts_only = subject == "arm" and (name in _DESKS or name in _ONLY_PARTS or name.startswith("incidence_"))
    return not parts_only and (subject, name) not in _ONLY_PARTS_OF_DETECTORS


def _own(model: WorldModel, subject: str, name: str, metric: str) -> tuple[str, ...]:
    if metric in _GROUPED[subject]:
        return _groups(model, by_force=metric in _BY_FORCE)
    if subject == "arm":
        return _of_arm(model, name, metric)
    stages = tuple(model.grammar.stage_names[stage] for stage in model.grammar.grooming_stages)
    known: Mapping[str, tuple[str, ...]] = {
        "reached_stage": stages,
        "alerted_before_stage": stages,
        "stage_at_alert": stages,
        "alerted_within": tuple(map(str, WITHIN)),
        "net_benefit": tuple(map(str, FALSE_PER_OFFENCE)),
    }
    return known.get(metric, ())


def _of_arm(model: WorldModel, name: str, metric: str) -> tuple[str, ...]:
    days = tuple(f"{day}d" for day in GRID_DAYS)
    known: Mapping[str, tuple[str, ...]] = {
        **dict.fromkeys(("triaged", "safeguarding_due", "safeguarding_met", "safeguarding_days"), tuple(RISKS)),
        "alerts_lost": (*REASONS[1:], "expired"),
        "lead_time_days": tuple(f"p{percent}" for percent in QUANTILES),
        "children_at_least": LADDER,
        "at_risk": tuple(f"{rung}:{day}" for rung in LADDER for day in days),
        **{f"incidence_{rung}": days for rung in LADDER},
    }
    if metric in _DESKS:
        return (*model.scenario.arms[name].queues, POLICE)
    return known.get(metric, ())


def _groups(model: WorldModel, *, by_force: bool) -> tuple[str, ...]:
    children = model.children
    groups: dict[str, tuple[str, ...]] = {
        "age": tuple(f"{low}-{high}" for low, high in age_bands(children)),
        "sex": SEXES,
        "nation": nations_of(children),
        **({FORCE: tuple(children.forces)} if by_force else {}),
        "platform": tuple(model.platforms),
        "offender_type": tuple(model.grammar.kinds[: len(model.scenario.world.offenders.types)]),
    }
    return tuple(f"{dimension}={group}" for dimension, names in groups.items() for group in names)


_ONLY_PARTS = frozenset({"triaged", "children_at_least", "at_risk"})
_ONLY_PARTS_OF_DETECTORS = frozenset(
    ("detector", name)
    for name in ("reached_stage", "alerted_before_stage", "stage_at_alert", "alerted_within", "net_benefit")
)
