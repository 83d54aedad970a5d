"""The verdict: what police alone come to, what the best policy changes, and at what price to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simharness.report.response_tables import REASONS, lost, mute
from simharness.report.wording import Estimate, arm_label, interval, number, period, phrase, point

Arms = Mapping[str, Mapping[str, Estimate]]


def verdict(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """Short sentences, the most important first; read from ``summary.json``."""
    arms: Arms = summary["estimates"]["arms"]
    titles = {name: " ".join(arm_label(arm)) for name, arm in summary["arms"].items()}
    comparator = summary["comparator"]
    ranked = _ranked(arms, comparator)
    acting = [name for name in ranked if summary["arms"][name]["detector"] or _settled(arms[name])]
    sentences = [_baseline(summary, arms[comparator], titles[comparator])]
    if not acting:
        return (*sentences, "No other arm was seen to spare children an event.", *_lost(summary, titles))
    best, *others = acting
    sentences.append(_best(arms[best], titles[best]))
    sentences.append(_timing(arms[best]))
    sentences.append(_price(arms[best]))
    if others:
        sentences.append(_others(arms, others, titles))
    sentences += _unsettled(arms, acting, titles)
    return (*sentences, *_lost(summary, titles))


def _ranked(arms: Arms, comparator: str) -> list[str]:
    """Arms that spare children an event, most children first."""
    spared = {name: metrics["children_protected"]["estimate"] or 0.0 for name, metrics in arms.items()}
    return sorted((name for name in arms if name != comparator and spared[name] > 0), key=lambda name: -spared[name])


def _settled(metrics: Mapping[str, Estimate]) -> bool:
    """Whether the children an arm spares are more than none by their interval too."""
    low = metrics["children_protected"]["low"]
    return low is not None and low > 0


def _baseline(summary: Mapping[str, Any], metrics: Mapping[str, Estimate], title: str) -> str:
    scenario = summary["scenario"]
    lasting = period(scenario["start"], scenario["end"])
    share = scenario["scale"]
    of_scale = "" if share == 1 else f" at scale {share:g}"
    harmed = phrase(metrics["children_harmed"], "children")
    return f"{title}: in {lasting}, {harmed} would come to harm (an offence or worse){of_scale}."


def _best(metrics: Mapping[str, Estimate], title: str) -> str:
    return (
        f"{title} would spare {phrase(metrics['children_protected'], 'children')} at least one event (offence, repeat, "
        f"meeting attempt or contact abuse), and bring one about or earlier for "
        f"{phrase(metrics['children_made_worse'])}."
    )


def _timing(metrics: Mapping[str, Estimate]) -> str:
    lead, alone = metrics["lead_time_days"], metrics["only_this_arm_acts"]
    if lead["estimate"] is None:
        words = (
            "There is no conversation on which both it and the comparator act at different times, so no lead in days"
        )
    else:
        when = "later" if lead["estimate"] < 0 else "earlier"
        words = f"Where both act, at different times, its first protective action comes {_days(lead)} {when} (median)"
    if alone["estimate"] is None:
        return f"{words}."
    return (
        f"{words}; of the conversations it acts on otherwise than the comparator, {phrase(alone)} are not reached by "
        "the comparator in the period."
    )


def _price(metrics: Mapping[str, Estimate]) -> str:
    price = {
        "alarmed": phrase(metrics["children_wrongly_alarmed"], "children"),
        "suspended": phrase(metrics["wrong_suspensions"], "accounts"),
        "to the police": phrase(metrics["wrong_referrals"], "reports"),
        "read": phrase(metrics["benign_read"], "conversations"),
    }
    parts = ", ".join(f"{count} {what}" for what, count in price.items())
    return f"Its price for people who did nothing wrong: {parts}."


def _lost(summary: Mapping[str, Any], titles: Mapping[str, str]) -> list[str]:
    """A warning of every arm that lost alerts, and of those whose detector was silent longer than chance explains."""
    arms: Arms = summary["estimates"]["arms"]
    alerting = [name for name in arms if summary["arms"][name]["detector"]]
    losing = sorted(filter(lambda name: lost(arms[name]), alerting), key=lambda name: -_share_lost(arms[name]))
    parts = [f"{titles[name]} {point(arms[name]['alerts_lost_share'])} ({_mostly(arms[name])})" for name in losing]
    found = [f"Alerts lost, of those raised, and mostly why: {'; '.join(parts)}."] if parts else []
    silent = [
        f"{titles[name]} {point(arms[name]['longest_silence_days'])} days"
        for name in alerting
        if mute(summary, arms[name])
    ]
    return found + ([f"Without an alert for longer than chance explains: {'; '.join(silent)}."] if silent else [])


def _share_lost(metrics: Mapping[str, Estimate]) -> float:
    return float(metrics["alerts_lost_share"]["estimate"])


def _mostly(metrics: Mapping[str, Estimate]) -> str:
    """The reason for which most were lost."""
    return REASONS[max(REASONS, key=lambda reason: metrics[f"alerts_lost[{reason}]"]["estimate"])]


def _days(lead: Estimate) -> str:
    if lead["estimate"] >= 0:
        return phrase(lead, "days")
    low, high = (None if lead[end] is None else -lead[end] for end in ("high", "low"))
    return phrase({**lead, "estimate": -lead["estimate"], "low": low, "high": high}, "days")


def _others(arms: Arms, names: list[str], titles: Mapping[str, str]) -> str:
    parts = []
    for name in names:
        spared, worse = arms[name]["children_protected"], arms[name]["children_made_worse"]
        parts.append(f"{titles[name]} {_brief(spared)}, made worse {_brief(worse)}")
    return f"Children spared an event by the others (95 % interval): {'; '.join(parts)}."


def _brief(estimate: Estimate) -> str:
    between = interval(estimate)
    return f"{point(estimate)} ({between})" if between else point(estimate)


def _unsettled(arms: Arms, ranked: list[str], titles: Mapping[str, str]) -> list[str]:
    """A warning where the best arm's interval holds none, or meets the second's."""
    if not _settled(arms[ranked[0]]):
        return [f"Whether {titles[ranked[0]]} spares any is not settled: the interval holds 0, or there is none."]
    if len(ranked) < 2:
        return []
    first, second = (arms[name]["children_protected"] for name in ranked[:2])
    low, high = first["low"], second["high"]
    if low is not None and high is not None and low > high:
        return []
    names = f"{titles[ranked[0]]} and {titles[ranked[1]]}"
    reached = "no interval" if low is None or high is None else f"{number(low)} against {number(high)}"
    return [f"Which of {names} spares more children is not settled: their intervals meet ({reached})."]
