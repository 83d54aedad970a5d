"""The command line: options here, the work in ``simharness.commands``, imported only when a command is given.

Exit codes: 0 done; 1 an expectation or a conversation is missed, a rule of the contract broken, or a metric worse than
in the base run; 2 usage or scenario error, nothing ran; 3 incomplete, can be continued; 4 inconclusive; 5 nothing was
checked; 6 base run missing or not comparable; 70 an error inside simharness or in a detector; 130 interrupted, the
partial run is valid; 141 nobody reads the output any more.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from simharness.cli_checks import check, expect
from simharness.cli_harness import check_detector, corpus, init, robustness, stream, sweep
from simharness.cli_hunt import hunt, promote, replay
from simharness.cli_options import (
    base_option,
    jobs_option,
    option,
    outputs_option,
    path_type,
    results_option,
    scenario_options,
)
from simharness.cli_runs import compare
from simharness.cli_selftest import selftest
from simharness.errors import SimharnessError, causes

INTERRUPTED, INTERNAL, USAGE, NO_READER = 130, 70, 2, 141
WORKER_TRACE = "; in the worker:"  # from here on a note is a worker's traceback


def _version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"simharness {version('simharness')}")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "SIMHARNESS"})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def commands() -> None:
    """How much earlier, and how much less harm, if platforms acted on what they can see?

    Everything is simulated. Start with: simharness run scenarios/england_wales_2017.yaml --scale smoke
    """


@commands.command()
@scenario_options
@outputs_option(
    "folder to write runs into (default: results), or a file: JUnit (.xml), page (.md), summary (.json); repeatable"
)
@base_option
@option("--no-check", is_flag=True, help="hold nothing against what is expected")
@jobs_option
@option("--batch-size", type=click.IntRange(min=1), help="conversations generated at a time; changes no result")
@option("--json", is_flag=True, help="JSON lines on stdout: each finished cell, then the summary")
def run(**options: Any) -> int:
    """Run a scenario or a suite, or continue where it stopped; report it, and hold it against what is expected of it.

    Options count for every run of a suite, and for a base that is run in the same job.

    Exit codes: 0 all held, or nothing is expected; 1 a bar is missed; 2 usage, nothing ran; 3 incomplete, or a detector
    failed; 4 none is missed, but an interval straddles its bar; 5 nothing was checked; 6 the base run is missing or not
    comparable; 130 interrupted.
    """
    from simharness.commands.run import run as work

    return work(as_json=options.pop("json"), **_chosen(options))


@commands.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=path_type)
def validate(files: tuple[Path, ...]) -> None:
    """Do everything short of running, of scenarios and suites, and name every problem by file and line."""
    from simharness.commands.check import validate as work

    work(files)


@commands.command()
@option("-o", "--output", type=path_type, help="file to write; stdout if absent")
@option("--suite", is_flag=True, help="of suites instead")
def schema(output: Path | None, suite: bool) -> None:
    """Print the JSON Schema (draft-07) of scenario files, for editors."""
    from simharness.commands.check import schema as work

    work(output, suite)


@commands.command("list")
@click.argument("what", type=click.Choice(["detectors", "scenarios", "metrics", "runs"]))
@results_option
@option("--scenarios", type=path_type, default=Path("scenarios"), show_default=True, help="folder the scenarios are in")
def list_(what: str, results: Path, scenarios: Path) -> None:
    """List what there is."""
    from simharness.commands.listing import show

    show(what, results, scenarios)


@commands.command()
@click.argument("run", metavar="RUN")
@option(
    "--format",
    type=click.Choice(["terminal", "md", "json", "junit", "headline"]),
    help="default: by the suffix of -o, or terminal; headline: the main numbers in Markdown",
)
@option("-o", "--output", type=path_type, help="file to write; stdout if absent")
@option("--into", metavar="FILE", type=path_type, help="with headline: put it between the markers of this page")
@results_option
def report(run: str, **options: Any) -> None:
    """Report a run again. RUN is a path, an id or its beginning, or latest."""
    from simharness.commands.report import report as work

    work(run, options["format"], options["output"], options["results"], options["into"])


@commands.command()
@scenario_options
@jobs_option
def plan(**options: Any) -> None:
    """Estimate what a run takes and what it could tell apart."""
    from simharness.commands.plan import plan as work

    work(**_chosen(options))


@commands.command()
@click.argument("scenario", metavar="FILE", type=path_type)
@click.argument("conversation", metavar="ID", type=click.IntRange(0, 2**64 - 1))
@option("--replication", type=click.IntRange(min=0), default=0, show_default=True, help="which replication it is in")
@option("--seed", type=click.IntRange(0, 2**63 - 1), help="instead of the scenario's seed")
@option("--scale", metavar="smoke|ci|full|NUMBER", help="the scale of the run the id comes from")
@option("--set", metavar="A.B=C", multiple=True, help="set one value of the scenario; repeatable")
def show(conversation: int, replication: int, **options: Any) -> None:
    """Show one conversation, made again from its id, as detectors saw it."""
    from simharness.commands.show import show as work

    work(conversation, replication, assignments=options.pop("set"), **options)


@commands.command()
@click.argument("scenario", metavar="FILE", type=path_type)
@option(
    "--fit",
    metavar="PATH=LOW..HIGH[:log]",
    multiple=True,
    help="fit this number instead of those behind the fitted figures; units as in the file; repeatable",
)
@option("--figure", metavar="TITLE", multiple=True, help="fit this figure too (part of its title); repeatable")
@option("--hold-out", metavar="TITLE", multiple=True, help="only check this figure (part of its title); repeatable")
@option("--replications", type=click.IntRange(min=10), default=40, show_default=True, help="of each parameter vector")
@option("--scale", metavar="smoke|ci|full|NUMBER", help="size of the population: 0.02, 0.1, 1, or a number")
@option("--set", metavar="A.B=C", multiple=True, help="set one value of the scenario; repeatable")
@option("-o", "--output", type=path_type, default=Path("results"), show_default=True, help="folder to write into")
@jobs_option
@option("--write", is_flag=True, help="put the estimates into the file")
@option("--json", is_flag=True, help="one JSON object on stdout")
def calibrate(**options: Any) -> None:
    """Fit parameters to recorded figures, with profile intervals, and check the figures left out.

    The same command again continues one that was interrupted.
    """
    from simharness.commands.calibrate import calibrate as work

    renamed = {"as_json": options.pop("json"), "assignments": options.pop("set"), "figures": options.pop("figure")}
    work(**options, **renamed)


CHECKS = (check, check_detector, compare, expect, hunt, promote, replay, selftest)
for command in (*CHECKS, corpus, init, robustness, stream, sweep):
    commands.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; deliberate errors are printed without a traceback."""
    try:
        code = commands.main(arguments, prog_name="simharness", standalone_mode=False)
    except SimharnessError as error:
        _say(str(error), *(note.partition(WORKER_TRACE)[0] for note in getattr(error, "__notes__", ())))
        return error.exit_code
    except click.Abort:
        return _interrupted()
    except click.ClickException as error:
        error.show()
        return USAGE
    except SystemExit as ended:  # click's own answer to a closed pipe; 1 would mean a missed expectation
        return NO_READER if ended.code == 1 else int(ended.code or 0)
    except Exception as error:
        if any(isinstance(each, KeyboardInterrupt) for each in causes(error)):
            return _interrupted()
        traceback.print_exc()
        _say(
            "\nThis is an error inside simharness, or in a detector if the traceback ends in one. In the first case, "
            "please report it to the project with the traceback, the command and `simharness --version`."
        )
        return INTERNAL
    return code if isinstance(code, int) else 0


def _interrupted() -> int:
    _say("Interrupted. Whatever was finished is kept: give the same command again for the rest.")
    return INTERRUPTED


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    """Options under the names the code uses; their own names are those of the environment variables."""
    renamed = {"assignments": options.pop("set"), "detectors": options.pop("detector")}
    return options | renamed


def _say(*lines: str) -> None:
    for line in lines:
        click.echo(line, err=True)


if __name__ == "__main__":
    sys.exit(main())
