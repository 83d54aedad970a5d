"""Options that several commands have; nothing heavy is imported here."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

option = partial(click.option, show_envvar=True)
path_type = click.Path(path_type=Path)
results_option = option(
    "--results", type=path_type, default=Path("results"), show_default=True, help="folder the runs are in"
)
jobs_option = option(
    "--jobs", type=click.IntRange(min=1), default=os.cpu_count, show_default="number of CPUs", help="processes"
)

base_option = option("--base", metavar="FILE|RUN", help="what `vs base` means: a scenario, run first, or a run")


def outputs_option(text: str) -> Callable[[F], F]:
    """``-o``, which repeats; each takes its type from its suffix."""
    return option("-o", "--output", metavar="OUT", type=path_type, multiple=True, help=text)


def scenario_options(command: F) -> F:
    """Options of every command that loads one scenario."""
    for decorate in reversed(
        [
            click.argument("scenario", metavar="FILE", type=path_type),
            option("--seed", type=click.IntRange(0, 2**63 - 1), help="instead of the scenario's seed"),
            option("--replications", type=click.IntRange(1, 100_000), help="instead of the scenario's number"),
            option("--scale", metavar="smoke|ci|full|NUMBER", help="size of the population: 0.02, 0.1, 1, or a number"),
            option("--set", metavar="A.B=C", multiple=True, help="set one value of the scenario; repeatable"),
            option(
                "--detector",
                metavar="SPEC",
                multiple=True,
                help="measure one more detector: a name, package:Object or file.py:Object; repeatable",
            ),
        ]
    ):
        command = decorate(command)
    return command
