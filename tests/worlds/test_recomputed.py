"""A run's numbers made again from its own tables, with pandas and lifelines and none of simharness's measures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines import AalenJohansenFitter
from scipy import stats

from simharness.run import run_scenario
from simharness.scenario.load import Loaded
from simharness.store import RunFolder

SMALL = (
    "training={grooming: 60, benign: 300, calibration: 4000}",
    "sampling.benign_fraction=0.01",
    "replications=2",
    "harm_weights={offence: 1, repeat: 2, meeting: 4, contact: 10, evidence: assumed, source: test}",
)
ARMS = ("no_intervention", "police_communication_offence", "grooming_alerts", "mandatory_code")
COMPARATOR = "police_communication_offence"
RUNGS = ["offence", "repeat", "meeting", "contact"]
WEIGHTS = {"offence": 1, "repeat": 2, "meeting": 4, "contact": 10}
DAY_S, DAYS = 86400.0, 181  # 3 April to 30 September
Found = Iterator[tuple[str, str, float | None]]


@dataclass
class Lived:
    """One arm of one replication beside the comparator: tables, with infinity for never."""

    conversations: pd.DataFrame
    arm: pd.DataFrame
    base: pd.DataFrame
    alerts: pd.DataFrame
    decisions: pd.DataFrame
    actions: pd.DataFrame

    @property
    def planned(self) -> pd.Series:
        return self.conversations["substitute"] == 0

    def first(self, unit: str, of: pd.DataFrame) -> pd.DataFrame:
        """The first event of each rung of every conversation, child or offender."""
        events = of[[f"{rung}_s" for rung in RUNGS]].set_axis(RUNGS, axis=1)
        return events.groupby(self.conversations[unit]).min()


@dataclass
class Made:
    summary: dict[str, Any]
    numbers: pd.DataFrame  # metrics.parquet
    lived: dict[tuple[str, int], Lived]

    def value(self, metric: str, arm: str, replication: int, stratum: str = "") -> float:
        """One number of metrics.parquet; nan where it is null."""
        rows = self.numbers
        rows = rows[(rows["metric"] == metric) & (rows["arm"] == arm) & (rows["replication"] == replication)]
        return float(rows.loc[rows["stratum"] == stratum, "value"].item())

    def values(self, metric: str, arm: str, stratum: str = "") -> np.ndarray:
        return np.array([self.value(metric, arm, replication, stratum) for replication in range(2)])


@pytest.fixture(scope="module")
def made(load: Callable[..., Loaded], tmp_path_factory: pytest.TempPathFactory) -> Made:
    loaded = load(*SMALL, scale=0.02)
    scenario = loaded.scenario
    kept = {name: scenario.arms[name] for name in ARMS}
    detectors = {name: spec for name, spec in scenario.detectors.items() if name in {"text_model", "keyword"}}
    changed = replace(loaded, scenario=scenario.model_copy(update={"arms": kept, "detectors": detectors}))
    run = run_scenario(changed, tmp_path_factory.mktemp("recomputed"))
    tables = {(arm, replication): lived(run, arm, replication) for arm in ARMS for replication in range(2)}
    numbers = pd.read_parquet(run.path / "metrics.parquet").fillna({"stratum": "", "arm": ""})
    return Made(json.loads((run.path / "summary.json").read_text()), numbers, tables)


def lived(run: RunFolder, arm: str, replication: int) -> Lived:
    def table(name: str, which: str | None = arm) -> pd.DataFrame:
        suffix = "" if which is None else f"-{which}"
        return pd.read_parquet(run.path / "tables" / name / f"replication={replication:04d}{suffix}.parquet")

    own, base = (table("outcomes", which).fillna(np.inf) for which in (arm, COMPARATOR))
    return Lived(table("conversations", None), own, base, *map(table, ("alerts", "decisions", "actions")))


def agree(made: Made, expected: Callable[[Lived], Found], atol: float = 1e-9) -> int:
    """Hold every expected number of every arm and replication against the run's; how many were held."""
    held = 0
    for (arm, replication), one in made.lived.items():
        for metric, stratum, value in expected(one):
            found = made.value(metric, arm, replication, stratum)
            wanted = np.nan if value is None else float(value)
            assert found == pytest.approx(wanted, rel=1e-9, abs=atol, nan_ok=True), (arm, replication, metric, stratum)
            held += 1
    return held


def changed(one: Lived) -> Found:
    for unit, name in (("conversation", "{0}s_{1}"), ("child", "{0}_children_{1}"), ("offender", "{0}_offenders_{1}")):
        base, own = one.first(unit, one.base), one.first(unit, one.arm)
        for rung in RUNGS:
            before, after = base[rung], own[rung]
            yield name.format(rung, "prevented"), "", ((before < np.inf) & (after == np.inf)).sum()
            yield name.format(rung, "delayed"), "", ((before < after) & (after < np.inf)).sum()
            yield name.format(rung, "unchanged"), "", ((before < np.inf) & (after == before)).sum()
            yield name.format(rung, "made_worse"), "", (after < before).sum()
            if unit == "conversation":
                yield f"{rung}s_averted", "", (before < np.inf).sum() - (after < np.inf).sum()


def harmed(one: Lived) -> Found:
    own, base = one.first("child", one.arm), one.first("child", one.base)
    for place, rung in enumerate(RUNGS):
        yield "children_at_least", rung, (own[RUNGS[place:]] < np.inf).any(axis=1).sum()
    yield "children_harmed", "", (own.min(axis=1) < np.inf).sum()
    yield "offenders_harming", "", (one.first("offender", one.arm).min(axis=1) < np.inf).sum()
    weighed = [sum(max([0, *(WEIGHTS[rung] for rung in RUNGS if child[rung] < np.inf)]) for _, child in each.iterrows())
               for each in (own, base)]  # fmt: skip
    yield "weighted_harm", "", weighed[0]
    yield "weighted_harm_averted", "", weighed[1] - weighed[0]
    free, before = (each.min(axis=1).clip(upper=DAYS * DAY_S) / DAY_S for each in (own, base))
    yield "harm_free_child_days_gained", "", (free - before).sum()


def acted_on(one: Lived) -> Found:
    both = pd.DataFrame({"arm": one.arm["cut_s"], "base": one.base["cut_s"]})[one.planned]
    acted = both[(both["arm"] < np.inf) & (both["arm"] != both["base"])]
    lead = (acted["base"] - acted["arm"])[acted["base"] < np.inf] / DAY_S
    for stratum, share in (("", 0.5), ("p10", 0.1), ("p25", 0.25), ("p75", 0.75), ("p90", 0.9)):
        yield "lead_time_days", stratum, lead.quantile(share) if len(lead) else None
    yield "only_this_arm_acts", "", (acted["base"] == np.inf).mean() if len(acted) else None
    made_at_all = (one.arm["start_s"] < np.inf) & ~one.arm["never_made"]
    yield "contacts_never_made", "", one.arm["never_made"][one.planned].sum()
    yield "substitutes", "", made_at_all[~one.planned].sum()


def worked(one: Lived) -> Found:
    alerts, actions = one.alerts, one.actions
    referred = actions[(actions["action"] == "refer_police") & (actions["effect"] == "taken")]
    wrong = ~alerts.set_index("alert")["right"].loc[referred["alert"]]
    yield "alerts", "", len(alerts)
    yield "false_alerts", "", (~alerts["right"]).sum()
    yield "referrals", "", len(referred)
    yield "wrong_referrals", "", wrong.sum()
    right = alerts[alerts["right"]].merge(one.arm, on="conversation")
    yield "alerts_before_offence", "", (right["raised_s"] < right["offence_s"]).sum()
    read = one.decisions[one.decisions["desk"] != "police"]
    yield "review_hours", "", read["worked_s"].sum() / 3600.0
    for desk, stays in one.decisions.groupby("desk", observed=True):
        waits = (stays["started_s"] - stays["entered_s"]).dropna() / 3600.0
        yield "desk_wait_hours", str(desk), waits.mean() if len(waits) else None
        yield "desk_wait_hours_p95", str(desk), waits.quantile(0.95) if len(waits) else None


def by_group(one: Lived) -> Found:
    prevented = (one.base["offence_s"] < np.inf) & (one.arm["offence_s"] == np.inf)
    for dimension, column in (("force", "force"), ("sex", "sex"), ("platform", "platform"), ("age", "age")):
        groups = one.conversations[column]
        if dimension == "age":
            groups = pd.cut(groups, [6, 11, 15, 17], labels=["7-11", "12-15", "16-17"])
        for group, rows in prevented.groupby(groups, observed=True):
            yield "offences_prevented", f"{dimension}={group}", rows.sum()


def course(one: Lived, event: pd.Series, closed: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Days watched from the planned contact, and 1 harm, 2 an end without it, 0 the period's end; planned contacts."""
    ends = pd.DataFrame({1: event, 2: np.minimum(closed, one.arm["cut_s"]), 0: DAYS * DAY_S})
    days, cause = (ends.min(axis=1) - one.arm["start_s"]) / DAY_S, ends.idxmin(axis=1)  # the first of equal times
    never = one.arm["never_made"]
    return days.mask(never, 0.0)[one.planned], cause.mask(never, 2)[one.planned]


def fitted(days: pd.Series, cause: pd.Series) -> pd.Series:
    """The cumulative incidence of harm by lifelines; ties of different causes would be moved apart, so there are none.

    Contacts never made are the exception, all at 0 and of one cause.
    """
    assert not days[(cause == 1)].duplicated().any()
    fitter = AalenJohansenFitter(calculate_variance=False).fit(days, cause, event_of_interest=1)
    return fitter.cumulative_density_.iloc[:, 0]


def over_time(one: Lived) -> Found:
    closed = one.arm["closed_s"]
    for rung in RUNGS:
        meant = closed.mask(one.arm["meeting_s"] <= closed, np.inf) if rung == "contact" else closed
        days, cause = course(one, one.arm[f"{rung}_s"], meant)
        curve = fitted(days, cause)
        for day in (7, 30):
            yield f"incidence_{rung}", f"{day}d", curve[curve.index <= day].iloc[-1]
            yield "at_risk", f"{rung}:{day}d", (days >= day).sum()
    days, cause = course(one, one.arm[[f"{rung}_s" for rung in RUNGS]].min(axis=1), closed)
    if (days >= 90).any():
        curve = fitted(days, cause)
        steps = curve[curve.index < 90]
        yield "harm_free_days", "", 90.0 - (np.diff([*steps.index, 90.0]) * steps).sum()


@pytest.mark.parametrize("of", [changed, harmed, acted_on, worked, by_group])
def test_counts_and_times_are_those_of_the_tables(made: Made, of: Callable[[Lived], Found]) -> None:
    assert agree(made, of) > 40
    alerts = made.lived["grooming_alerts", 0]
    assert (changed_at := dict((name, value) for name, _, value in changed(alerts)))["offences_prevented"] > 5
    assert changed_at["offence_children_made_worse"] > 0 and len(alerts.alerts) > 20


def test_incidence_and_time_free_of_harm_are_those_of_lifelines(made: Made) -> None:
    assert agree(made, over_time, atol=1e-7) > 120
    assert made.value("contacts_never_made", "mandatory_code", 0) > 0


def test_closing_times_lie_within_what_was_lived(made: Made) -> None:
    for one in made.lived.values():
        own = one.arm[one.arm["closed_s"] < np.inf]
        assert (own["closed_s"] > own["start_s"]).all() and (own["closed_s"] < DAYS * DAY_S).all()
        assert not own["never_made"].any() and len(own) > 100
    untouched = made.lived["no_intervention", 0]
    natural = untouched.conversations["closed_s"].fillna(np.inf)[untouched.planned]
    assert np.array_equal(natural, untouched.arm["closed_s"][untouched.planned])


def test_costs_are_prices_times_amounts(made: Made, load: Callable[..., Loaded]) -> None:
    prices = load(*SMALL, scale=0.02).scenario.prices
    assert prices is not None
    price = {item: each.price for item, each in prices.items.items()}
    for arm in ARMS:
        hours, referrals = made.values("police_hours", arm), made.values("referrals", arm)
        police = price["officer_hour"] * hours + price["referral"] * referrals
        assert made.values("cost_police", arm) == pytest.approx(police, rel=1e-12)
        extra = made.values("cost_police", arm) - made.values("cost_police", COMPARATOR)
        assert made.values("extra_cost_police", arm) == pytest.approx(extra, abs=1e-6)
        shown = made.summary["cost_effectiveness"]["perspectives"]["police"]["arms"][arm]
        assert shown["cost"]["estimate"] == pytest.approx(police.mean(), rel=1e-12)


def test_intervals_and_verdicts_are_student_t_of_the_replications(made: Made) -> None:
    for pair in made.summary["dominance"]:
        for rung in RUNGS:
            one, other = (made.values("children_at_least", pair[side], rung) for side in ("arm", "over"))
            low, high = stats.t.interval(0.95, 1, loc=(one - other).mean(), scale=stats.sem(one - other))
            shown = pair["rungs"][rung]
            if (one - other).std() > 0:
                assert (shown["low"], shown["high"]) == pytest.approx((low, high), rel=1e-9)
            else:
                assert shown["low"] == shown["high"] == (one - other)[0]
    # Of two replications no interval of a signed number is short enough to be cut off at 0 by chance.
    averted = made.summary["estimates"]["arms"]["no_intervention"]["offences_averted"]
    assert averted["low"] < 0 and averted["estimate"] <= 0
