"""Strategies of everything that answers an alert: queues, codes, failures, whole policies, and people's reactions.

All are small and valid; what is drawn as None is left out, as in a file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from simharness.response.log import ACTIONS
from simharness.scenario.policy import TO_QUEUE, Arm
from simharness.scenario.queues import WEEKDAYS
from simharness.scenario.response import Response

ASSUMED = {"evidence": "assumed", "source": "drawn"}
PLATFORMS = ("facebook", "instagram", "snapchat", "other")  # of the scenarios that come with simharness

chances = st.sampled_from([0.0, 0.3, 0.7, 1.0])
lengths = st.sampled_from(["1h", "30h", "600h", "6000h"])


def some_of(actions: Collection[str]) -> st.SearchStrategy[list[str]]:
    """Up to three different actions."""
    return st.lists(st.sampled_from(sorted(actions)), max_size=3, unique=True)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def mapping(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """What is drawn as None is left out."""
    made = st.fixed_dictionaries(values)
    return made.map(lambda drawn: {name: value for name, value in drawn.items() if value is not None})


def block(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The same, with evidence."""
    return mapping(**values).map(lambda drawn: ASSUMED | drawn)


delays = st.one_of(
    st.fixed_dictionaries({"kind": st.just("constant"), "value": lengths}),
    st.fixed_dictionaries({"kind": st.just("exponential"), "mean": lengths}),
    st.fixed_dictionaries({"kind": st.just("lognormal"), "median": lengths, "sigma": st.just(1.0)}),
)
audits = block(
    interval=st.sampled_from(["1d", "20d", "300d"]),
    detects=chances,
    closes=chances,
    remedy=st.sampled_from(["0d", "9d"]),
    sanction=maybe(block(closes=chances)),
)


def codes(audited: bool = True, platforms: Sequence[str] = PLATFORMS) -> st.SearchStrategy[dict[str, Any]]:
    """A code of practice: how much of each platform keeps it, and who looks."""
    return block(
        coverage=st.dictionaries(st.sampled_from(platforms), chances, min_size=1),
        audits=maybe(audits) if audited else st.none(),
        safer_defaults=maybe(block(prevented=chances)),
        displacement=maybe(block(share=chances)),
    )


@st.composite
def queues(draw: st.DrawFn, leads_to: Sequence[str] = (), actions: Collection[str] = ACTIONS) -> dict[str, Any]:
    """A queue of reviewers. ``leads_to``: queues that a decision may send an alert to, as actions."""
    tier = block(
        service=st.fixed_dictionaries(
            {"kind": st.just("lognormal"), "median": st.sampled_from(["5min", "2h"]), "sigma": st.just(0.6)}
        ),
        sensitivity=chances,
        specificity=chances,
    )
    tiers = draw(st.dictionaries(st.sampled_from(["trained", "untrained"]), tier, min_size=1))
    shift = st.fixed_dictionaries(
        {
            "begins": st.sampled_from(["0h", "8h", "22h"]),
            "ends": st.sampled_from(["0h", "7h", "16h", "24h"]),
            "staff": st.sampled_from([1, 400, 4000]),
            "tier": st.sampled_from(sorted(tiers)),
            "days": st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True),
        }
    )
    shifts = draw(st.lists(shift, min_size=1, max_size=3))
    on_duty = st.sampled_from(sorted({str(one["tier"]) for one in shifts}))
    levels = st.sampled_from(
        [None, {"target": "8h"}, {"target": "3d", "urgent_target": "1h", "urgent_above": {"risk": 2.0}}]
    )
    level = draw(levels)
    rules = ["first_come", "score", "value_of_time", *(["deadline"] if level else [])]
    drawn = draw(
        block(
            priority=st.sampled_from(rules),
            ageing=maybe(lengths),
            expires=st.sampled_from(["1h", "48h", "5000h"]),
            capacity=maybe(st.sampled_from([200, 4000])),
            claim=maybe(block(stalls=st.sampled_from([0.0, 0.3, 0.7]), expires=st.sampled_from(["1h", "30h"]))),
            merge_by_account=st.booleans(),
            drop_when_ended=st.booleans(),
            second_review=maybe(
                st.fixed_dictionaries(
                    {"of": st.sampled_from(["confirmed", "cleared", "all"]), "share": chances, "tier": maybe(on_duty)}
                )
            ),
            fatigue=maybe(block(accuracy_lost_per_hour=st.just(0.1), slower_per_hour=st.just(0.1))),
            on_confirmed=some_of(actions),
            on_cleared=some_of(actions),
        )
    )
    for place in ("on_confirmed", "on_cleared"):
        drawn[place] += draw(st.lists(st.sampled_from(leads_to), max_size=1)) if leads_to else []
    return drawn | {"tiers": tiers, "shifts": shifts} | ({"service_level": level} if level else {})


failures = block(
    text_only_dropped=chances,
    owner_missing=st.sampled_from([0.0, 0.3]),
    lock_expires_unseen=chances,
    restamped_late=maybe(st.fixed_dictionaries({"share": chances, "delay": lengths})),
    outages=st.sampled_from(
        [[], [{"begins": "20d", "lasts": "9d"}], [{"begins": "0d", "lasts": "1d"}, {"begins": "60d", "lasts": "2d"}]]
    ),
    latency=maybe(delays),
    duplicates=chances,
)


@st.composite
def arms(
    draw: st.DrawFn,
    detector: str,
    *,
    sight: Mapping[str, Any] | None = None,
    mode: str = "live",
    platforms: Sequence[str] = PLATFORMS,
    actions: Collection[str] = ACTIONS,
) -> Arm:
    """A policy that acts on a detector: with no queue, one, or two in sequence, of which the second may also be reached
    at once.

    ``sight``: what decides when it alerts (``alert_level``, ``trigger``, ``encrypted``); a risk of 1 if absent.
    ``actions``: those it may take; the scenario must say how people react to them.
    """
    names = draw(st.sampled_from([(), ("first",), ("first", "second")]))
    ways = {name: [TO_QUEUE + other for other in names[place + 1 :]] for place, name in enumerate(names)}
    made = {name: draw(queues(ways[name], actions)) for name in names}
    on_alert = draw(some_of(actions)) + [TO_QUEUE + name for name in names[:1]]
    follows = [*made["first"]["on_confirmed"], *made["first"]["on_cleared"]] if made else []
    if len(names) == 2 and ("queue.second" not in follows or draw(st.booleans())):
        on_alert.append("queue.second")
    arm = {
        "title": "random",
        "law": draw(st.sampled_from(["none", "meeting", "communication"])),
        "detector": detector,
        "mode": mode,
        "alert_level": {"risk": 1.0},
        "code": draw(codes(platforms=platforms)),
        "on_alert": draw(st.permutations(on_alert)),
        "queues": made,
        "failures": draw(maybe(failures)),
        **(sight or {}),
    }
    arm["trigger"] = arm.get("trigger", {}) | {"budget_per_day": draw(st.sampled_from([None, 400, 4000]))}
    return Arm.model_validate(arm)


@st.composite
def responses(draw: st.DrawFn) -> Response:
    """Police, and how children, guardians and offenders react to every action there is."""
    one = {name: block(value=chances) for name in ("referral_recorded", "acts_before_offence")}
    few_or_many = block(value=st.sampled_from([1, 1000]))
    police = mapping(
        investigators=few_or_many,
        desk=few_or_many,
        effort=block(time=delays),
        referral_effort=block(time=delays),
        safeguarding=block(high=delays, medium=delays, low=delays),
        arrest=block(delay=delays),
        charge=block(probability=chances, delay=delays),
        **one,
    )
    hours = ASSUMED | draw(
        st.sampled_from([{"begins": "0h", "ends": "24h"}, {"begins": "9h", "ends": "17h", "days": ["mon", "tue"]}])
    )
    targets = ASSUMED | {"high": "7d", "medium": "14d", "low": "30d"}
    again = block(probability=chances, delay=delays)
    told = st.sampled_from([(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.2, 0.3, 0.1)])
    child = told.map(lambda shares: ASSUMED | dict(zip(("leave", "block", "tell"), shares, strict=True)))
    reactions = mapping(
        alert_child=child,
        nudge_child=child,
        suggest_block=child,
        habituation=maybe(block(value=chances)),
        repetition=maybe(block(within=lengths)),
        alert_guardian=block(probability=chances, delay=delays, ends_contact=chances, reports=chances),
        block_recontacted=again,
        restriction=block(lasts=lengths, moves=chances),
        suspension_recontact=again,
        suspension_displaces=block(value=chances),
        new_account=maybe(again),
        tipped_off=maybe(
            block(
                notices=chances,
                speeds_up=st.just(0.4),
                goes_silent=st.just(0.3),
                moves=st.just(0.3),
                tempo=st.sampled_from([0.3, 1.0]),
                silence=delays,
            )
        ),
        substitution=maybe(again),
        signal_sharing=again,
    )
    working = {"working_time": hours, "triage": ASSUMED | {"young": 11, "targets": targets}}
    return Response.model_validate({"police": draw(police) | working, "reactions": draw(reactions)})
