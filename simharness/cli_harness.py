"""Commands about detectors: begin a project, check one, stress all, read corpora, stream events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from simharness.cli_options import F, jobs_option, option, path_type

SEED = click.IntRange(0, 2**63 - 1)


@click.command()
@click.argument("folder", metavar="[DIR]", type=path_type, default=Path())
def init(folder: Path) -> None:
    """Begin a project: a scenario, a detector to change, its test, and a CI file.

    DIR is made if it is not there; nothing in it is overwritten.
    """
    from simharness.commands.init import init as work

    work(folder)


@click.command("check-detector")
@click.argument("spec", metavar="SPEC")
@option("--scenario", type=path_type, help="whose detectors SPEC may name, and whose world it is tried on")
@option("--json", is_flag=True, help="one JSON object on stdout")
def check_detector(spec: str, scenario: Path | None, json: bool) -> None:
    """Try a detector under every rule of the contract; exit code 1 if one is broken.

    SPEC is a name, package:Object, file.py:Object, process:COMMAND, scores:FILE, a URL, or a detector of the scenario.
    """
    from simharness.commands.check_detector import check as work

    work(spec, scenario, as_json=json)


@click.command()
@click.argument("scenario", metavar="FILE", type=path_type)
@option("-o", "--output", type=path_type, help="file to write, compressed if it ends in .gz; stdout if absent")
@option(
    "--part",
    metavar="NAME",
    multiple=True,
    default=["all"],
    show_default=True,
    help="calibration, training, replication-N, or all: calibration and every replication; repeatable",
)
@option("--speed", metavar="60x", help="simulated time for real time: 60x is a minute a second; full speed if absent")
@option("--envelope", type=click.Choice(["plain", "osprey"]), default="plain", show_default=True, help="form of a line")
@option("--limit", metavar="N", type=click.IntRange(min=1), help="stop after so many events")
@option("--seed", type=SEED, help="instead of the scenario's seed")
@option("--replications", type=click.IntRange(1, 100_000), help="instead of the scenario's number")
@option("--scale", metavar="smoke|ci|full|NUMBER", help="size of the population: 0.02, 0.1, 1, or a number")
@option("--set", metavar="A.B=C", multiple=True, help="set one value of the scenario; repeatable")
def stream(part: tuple[str, ...], **options: Any) -> None:
    """Write the messages of a scenario's worlds as JSON lines, for a live pipeline."""
    from simharness.commands.stream import stream as work

    work(parts=part, assignments=options.pop("set"), **options)


@click.command()
@click.argument("paths", metavar="[FOLDER or FILE]...", nargs=-1, type=path_type)
@option("--detector", metavar="SPEC", multiple=True, help="measure one more detector; repeatable")
@option("--replications", type=click.IntRange(1, 100_000), help="instead of the scenarios' number")
@option("--seed", type=SEED, help="instead of the scenarios' seed")
@option("--false-alerts", type=float, default=1.0, show_default=True, help="per 1,000 child-months, in every world")
@jobs_option
@option("--json", is_flag=True, help="write the table to stdout as JSON")
@option("-o", "--output", type=path_type, help="also write a file: .json or .md")
def robustness(paths: tuple[Path, ...], **options: Any) -> None:
    """What each stress dial costs each detector (default: the scenarios of stress that come with simharness)."""
    from simharness.commands.robustness import robustness as work

    renamed = {"as_json": options.pop("json"), "detectors": options.pop("detector")}
    work(paths, **renamed, **options)


@click.command()
@click.argument("file", metavar="FILE", type=path_type)
@option("--plan", is_flag=True, help="say what the sweep takes, and run nothing of it")
@option("--seed", type=SEED, help="instead of the sweep's or the scenario's seed")
@option("--replications", type=click.IntRange(1, 100_000), help="instead of the sweep's or the scenario's number")
@option("--scale", metavar="smoke|ci|full|NUMBER", help="size of the population: 0.02, 0.1, 1, or a number")
@option("-o", "--output", type=path_type, default=Path("results"), show_default=True, help="folder to write into")
@jobs_option
@option("--json", is_flag=True, help="one JSON object on stdout")
def sweep(file: Path, **options: Any) -> None:
    """Vary a scenario's parameters as FILE declares, reading each world once, and rank what matters."""
    from simharness.commands.sweep import sweep as work

    work(file, as_json=options.pop("json"), **options)


@click.group()
def corpus() -> None:
    """Read real or own conversations with the detectors, or write synthetic ones in the PAN-2012 layout.

    Text is read, scored and dropped: none of it is ever shown or stored.
    """


def _corpus_options(command: F) -> F:
    """Options of the commands that read a corpus."""
    for decorate in reversed(
        [
            click.argument("source", metavar="SOURCE"),
            option("--scenario", type=path_type, help="trains the detectors; the flagship that comes along if absent"),
            option("--labels", type=path_type, help="file of predators' author ids, or of conversation and line"),
            option("--times", type=path_type, help="PAN-2012 layout: side file of absolute times (JSON lines)"),
        ]
    ):
        command = decorate(command)
    return command


@corpus.command("read")
@_corpus_options
@option("--detector", metavar="SPEC", multiple=True, help="one more detector; repeatable")
@option("--json", is_flag=True, help="one JSON object on stdout, numbers only")
def corpus_read(**options: Any) -> None:
    """Alerts of every detector on a corpus. SOURCE: chitchat, or a .xml (PAN-2012), .csv or .jsonl file."""
    from simharness.commands.corpus import read as work

    work(detectors=options.pop("detector"), as_json=options.pop("json"), **options)


@corpus.command("pacing")
@_corpus_options
def corpus_pacing(**options: Any) -> None:
    """How the pacing of harmless synthetic conversations differs from a corpus's. SOURCE as for read."""
    from simharness.commands.corpus import pacing as work

    work(**options)


@corpus.command("write-pan")
@click.argument("scenario", metavar="FILE", type=path_type)
@click.argument("folder", metavar="DIR", type=path_type)
@option("--grooming", type=click.IntRange(min=0), default=150, show_default=True, help="conversations")
@option("--benign", type=click.IntRange(min=0), default=5000, show_default=True, help="about so many conversations")
@option("--edition", type=click.Choice(["training", "use"]), default="use", show_default=True, help="of the wording")
def corpus_write_pan(**options: Any) -> None:
    """Write a scenario's synthetic conversations in the PAN-2012 layout into DIR."""
    from simharness.commands.corpus import write as work

    work(**options)
