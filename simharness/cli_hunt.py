"""Commands about what a detector misses: hunt, replay, promote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from simharness.cli_options import option, path_type


@click.command()
@click.argument("scenario", metavar="FILE", type=path_type)
@option("--detector", metavar="D", required=True, help="a detector of the scenario by name, or one as for run")
@option("--policy", metavar="ARM", help="with this arm's alert level, trigger and encrypted platforms")
@option("--budget", metavar="5min", help="time to search in, after training; looked at between blocks; default 5min")
@option("--examples", type=click.IntRange(min=1), help="try so many trajectories instead: always the same ones")
@option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="of the search")
@option("--at-most", type=click.IntRange(min=1), default=5, show_default=True, help="classes of misses")
@option("-o", "--output", metavar="DIR", type=path_type, help="default: results/hunt/<scenario>/<detector>")
@option("--set", metavar="A.B=C", multiple=True, help="set one value of the scenario; repeatable")
@option("--json", is_flag=True, help="JSON lines on stdout: each case, then the search; the timelines on stderr")
def hunt(**options: Any) -> int:
    """Search for conversations in which harm comes before the detector's alert although the bound's comes in time.

    Acts and times are searched, never wording. The shortest of each class of misses is shown and written as a case.

    Exit codes: 0 nothing found; 1 something is missed; 2 usage; 3 the detector failed; 130 interrupted, what was found
    so far is written.
    """
    from simharness.commands.hunt import hunt as work

    return work(as_json=options.pop("json"), assignments=options.pop("set"), **options)


@click.command()
@click.argument("paths", metavar="CASE|DIR...", nargs=-1, required=True, type=path_type)
@option("--scenario", metavar="FILE", type=path_type, help="instead of the one each case names")
@option("--detector", metavar="D", help="instead of the one each case names: a name in the scenario, or one as for run")
@option("--verbose", is_flag=True, help="show the timeline of every case, not only of those missed")
@option("--json", is_flag=True, help="JSON lines on stdout, one a case; the timelines on stderr")
def replay(paths: tuple[Path, ...], **options: Any) -> int:
    """Judge cases again: FIXED, MISSED, or SAYS NOTHING where the bound is not in time any more either.

    Exit codes: 0 all fixed; 1 any missed; 2 usage; 3 a detector failed; 4 none is missed, but one says nothing; 5 there
    is no case.
    """
    from simharness.commands.replay import replay as work

    return work(paths, as_json=options.pop("json"), **options)


@click.command()
@click.argument("cases", metavar="CASE...", nargs=-1, required=True, type=path_type)
@option(
    "--into",
    metavar="DIR",
    type=path_type,
    default=Path("scenarios/suites/cases"),
    show_default=True,
    help="folder of the regression suite",
)
def promote(cases: tuple[Path, ...], into: Path) -> None:
    """Copy cases into a suite's folder, their paths rewritten to begin there, and say what to commit."""
    from simharness.commands.promote import promote as work

    work(cases, into)
