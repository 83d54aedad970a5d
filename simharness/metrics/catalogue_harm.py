"""Metrics of harm and time: when it comes, whose it is, and what is left of it net. Beside those of ``catalogue_arms``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from simharness.metrics.catalogue_arms import RUNG_TITLES
from simharness.metrics.course import TAU_DAYS
from simharness.metrics.harm import CHANGES, UNITS
from simharness.metrics.metric import Metric
from simharness.records import LADDER

_CHANGED = {
    "prevented": "some under the comparator, none left",
    "delayed": "the first later",
    "unchanged": "the first at the same time",
    "made_worse": "the first brought about or earlier",
}
_WAY: dict[str, Literal["higher", "lower"]] = {"prevented": "higher", "made_worse": "lower"}


def _ladder() -> Iterator[Metric]:
    for rung in LADDER:
        title, net = RUNG_TITLES[rung], f"{rung}s_averted"
        within = f"planned conversations that come to {title} within so many days of the planned contact"
        less = f"{title} averted, net: the comparator's less the arm's"
        yield Metric(f"incidence_{rung}", within, "share", "arm", better="lower")
        yield Metric(net, less, "conversations", "arm", signed=True, better="higher")
        over = (net, "alerts_in_thousands")
        yield Metric(
            f"{net}_per_1000_alerts", less, "per 1,000 alerts", "arm", "ratio", *over, signed=True, better="higher"
        )
        for unit in UNITS:
            for change in CHANGES:
                words = f"{unit} by {title}: {_CHANGED[change]}"
                yield Metric(f"{rung}_{unit}_{change}", words, unit, "arm", better=_WAY.get(change))


_HARM = [
    Metric("at_risk", "planned conversations still watched for a rung so many days after the planned contact", "conversations", "arm"),
    Metric("harm_free_days", f"mean days free of harm a planned conversation, of the {TAU_DAYS:g} after the planned contact", "days", "arm", better="higher"),
    Metric("harm_free_days_gained", f"mean days free of harm a planned conversation, of the {TAU_DAYS:g} after the planned contact, beyond the comparator's", "days", "arm", signed=True, better="higher"),
    Metric("harm_free_child_days_gained", "days of the period before children's first event, beyond the comparator's", "child-days", "arm", signed=True, better="higher"),
    Metric("alerts_in_thousands", "alerts raised, in thousands", "1,000 alerts", "arm"),
    Metric("offenders_harming", "offenders with at least one event of the ladder", "offenders", "arm", better="lower"),
    Metric("children_at_least", "children whose worst rung is this or beyond", "children", "arm", better="lower"),
    Metric("weighted_harm", "sum over children of the scenario's weight of their worst rung", "weighted harm", "arm", better="lower"),
    Metric("weighted_harm_averted", "sum over children of the scenario's weight of their worst rung: the comparator's less the arm's", "weighted harm", "arm", signed=True, better="higher"),
]  # fmt: skip

HARM_METRICS = [*_ladder(), *_HARM]
