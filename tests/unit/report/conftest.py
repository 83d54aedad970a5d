"""A small summary written by hand: two arms and the comparator, three detectors, three recorded figures."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simharness.report.content import Facts, Report, compose

RATE = "per_1000_child_months"
RUNGS = ("offences", "repeats", "meetings", "contacts")
FACTS = Facts("results/made_up/0123456789ab", "made_up/0123456789ab", "d" * 64, "0.1.0", None)


def estimate(value: float | None, low: float | None, high: float | None, unit: str, n: int = 10) -> dict[str, Any]:
    return {"estimate": value, "low": low, "high": high, "n": n, "method": "student-t", "unit": unit}


def zero(unit: str) -> dict[str, Any]:
    return estimate(0.0, 0.0, 0.0, unit)


def none(unit: str) -> dict[str, Any]:
    return estimate(None, None, None, unit, 0)


def arm(spared: tuple[float, float, float], worse: float, lead: float | None) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    for rung in RUNGS:
        metrics[rung] = estimate(1000.0, 990.0, 1010.0, "conversations")
        metrics[f"{rung}_prevented"] = estimate(*spared, "conversations")
        metrics[f"{rung}_prevented_share"] = estimate(*(value / 1000.0 for value in spared), "share")
    return metrics | {
        "children_harmed": estimate(870.0, 860.0, 880.0, "children"),
        "children_protected": estimate(*spared, "children"),
        "children_made_worse": estimate(worse, worse - 1.0, worse + 1.0, "children"),
        "lead_time_days": none("days") if lead is None else estimate(lead, lead - 1.0, lead + 1.0, "days"),
        "only_this_arm_acts": none("share") if lead is None else estimate(0.8, 0.75, 0.85, "share"),
        "alerts": estimate(50.0, 40.0, 60.0, "alerts"),
        "alerts_before_offence_share": estimate(0.2, 0.1, 0.3, "share"),
        "false_alerts_per_1000_child_months": estimate(0.32, 0.29, 0.35, "per 1,000 child-months"),
        "actions_too_late": estimate(3.0, 2.0, 4.0, "actions"),
        "human_hours": estimate(1234.5, 1200.0, 1270.0, "hours in all"),
        **harms(worse),
        **answers(),
        **police(),
    }


def harms(worse: float) -> dict[str, Any]:
    """45 children alarmed in 4.5 million child-months, nobody suspended; the rates as the summary makes them."""
    made = {
        "children_wrongly_alarmed": estimate(45.0, 40.0, 50.0, "children"),
        "wrong_referrals": estimate(0.3, 0.0, 1.8, "referrals"),
        "wrong_suspensions": estimate(0.0, 0.0, 0.0, "accounts"),
        "benign_read": estimate(1700.0, 1600.0, 1800.0, "conversations"),
        "exposure_hours": estimate(90.0, 80.0, 100.0, "hours in all"),
    }
    rates = {
        name: each["estimate"] / 4500 for name, each in (made | {"children_made_worse": {"estimate": worse}}).items()
    }
    unit = "per 1,000 child-months"
    return made | {f"{name}_{RATE}": estimate(rate, rate / 2, rate * 2, unit) for name, rate in rates.items()}


def answers() -> dict[str, Any]:
    units = {"contacts_displaced": "contacts", "signals_matched": "accounts", "audits_found": "audits"}
    return {name: zero(unit) for name, unit in units.items()} | {
        "substitutes": estimate(7.0, 5.0, 9.0, "contacts"),
        "new_accounts": estimate(20.0, 18.0, 22.0, "accounts"),
        "tipped_off": zero("times"),
        "sanctions": zero("sanctions"),
    }


def police() -> dict[str, Any]:
    return {
        "recorded_offences": estimate(1300.0, 1250.0, 1350.0, "offences"),
        "arrests": estimate(400.0, 390.0, 410.0, "arrests"),
        "charges": zero("offenders"),
        "safeguarding_days": estimate(31.5, 29.0, 34.0, "days"),
        "safeguarding_met_share[high]": estimate(0.5, 0.4, 0.6, "share"),
        "safeguarding_met_share[medium]": estimate(0.4, 0.3, 0.5, "share"),
        "safeguarding_met_share[low]": none("share"),
        "desk_utilisation[police]": estimate(0.12, 0.11, 0.13, "share"),
    }


REASONS = ("over_budget", "queue_full", "conversation_ended", "owner_missing", "lock_expired", "text_only", "host_lost")


def alerting(lost: dict[str, float], silence: float = 0.5) -> dict[str, Any]:
    """Of 50 alerts, so many lost by reason, each for one reason only; a queue and the police."""
    all_lost = sum(lost.values())
    metrics = {
        "alerts_lost": estimate(all_lost, all_lost, all_lost, "alerts"),
        "alerts_lost_share": share_of(all_lost / 50.0, all_lost / 50.0 - 0.01, all_lost / 50.0 + 0.01),
        "alerts_undecided": estimate(all_lost, all_lost, all_lost, "alerts"),
        "duplicate_alerts": zero("alerts"),
        "longest_silence_days": estimate(silence, silence - 0.1, silence + 0.1, "days"),
    }
    for reason in (*REASONS, "expired"):
        count = lost.get(reason, 0.0)
        metrics[f"alerts_lost[{reason}]"] = estimate(count, count, count, "alerts")
    return metrics | desk("moderators", 50.0, all_lost, 1.0) | desk("police", 20.0, 0.0, None)


def desk(name: str, entered: float, lost: float, within: float | None) -> dict[str, Any]:
    target = none("share") if within is None else estimate(within, within, within, "share")
    return {
        f"desk_entered[{name}]": estimate(entered, entered - 5.0, entered + 5.0, "alerts"),
        f"desk_decided[{name}]": estimate(entered - lost, entered - lost - 5.0, entered - lost + 5.0, "alerts"),
        f"desk_expired[{name}]": zero("alerts"),
        f"desk_merged[{name}]": zero("alerts"),
        f"desk_dropped[{name}]": estimate(lost, lost, lost, "alerts"),
        f"desk_waiting[{name}]": zero("alerts"),
        f"desk_wait_hours[{name}]": estimate(6.34, 5.0, 7.6, "hours"),
        f"desk_wait_hours_p95[{name}]": estimate(22.8, 18.1, 27.6, "hours"),
        f"desk_utilisation[{name}]": estimate(0.12, 0.11, 0.13, "share"),
        f"desk_within_target_share[{name}]": target,
    }


def share_of(value: float, low: float, high: float) -> dict[str, Any]:
    """As the summary has it: where nothing was counted, n is what could have been, here fewer than replications."""
    if value == 0.0:
        return {**estimate(0.0, 0.0, 0.41, "share", 7), "method": "clopper-pearson"}
    return estimate(value, low, high, "share")


def detector(recall: float, over: dict[str, Any]) -> dict[str, Any]:
    silent = recall == 0.0
    metrics = {
        "recall": share_of(recall, recall - 0.01, recall + 0.01),
        "recall_before_offence": share_of(recall / 2, recall / 4, recall),
        "precision": none("share") if silent else estimate(0.2, 0.1, 0.3, "share"),
        "false_alert_rate": estimate(0.0 if silent else 0.97, 0.0 if silent else 0.95, 0.99, "per 1,000 child-months"),
        "messages_to_alert": none("messages") if silent else estimate(44.5, 43.8, 45.2, "messages"),
        "delay": estimate(47.2, 46.8, 47.6, "messages"),
        "delay_over_bound": over,
    }
    if not silent:
        metrics["stage_at_alert[contact]"] = estimate(0.0, 0.0, 0.0, "share")
        metrics["stage_at_alert[friendship]"] = estimate(0.2, 0.1, 0.3, "share", 7)
        metrics["stage_at_alert[risk_assessment]"] = estimate(0.8, 0.7, 0.9, "share")
    return metrics


def recorded(
    title: str, role: str, value: float, agrees: bool | None, unit: str, tolerance: float | None
) -> dict[str, Any]:
    return {
        "title": title,
        "role": role,
        "recorded": value,
        "simulated": estimate(value, value * 0.9, value * 1.1, unit),
        "one_period": estimate(value, value * 0.7, value * 1.3, unit),
        "agrees": agrees,
        "tolerance": tolerance,
        "days": None,
        "unit": unit,
        "evidence": "reported",
        "source": "test",
    }


SUMMARY: dict[str, Any] = {
    "schema_version": 2,
    "synthetic": True,
    "status": "complete",
    "scenario": {
        "name": "made_up",
        "title": "A made-up place",
        "description": "What would be?",
        "seed": 7,
        "scale": 1.0,
        "start": "2017-04-03",
        "end": "2017-09-30",
    },
    "replications": 10,
    "replications_asked": 10,
    "comparator": "police",
    "arms": {
        "police": {"title": "Police alone", "law": "communication", "detector": None, "mode": "live"},
        "slow": {"title": "Slow code", "law": "communication", "detector": "words", "mode": "live"},
        "fast": {"title": "Fast code", "law": "communication", "detector": "words", "mode": "live"},
    },
    "matched_budget": None,
    "weighting": "Each stands for 250.",
    "censoring": "What happens after the end is not counted.",
    "estimates": {
        "arms": {
            "police": arm((0.0, 0.0, 0.0), 0.0, 0.0),
            "slow": arm((100.0, 90.0, 110.0), 5.0, -2.0) | alerting({}),
            "fast": arm((400.0, 380.0, 420.0), 12.0, 13.0) | alerting({"text_only": 8.0, "owner_missing": 2.0}),
        },
        "detectors": {
            "words": detector(0.37, estimate(19.3, 19.1, 19.5, "messages")),
            "bayes_bound": detector(0.6, estimate(0.4, -4.4, 5.1, "messages")),
            "never": detector(0.0, none("messages")),
        },
    },
    "recorded": [
        recorded("Offences recorded", "fitted", 1316.0, True, "offences", None),
        recorded("Largest group", "input", 0.68, True, "share", 0.02),
    ],
    "assumed": [
        {"path": "world.day", "evidence": "assumed", "source": "a plain waking day | guessed"},
        {"path": "world.offenders.contact_rate", "evidence": "fitted", "source": "to 1,316 offences"},
    ],
}


@pytest.fixture
def summary() -> dict[str, Any]:
    """A fresh copy to change at will."""
    return copy.deepcopy(SUMMARY)


@pytest.fixture
def composed() -> Callable[[dict[str, Any]], Report]:
    """``composed(summary)``: the report of it."""
    return lambda summary: compose(summary, FACTS)


@pytest.fixture
def made_run(tmp_path: Path) -> Callable[..., Path]:
    """``made_run(summary, status="complete")``: a run's folder with a manifest and, unless it is None, a summary."""

    def made(summary: dict[str, Any] | None, status: str = "complete") -> Path:
        folder = tmp_path / "results" / "made_up" / "0123456789ab"
        folder.mkdir(parents=True)
        manifest = {"schema_version": 2, "status": status, "digest": "d" * 64, "versions": {"simharness": "0.1.0"}}
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        if summary is not None:
            (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
        return folder

    return made
