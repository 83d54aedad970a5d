"""Every evaluation of a calibration: simulated replications at one parameter vector, kept as soon as they are there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from simharness.calibrate.parameters import Parameter, with_values
from simharness.errors import UsageError
from simharness.metrics.recorded import recorded_numbers
from simharness.outcomes.cell import run_comparator
from simharness.outcomes.tables import SYNTHETIC
from simharness.parallel import run_cells
from simharness.scenario.load import Loaded
from simharness.scenario.model import Scenario
from simharness.store import RunFolder
from simharness.streams import derive_seed
from simharness.world.model import WorldModel, build_model

Array = NDArray[np.float64]
TRACE = "trace.parquet"
Key = tuple[int, tuple[float, ...]]  # days simulated, values of the parameters


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``figures``: (replications, figures of the scenario), nan where undefined; of so many ``days`` at most."""

    purpose: str
    days: int
    values: tuple[float, ...]
    figures: Array


class Trace:
    """Simulates on demand, keeps what it has in the folder's trace, and takes from there what it finds.

    ``describe`` gives the log-likelihood of an evaluation for the table, or None. ``notify`` is told of every
    evaluation that had to be simulated.
    """

    def __init__(
        self,
        loaded: Loaded,
        parameters: Sequence[Parameter],
        replications: int,
        *,
        folder: RunFolder | None = None,
        jobs: int = 1,
        describe: Callable[[Evaluation], float | None],
        notify: Callable[[int, str], None] | None = None,
    ) -> None:
        self.loaded, self.parameters, self.replications = loaded, tuple(parameters), replications
        self.folder, self.jobs, self.describe, self.notify = folder, jobs, describe, notify
        self.asked: list[Evaluation] = []
        self.kept: dict[Key, Evaluation] = {}
        if folder is not None and (folder.path / TRACE).exists():
            self.kept = {(one.days, one.values): one for one in self._read(folder.path / TRACE)}

    def evaluate(self, values: Sequence[float], days: int, purpose: str) -> Evaluation:
        """The figures at these values (in the parameters' units), simulated unless that was done before."""
        key = (days, tuple(values))
        again = next((one for one in self.asked if (one.days, one.values) == key), None)
        if again is not None:
            return again
        found = self.kept.get(key)
        if found is None:
            scenario = with_values(self.loaded, self.parameters, values)
            figures = simulate(scenario, self.loaded.folder, days, self.replications, self.jobs)
            found = Evaluation(purpose, *key, figures)
        self.asked.append(found)
        if key not in self.kept:
            self.kept[key] = found
            if self.folder is not None:
                self.folder.write_table(TRACE, self.table())
            if self.notify:
                self.notify(len(self.asked), purpose)
        return found

    def table(self) -> pa.Table:
        """One row an evaluation: docs/calibration.md says what its columns are."""
        columns: dict[str, pa.Array] = {
            "evaluation": pa.array(range(1, len(self.asked) + 1), pa.int32()),
            "purpose": pa.array([one.purpose for one in self.asked], pa.string()),
            "days": pa.array([one.days for one in self.asked], pa.int32()),
        }
        for n, parameter in enumerate(self.parameters):
            columns[parameter.path] = pa.array([one.values[n] for one in self.asked], pa.float64())
        for name, number in (("mean", np.mean), ("sd", partial(np.std, ddof=1))):
            rows = [number(one.figures, axis=0).tolist() for one in self.asked]
            columns[name] = pa.array(rows, pa.list_(pa.float64()))
        columns["log_likelihood"] = pa.array([self.describe(one) for one in self.asked], pa.float64())
        columns["replications"] = pa.array([one.figures.ravel().tolist() for one in self.asked], pa.list_(pa.float64()))
        return pa.table(columns).replace_schema_metadata(SYNTHETIC)

    def _read(self, path: Path) -> list[Evaluation]:
        try:
            rows = pq.ParquetFile(path).read().to_pylist()
            return [
                Evaluation(
                    row["purpose"],
                    row["days"],
                    tuple(row[parameter.path] for parameter in self.parameters),
                    np.array(row["replications"], np.float64).reshape(self.replications, -1),
                )
                for row in rows
            ]
        except (pa.ArrowInvalid, KeyError, ValueError) as error:
            hint = "Remove the calibration's folder and give the same command again."
            raise UsageError(str(path), f"damaged: {error}", hint=hint) from error


def simulate(scenario: Scenario, folder: Path, days: int, replications: int, jobs: int) -> Array:
    """The scenario's recorded figures in a period of ``days``, (replications, figures); nan where undefined.

    Figures keep their own days, or the scenario's period, cut to ``days``. Replications have seeds of their own stream,
    the same ones for every parameter value (common random numbers), none of them a run's.
    """
    own = scenario.period.days
    period = scenario.period.model_copy(update={"end": scenario.period.start + dt.timedelta(days=days - 1)})
    recorded = [one.model_copy(update={"days": min(one.days or own, days)}) for one in scenario.recorded]
    lived = scenario.one_nation().model_copy(update={"period": period, "recorded": recorded})
    found: dict[int, list[float | None]] = {}
    work = partial(_replicate, build_model(lived, folder))
    run_cells(work, range(replications), jobs, found.__setitem__)
    return np.array([found[cell] for cell in range(replications)], np.float64)


def _replicate(model: WorldModel, replication: int) -> list[float | None]:
    return recorded_numbers(model, run_comparator(model, derive_seed(model.scenario.seed, "calibrate", replication)))
