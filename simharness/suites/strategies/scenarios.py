"""Strategies of whole scenarios, and of bars on what comes of them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import simharness
from simharness.metrics.catalogue import METRICS
from simharness.metrics.strata import measured_whole
from simharness.response.log import ACTIONS
from simharness.scenario.load import Loaded, load_scenario, resolved
from simharness.scenario.model import DAY_S, MONTH_DAYS, Scenario
from simharness.scenario.problems import check
from simharness.scenario.tree import Branch, Position, Tree, tree_of
from simharness.suites.items import ARM, DETECTOR
from simharness.suites.strategies.response import arms

BASE = Path(simharness.__file__).parents[1] / "scenarios" / "england_wales_2017.yaml"
DETECTORS = ("keyword", "length_only", "behaviour", "never", "always")
SCALES = (0.002, 0.005, 0.01)
RATE = 4.0  # false alerts per 1,000 child-months of an alert level that is given as a rate
_AGGREGATORS: tuple[dict[str, Any], ...] = (
    {"kind": "last"},
    {"kind": "max"},
    {"kind": "mean"},
    {"kind": "ewma", "half_life": 5.0},
    {"kind": "top_k", "k": 3},
    {"kind": "cusum", "reference": 0.5},
)
# What a scenario has to say of people before an arm may act so (``Scenario._require_reactions``).
_NEEDS = {
    "nudge_child": "nudge_child",
    "suggest_block": "suggest_block",
    "alert_guardian": "alert_guardian",
    "restrict_messaging": "restriction",
    "share_signal": "signal_sharing",
}


@st.composite
def scenarios(
    draw: st.DrawFn,
    base: Path | Loaded | None = None,
    *,
    detectors: Sequence[str] = DETECTORS,
    scales: Sequence[float] = SCALES,
    replications: int = 3,
    policies: int = 2,
) -> Loaded:
    """Small valid scenarios, ready to run: the world and the people of ``base``, with policies drawn afresh.

    ``base``: a file or a loaded scenario; None: England and Wales 2017. ``detectors``: specs of which some are measured
    (files in them are found from the base's folder), so a team names its own here; ``scales``: sizes to choose from;
    ``replications`` and ``policies``: the most of each. The comparator is the law of the base's alone. Raises
    UsageError for a base that cannot be loaded.
    """
    loaded = loaded_of(base)
    scenario = loaded.scenario
    named = draw(st.lists(st.sampled_from(sorted(detectors)), min_size=1, max_size=3, unique=True))
    specs = {_name(use): {"use": use, "aggregator": draw(st.sampled_from(_AGGREGATORS))} for use in named}
    levels = st.sampled_from([{"risk": 1.0}, {"false_alerts_per_1000_child_months": RATE}])
    made = {}
    for number in range(draw(st.integers(1, policies))):
        arm = arms(
            draw(st.sampled_from(sorted(specs))),
            sight={"alert_level": draw(levels)},
            mode=draw(st.sampled_from(["live", "shadow"])),
            platforms=sorted(scenario.world.platforms),
            actions=_possible(scenario),
        )
        made[f"policy_{number + 1}"] = draw(arm).model_dump(mode="json", exclude_none=True)
    plain = dict(resolved(scenario))
    comparator = plain["arms"][scenario.comparator]
    plain |= {
        "name": "drawn",
        "seed": draw(st.integers(0, 2**32)),
        "scale": draw(st.sampled_from(sorted(scales))),
        "replications": draw(st.integers(1, replications)),
        "detectors": specs,
        "training": {"grooming": 60, "benign": 300, "calibration": _calibration(scenario)},
        "sampling": plain["sampling"] | {"benign_fraction": draw(st.sampled_from([0.002, 0.01]))},
        "arms": {scenario.comparator: {name: comparator[name] for name in ("title", "law")}} | made,
    }
    for name in ("matched_budget", "recorded", "precision", "prices", "expect"):  # speak of what is not drawn
        plain.pop(name, None)
    tree = _tree(plain)
    return Loaded(check(Scenario, tree), tree, loaded.folder)


@st.composite
def expectations(draw: st.DrawFn, loaded: Loaded) -> str:
    """Sentences that fit a scenario: a metric of one of its arms or detectors, an operator and a number."""
    kinds = {ARM: sorted(loaded.scenario.arms), DETECTOR: sorted(loaded.scenario.detectors)}
    subject = draw(st.sampled_from(sorted(kinds)))
    known = [name for kind, name in METRICS if kind == subject and measured_whole(kind, name)]
    metric, of = draw(st.sampled_from(sorted(known))), draw(st.sampled_from(kinds[subject]))
    bound = draw(st.sampled_from(["", ".ci_low", ".ci_high", ".estimate"]))
    op, value = draw(st.sampled_from([">=", ">", "<=", "<"])), draw(st.integers(-1000, 1000)) / 100.0
    return f"{metric}[{subject}/{of}]{bound} {op} {value:g}"


def loaded_of(base: Path | Loaded | None) -> Loaded:
    """The scenario that others are drawn from; a file is read once. Raises UsageError or UsageErrors."""
    return base if isinstance(base, Loaded) else _from_file(BASE if base is None else base)


@lru_cache(maxsize=8)
def _from_file(path: Path) -> Loaded:
    return load_scenario(path)


def _name(use: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", use.rpartition(":")[2])


def _possible(scenario: Scenario) -> list[str]:
    """Actions of which the scenario says how people react to them."""
    reactions = scenario.response.reactions
    return [each for each in ACTIONS if each not in _NEEDS or getattr(reactions, _NEEDS[each]) is not None]


def _calibration(scenario: Scenario) -> int:
    """Harmless conversations enough for one of them to lie above the level of ``RATE``."""
    per_1000 = 1000.0 * scenario.world.benign.contact_rate * DAY_S * MONTH_DAYS
    return max(4000, math.ceil(per_1000 / RATE) + 1)


def _tree(plain: dict[str, Any]) -> Tree:
    """A document that was written nowhere."""
    here = Position("a drawn scenario", 0)

    def branch(value: Any) -> Branch:
        if isinstance(value, dict):
            return Branch(here, {name: branch(inner) for name, inner in value.items()})
        return Branch(here, [branch(inner) for inner in value] if isinstance(value, list) else value)

    return tree_of(branch(plain))
