"""``simharness plan``: what a run takes and what it could tell apart, on one screen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from simharness.commands.options import load
from simharness.metrics.precision import level_of_look
from simharness.plan import BYTES_A_CONVERSATION, POWER, Plan, make_plan
from simharness.report.terminal import console
from simharness.report.wording import NOT_APPLICABLE, counted, number
from simharness.scenario.precision import Precision
from simharness.units import format_duration
from simharness.workload import Load

FORMULA = (
    f"Smallest detectable difference: (t[0.975, R-1] + t[{POWER:.2f}, R-1]) sqrt(2 p (1-p) / (n R)), p = 1/2, "
    "n offences a replication, R replications: a paired t test of two arms at 5 %, with the binomial standard error "
    "of arms that share no draws. Approximate: shared draws make it smaller, offenders with many victims larger."
)
LENGTHS = (
    "Lengths are exact for the chains (fundamental matrix) if every conversation runs to its own end; the period's end "
    "and adults who step in make them shorter, so messages, offences, time and disk are somewhat overstated."
)
LOADS = (
    "Queues: from the false alerts alone to one alert more for every grooming conversation covered, at the tiers' mean "
    "times; reviewers on duty on average while the queue is staffed. Merging, account triggers, budgets and losses "
    "make it less; repeated and double alerts and fatigue more."
)
COSTS = (
    "Time, memory and disk are estimates: one small replication was run on this machine and scaled up (memory: "
    f"{BYTES_A_CONVERSATION / 1000:g} kB more for each grooming conversation). Other load on the machine changes them."
)


def plan(*, jobs: int, **chosen: Any) -> None:
    """Print the plan of a run. Raises UsageError for whatever a run would refuse."""
    found = make_plan(load(**chosen), jobs)
    target = console(sys.stdout)
    table = Table.grid(padding=(0, 2))
    for name, value in lines(found):
        table.add_row(Text(name), Text(value))
    target.print(Text(f"Plan: {found.scenario.title}", style="bold"))
    target.print(table)
    for note in (LENGTHS, LOADS, COSTS, FORMULA):
        target.print(Text(note, style="dim"))


def lines(found: Plan) -> Iterator[tuple[str, str]]:
    """Name and value of every line of a plan."""
    scenario, expected = found.scenario, found.expected
    replications, detectors = scenario.replications, len(scenario.detectors)
    sampled = f"sampled (fraction {scenario.sampling.benign_fraction:g})"
    messages = expected.messages * replications
    once = f"{number(expected.once)} messages to train detectors and set alert levels"
    yield "seed, scale", f"{scenario.seed}, {scenario.scale:g}"
    yield "replications", f"{replications:,} on {counted(found.jobs, 'process', 'processes')}"
    yield "grooming conversations", f"{_each(expected.grooming)}, {_long(expected.grooming_length)}"
    yield "harmless conversations", f"{_each(expected.benign)} {sampled}, {_long(expected.benign_length)}"
    yield "messages", f"{_each(expected.messages)}, {number(messages)} in all"
    yield "read by detectors", f"{counted(detectors, 'detector')} x messages = {number(messages * detectors)} in all"
    yield "once, before the first", once
    if scenario.precision is not None:
        yield "precision", _precision(scenario.precision, replications)
    for name, alerts in found.false_alerts.items():
        yield f"false alerts, {name}", _false_alerts(alerts.stated, alerts.expected)
        for queue, asked in found.loads[name].items():
            yield f"  queue {queue}", _load(asked)
    yield "wall time", f"about {format_duration(found.wall_s)} (estimate)"
    yield "memory", f"about {number(found.memory_bytes / 1e6)} MB in all processes (estimate)"
    yield "disk", f"about {number(found.disk_bytes / 1e6)} MB (estimate)"
    yield "smallest detectable difference", _detectable(found)


def _long(messages: float) -> str:
    return f"{messages:.1f} messages each on average"


def _each(value: float) -> str:
    return f"{number(value)} a replication"


def _false_alerts(stated: float | None, expected: float | None) -> str:
    if stated is None or expected is None:
        return f"{NOT_APPLICABLE} (the alert level is a risk, so no rate is stated)"
    return f"{number(expected)} a replication (stated: {stated:g} per 1,000 child-months where covered in full)"


def _load(asked: Load) -> str:
    low, high = (f"{100.0 * share:.0f}" for share in asked.utilisation)
    short = ": too few to keep up" if asked.utilisation[0] > 1.0 else ""
    return (
        f"{number(asked.alerts[0])} to {number(asked.alerts[1])} alerts, {number(asked.needed[0])} to "
        f"{number(asked.needed[1])} reviewers busy of {asked.duty_h / asked.on_duty_h:.1f} ({low} to {high} %){short}"
    )


def _precision(precision: Precision, replications: int) -> str:
    looks = precision.looks(replications)
    level, most = 100.0 * level_of_look(len(looks)), precision.at_most
    return (
        f"looks at {', '.join(f'{look:,}' for look in looks)} replications, until the {level:.4g} % interval of "
        f"{precision.metric} ({precision.subject[1]}) is within {precision.half_width:g}; at most "
        f"{counted(most, 'replication')}, {most / replications:.1f} times what is planned here"
    )


def _detectable(found: Plan) -> str:
    if found.detectable is None:
        return f"{NOT_APPLICABLE} (needs two replications or more, and offences)"
    points = f"{100.0 * found.detectable:.2f} percentage points"
    return f"{points} of offences prevented between two arms, with power {100 * POWER:.0f} % (approximate)"
