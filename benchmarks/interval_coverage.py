"""How often 95 % intervals of small runs cover the answer, on a small world whose answer is known.

    python -m benchmarks.interval_coverage [--runs N] [--reference N] [--jobs N] [--json]

A run is 10 replications. First with about 100 grooming conversations of 22 offenders each: the expected number of
contacts is exact (offenders x rate x days); the other answers come from ``--reference`` replications of their own,
whose standard error, as a share of that of one run, is shown and is small enough not to matter. Then with 8 such
populations side by side (180 offenders), drawn with replacement from all that were simulated, so that every answer is
exact: a few offenders with very many contacts make small populations skewed, and no interval from ten of them sees what
it lacks. It measures and does not gate.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from simharness.detection.scoring import build_detectors
from simharness.metrics.arms import arm_numbers
from simharness.metrics.intervals import (
    Interval,
    clopper_pearson,
    mean_interval,
    paired_difference,
    ratio_difference,
    ratio_interval,
    unpaired_difference,
)
from simharness.outcomes.cell import Prepared, run_cell
from simharness.parallel import run_cells
from simharness.run import prepare_cells
from simharness.scenario.load import load_scenario
from simharness.streams import uniform
from simharness.world.clock import DAY_S
from simharness.world.model import WorldModel, build_model

FLAGSHIP = Path(__file__).parents[1] / "scenarios" / "england_wales_2017.yaml"
COMPARATOR, ARM, DETECTOR = "police_communication_offence", "grooming_alerts", "text_model"
SCALE, REPLICATIONS, POPULATIONS = 0.0025, 10, 8
# Many false alerts in few conversations, so that the rate of them is more than chance of a handful.
SETTINGS = (
    "training={grooming: 300, benign: 1200, calibration: 20000}",
    "sampling.benign_fraction=0.01",
    f"arms.{ARM}.alert_level={{false_alerts_per_1000_child_months: 10}}",
)
COLUMNS = ("contacts", "offences", "offences_arm", "prevented", "meetings", "meetings_arm", "false_alerts", "months")
Table = Mapping[str, NDArray[np.float64]]  # by column, shape (replications,)


def prepare() -> Prepared:
    """A four-hundredth of the flagship with the comparator, one arm and its detector."""
    loaded = load_scenario(FLAGSHIP, SETTINGS, scale=SCALE)
    arms = {name: loaded.scenario.arms[name] for name in (COMPARATOR, ARM)}
    detectors = {DETECTOR: loaded.scenario.detectors[DETECTOR]}
    changes = {"arms": arms, "detectors": detectors, "matched_budget": None}
    scenario = loaded.scenario.model_copy(update=changes)
    return prepare_cells(build_model(scenario, loaded.folder), build_detectors(scenario.detectors, loaded.folder))


def replicate(prepared: Prepared, replication: int) -> list[float]:
    """The counts of one replication, in the order of COLUMNS."""
    model, cell = prepared.model, run_cell(prepared, replication)
    base, arm = (arm_numbers(model, cell, name) for name in (COMPARATOR, ARM))
    counts = [cell.planned, base["offences"], arm["offences"], arm["offences_prevented"]]
    counts += [base["meetings"], arm["meetings"], arm["false_alerts"], arm["child_months"]]
    return [float(count or 0.0) for count in counts]


def simulate(prepared: Prepared, replications: range, jobs: int) -> Table:
    """Every replication's counts, by column."""
    found: dict[int, list[float]] = {}
    run_cells(partial(replicate, prepared), replications, jobs, found.__setitem__)
    values = np.array([found[replication] for replication in replications])
    return {name: values[:, place] for place, name in enumerate(COLUMNS)}


def side_by_side(pool: Table, populations: int, replications: int) -> Table:
    """Replications of so many populations each, drawn with replacement from a pool: its means are the answers."""
    draws = uniform(5, "bench.populations", np.arange(replications)[:, None], np.arange(populations)[None, :])
    size = len(pool["contacts"])
    chosen = np.minimum((draws * size).astype(np.intp), size - 1)
    return {name: values[chosen].sum(axis=1) for name, values in pool.items()}


def expected_contacts(model: WorldModel) -> float:
    """Contacts of a replication: offenders x rate x days, exactly (multipliers between offenders have mean 1)."""
    scenario, offenders = model.scenario, model.scenario.world.offenders
    return round(offenders.count.value * scenario.scale) * offenders.contact_rate.value * scenario.period.days * DAY_S


# What is asked, the interval of one run, and the answer given a long table of replications.
QUESTIONS: dict[str, tuple[Callable[[Table], Interval], Callable[[Table], float]]] = {
    "mean count: offences": (lambda t: mean_interval(t["offences"]), lambda t: t["offences"].mean()),
    "share: offences prevented": (
        lambda t: ratio_interval(t["prevented"], t["offences"]),
        lambda t: t["prevented"].sum() / t["offences"].sum(),
    ),
    "share: contacts with an offence": (
        lambda t: ratio_interval(t["offences"], t["contacts"]),
        lambda t: t["offences"].sum() / t["contacts"].sum(),
    ),
    "paired difference: offences": (
        lambda t: paired_difference(t["offences_arm"], t["offences"]),
        lambda t: (t["offences_arm"] - t["offences"]).mean(),
    ),
    "rate: false alerts": (
        lambda t: ratio_interval(t["false_alerts"], t["months"]),
        lambda t: t["false_alerts"].sum() / t["months"].sum(),
    ),
    "paired difference of ratios: meetings per offence": (
        lambda t: ratio_difference(t["meetings_arm"], t["offences_arm"], t["meetings"], t["offences"]),
        lambda t: t["meetings_arm"].sum() / t["offences_arm"].sum() - t["meetings"].sum() / t["offences"].sum(),
    ),
}


def covers(interval: Interval, answer: float) -> bool:
    """Whether an interval holds the answer; one that is not there does not."""
    return interval.low is not None and interval.high is not None and interval.low <= answer <= interval.high


def coverage(table: Table, reference: Table, contacts: float, known_exactly: bool = False) -> list[dict[str, Any]]:
    """One row a question. ``table``: runs of REPLICATIONS one after another; ``contacts``: the exact expectation."""
    error_of = _nothing if known_exactly else _error
    runs = [
        {name: values[first : first + REPLICATIONS] for name, values in table.items()}
        for first in range(0, len(table["contacts"]), REPLICATIONS)
    ]
    rows = [
        _row("mean count: contacts (exact answer)", [mean_interval(run["contacts"]) for run in runs], contacts, 0.0)
    ]
    for name, (ask, answer) in QUESTIONS.items():
        known = float(answer(reference))
        rows.append(_row(name, [ask(run) for run in runs], known, error_of(reference, answer)))
    # Two runs of seeds of their own: the first arm of one against the second of the next.
    known = float((reference["offences_arm"] - reference["offences"]).mean())
    pairs = zip(runs[::2], runs[1::2], strict=True)
    apart = [unpaired_difference(one["offences_arm"], other["offences"]) for one, other in pairs]
    error = error_of(reference, lambda t: float((t["offences_arm"] - t["offences"]).mean()))
    return [*rows, _row("unpaired difference: offences", apart, known, error)]


def coverage_of_pool(table: Table, reference: Table, runs: int) -> list[dict[str, Any]]:
    """The same rows for populations side by side: the pool, each row so many times over, is the exact reference."""
    pool = {name: np.concatenate([table[name], reference[name]]) for name in table}
    made = side_by_side(pool, POPULATIONS, runs * REPLICATIONS)
    exact = {name: values * POPULATIONS for name, values in pool.items()}
    return coverage(made, exact, float(exact["contacts"].mean()), known_exactly=True)


def _error(reference: Table, answer: Callable[[Table], float]) -> float:
    """Standard error of an answer, from 20 equal parts of its replications (batch means)."""
    size = len(reference["contacts"]) // 20
    parts = [
        answer({name: v[first : first + size] for name, v in reference.items()}) for first in range(0, 20 * size, size)
    ]
    return float(np.std(parts, ddof=1) / 20**0.5)


def _nothing(reference: Table, answer: Callable[[Table], float]) -> float:
    return 0.0


def _row(name: str, intervals: list[Interval], answer: float, error: float) -> dict[str, Any]:
    hits = sum(covers(interval, answer) for interval in intervals)
    found = clopper_pearson(hits, len(intervals))
    estimates = [interval.estimate for interval in intervals if interval.estimate is not None]
    widths = [each.high - each.low for each in intervals if each.high is not None and each.low is not None]
    return {
        "question": name,
        "method": intervals[0].method,
        "answer": answer,
        "error_of_answer_over_error_of_a_run": error / float(np.std(estimates, ddof=1)),
        "runs": len(intervals),
        "coverage": found.estimate,
        "low": found.low,
        "high": found.high,
        "mean_width": float(np.mean(widths)),
    }


@click.command(help=__doc__)
@click.option("--runs", type=click.IntRange(2), default=1000, show_default=True)
@click.option("--reference", type=click.IntRange(40), default=10_000, show_default=True)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True)
@click.option("--save", type=click.Path(dir_okay=False), help="also keep every replication's counts (npz)")
@click.option("--json", "as_json", is_flag=True)
def main(runs: int, reference: int, jobs: int, save: str | None, as_json: bool) -> None:
    prepared = prepare()
    first = 2 * (runs // 2) * REPLICATIONS
    table = simulate(prepared, range(first), jobs)
    known = simulate(prepared, range(first, first + reference), jobs)
    if save:
        np.savez(save, **{f"runs_{k}": v for k, v in table.items()}, **{f"reference_{k}": v for k, v in known.items()})
    found = {
        f"{SCALE:g} of the flagship": coverage(table, known, expected_contacts(prepared.model)),
        f"{SCALE * POPULATIONS:g} of the flagship, answers exact": coverage_of_pool(table, known, runs),
    }
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(
        f"coverage of 95 % intervals, {first // REPLICATIONS} runs of {REPLICATIONS} replications (aim: 93 to 97 %)"
    )
    for size, row in ((size, row) for size, rows in found.items() for row in rows):
        between = f"{100 * row['coverage']:5.1f} % ({100 * row['low']:.1f} to {100 * row['high']:.1f})"
        share = f"answer known to {100 * row['error_of_answer_over_error_of_a_run']:.1f} % of a run's error"
        click.echo(f"{size}: {row['question']:52s} {between}  {row['method']}, {share}")


if __name__ == "__main__":
    main()
