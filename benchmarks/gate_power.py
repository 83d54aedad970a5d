"""How often the gate of a suite notices a worse detector, and how often it stops a change that is no worse.

    python -m benchmarks.gate_power [--trials N] [--share X] [--first-seed N] [--jobs N] [--json] [--save FILE]

A trial has a seed of its own: world, phrases, training and alert levels are made anew. Its run and its base run are
those of gate.yaml with the same seed, and what is asked is its own ``expect``. Three changes are tried:

- worse: the detector stays silent in ``--share`` of conversations, tuned on other seeds to prevent five percentage
  points fewer meetings;
- as good: from that detector to one that stays silent in as many conversations, but others;
- none: the same detector again, which differs by exactly 0.

The runs of a trial are lived through side by side, as arms over one reading of the world; the first trial is also run
as ``simharness run`` does, run by run, and must come to the same. Then the same trials with fewer of their
replications, which is what the rule for choosing them rests on (README.md). It measures and does not gate.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from benchmarks.silent import SilentInSome
from simharness.known_run import known_of
from simharness.metrics.cell import cell_rows
from simharness.metrics.intervals import clopper_pearson, mean_interval
from simharness.metrics.rows import Row
from simharness.outcomes.cell import run_cell
from simharness.pairing import Known
from simharness.parallel import run_cells
from simharness.run import prepare_cells, run_scenario
from simharness.scenario.load import Loaded, load_scenario, resolved
from simharness.suites.items import Item, items_of
from simharness.suites.judging import INCONCLUSIVE, MISSED, PASSED, Judged, exit_code, judge
from simharness.world.model import build_model

GATE = Path(__file__).with_name("gate.yaml")
ARM, DETECTOR = "grooming_alerts", "mine"
SHARE = 0.28
FIRST_SEED = 1  # of the trials; SHARE was tuned on 24 seeds from 900,001 on
FEWER = (6, 8, 10)
CODES = {"held": PASSED, "missed": MISSED, "inconclusive": INCONCLUSIVE}
CHANGES = {"worse": ("silent", "before"), "as good": ("others", "silent"), "none": ("before", "before")}  # run, base
_READ = ("meetings_prevented", "meetings_comparator", "grooming")  # the rows that the gate reads
Trial = Mapping[str, Known]  # by variant


def variants(share: float) -> dict[str, tuple[float, int]]:
    """Share of conversations in which the detector is silent, and the draw that chooses them, by variant."""
    return {"before": (0.0, 0), "silent": (share, 1), "others": (share, 2)}


def load(seed: int, share: float = 0.0, draw: int = 0, **size: Any) -> Loaded:
    """The scenario of one variant, as a user would give it."""
    return load_scenario(GATE, [f"detectors.{DETECTOR}.options={{share: {share}, draw: {draw}}}"], seed=seed, **size)


def simulate(share: float, size: Mapping[str, Any], seed: int) -> Trial:
    """One trial: what is known of the run of each variant, all lived through over one reading of each world."""
    loaded, wanted = load(seed, **size), variants(share)
    scenario = loaded.scenario
    arms = {name: scenario.arms[ARM].model_copy(update={"detector": name}) for name in wanted}
    together = scenario.model_copy(
        update={
            "arms": {scenario.comparator: scenario.arms[scenario.comparator], **arms},
            "detectors": dict.fromkeys(wanted, scenario.detectors[DETECTOR]),
        }
    )
    made = {name: SilentInSome(*options) for name, options in wanted.items()}
    prepared = prepare_cells(build_model(together, loaded.folder), made)
    rows = [
        row
        for r in range(scenario.replications)
        for row in cell_rows(prepared.model, run_cell(prepared, r), subgroups=False)
    ]
    kept = [row for row in rows if row.metric in _READ and not row.stratum]
    said = resolved(scenario)
    return {name: Known(name, "", said, _own(name, scenario.comparator, kept)) for name in wanted}


def as_runs(folder: Path, share: float, size: Mapping[str, Any], seed: int) -> Trial:
    """The same as :func:`simulate`, each variant a run of its own."""
    runs = {
        name: run_scenario(load(seed, *options, **size), folder / name) for name, options in variants(share).items()
    }
    return {name: known_of(run) for name, run in runs.items()}


def items(size: Mapping[str, Any]) -> tuple[Item, ...]:
    """What is expected of every run."""
    loaded = load(FIRST_SEED, **size)
    return items_of(loaded, build_model(loaded.scenario, loaded.folder), base=True)


def judged(asked: Sequence[Item], trial: Trial, replications: int) -> dict[str, tuple[int, Judged]]:
    """Exit code of the gate and its one item, by change, of the first replications of a trial."""
    cut = {
        name: replace(known, rows=[row for row in known.rows if row.replication < replications])
        for name, known in trial.items()
    }
    found = {change: judge(asked, cut[run], cut[base]) for change, (run, base) in CHANGES.items()}
    return {change: (exit_code(each), each[0]) for change, each in found.items()}


def summarised(found: Sequence[tuple[int, Judged]]) -> dict[str, Any]:
    """Over trials: how often the gate stops the change and by what, how large the change is, how wide the interval."""
    codes = Counter(code for code, _ in found)
    estimates = [each.found.estimate for _, each in found]
    halves = [(each.found.high - each.found.low) / 2.0 for _, each in found if each.found.low is not None]
    return {
        "trials": len(found),
        "stopped": asdict(clopper_pearson(len(found) - codes[PASSED], len(found))),
        "codes": {name: codes[code] for name, code in CODES.items()},
        "difference": asdict(mean_interval(estimates)),
        "half_width": float(np.mean(halves)),
        "half_width_over_margin": float(np.mean(halves)) / abs(found[0][1].bar or np.nan),
    }


def measure(trials: int, share: float, first_seed: int, jobs: int, **size: Any) -> dict[str, Any]:
    """Every trial judged with all its replications, and with fewer."""
    seeds, known = range(first_seed, first_seed + trials), dict[int, Trial]()
    run_cells(partial(simulate, share, size), seeds, jobs, known.__setitem__)
    asked, replications = items(size), load(first_seed, **size).scenario.replications
    with TemporaryDirectory() as folder:
        alone = as_runs(Path(folder), share, size, first_seed)
    same = judged(asked, alone, replications) == judged(asked, known[first_seed], replications)
    by_size = {
        number: [judged(asked, known[seed], number) for seed in seeds]
        for number in (*(number for number in FEWER if number < replications), replications)
    }
    return {
        "item": asked[0].name,
        "share": share,
        "seeds": [seeds[0], seeds[-1]],
        "first_trial_same_as_runs": same,
        "by_replications": {
            number: {change: summarised([trial[change] for trial in each]) for change in CHANGES}
            for number, each in by_size.items()
        },
    }


def _own(variant: str, comparator: str, rows: Sequence[Row]) -> list[Row]:
    """What a run of one variant alone would leave behind: its own rows, under the names that the scenario has."""
    arms, detectors = {variant: ARM, comparator: comparator}, {variant: DETECTOR}
    return [
        replace(row, arm=arms.get(row.arm, ""), detector=detectors.get(row.detector, ""))
        for row in rows
        if row.arm in arms or row.detector in detectors
    ]


def lines(found: Mapping[str, Any]) -> list[str]:
    """The figures for a person."""
    first, last = found["seeds"]
    out = [
        f"{found['item']}; silent in {found['share']:g} of conversations; seeds {first} to {last}",
        f"first trial run by run: {'the same' if found['first_trial_same_as_runs'] else 'NOT the same'}",
    ]
    for number, changes in found["by_replications"].items():
        out.append(f"{number} replications")
        for change, each in changes.items():
            stopped, moved, codes = each["stopped"], each["difference"], each["codes"]
            interval = " to ".join(f"{100.0 * moved[bound]:.2f}" for bound in ("low", "high"))
            share = " to ".join(f"{100.0 * stopped[bound]:.1f}" for bound in ("low", "high"))
            out.append(
                f"  {change:8s} stopped {100.0 * stopped['estimate']:5.1f} % of {each['trials']} ({share}): "
                f"{codes['missed']} missed, {codes['inconclusive']} inconclusive; difference "
                f"{100.0 * moved['estimate']:+.2f} points ({interval}), half-width "
                f"{each['half_width_over_margin']:.2f} of the margin"
            )
    return out


@click.command(help=__doc__)
@click.option("--trials", type=click.IntRange(2), default=200, show_default=True)
@click.option("--share", type=click.FloatRange(0.0, 1.0), default=SHARE, show_default=True)
@click.option("--first-seed", type=click.IntRange(1), default=FIRST_SEED, show_default=True)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="also write the figures as JSON")
def main(trials: int, share: float, first_seed: int, jobs: int, as_json: bool, save: Path | None) -> None:
    found = measure(trials, share, first_seed, jobs)
    if save:
        save.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(lines(found)))


if __name__ == "__main__":
    main()
