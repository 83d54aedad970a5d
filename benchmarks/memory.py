"""Peak memory of a run of the flagship, all its processes together, at scale 1 and at scale 10.

Run with ``python -m benchmarks.memory``; about four minutes on two cores. Memory is proportional set size (what is
shared counts once), read four times a second from the kernel's accounting, so it is a lower bound of the peak.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCENARIO = Path(__file__).parents[1] / "scenarios" / "england_wales_2017.yaml"
INTERVAL_S = 0.25


def tree_of(root: int) -> list[int]:
    """A process and all its descendants."""
    found = [root]
    for process in found:
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:  # it ended while we looked
                continue
    return found


def pss_mib(process: int) -> float:
    """Proportional set size of one process in MiB; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def peak_mib(scale: float, replications: int, jobs: int) -> tuple[float, float]:
    """(highest sum over all processes, highest single process) of one run, in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "simharness.cli", "run", str(SCENARIO), "-o", folder]
        command += ["--scale", str(scale), "--replications", str(replications), "--jobs", str(jobs)]
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        together = single = 0.0
        while run.poll() is None:
            sizes = [pss_mib(process) for process in tree_of(run.pid)]
            together, single = max(together, sum(sizes)), max(single, *sizes)
            time.sleep(INTERVAL_S)
        if run.returncode:
            raise SystemExit(f"the run failed with exit code {run.returncode}: {' '.join(command)}")
    return together, single


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=10, help="of the run at scale 1")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    base = peak_mib(1, options.replications, options.jobs)
    large = peak_mib(10, max(1, options.replications // 10), options.jobs)
    print("peak memory, MiB     all processes   largest process")
    print(f"scale 1        {base[0]:20.0f} {base[1]:17.0f}")
    print(f"scale 10       {large[0]:20.0f} {large[1]:17.0f}")
    print(f"ratio          {large[0] / base[0]:20.2f} {large[1] / base[1]:17.2f}")


if __name__ == "__main__":
    main()
