"""Commands about runs that are there."""

from __future__ import annotations

from typing import Any

import click

from simharness.cli_options import option, results_option


@click.command()
@click.argument("base", metavar="BASE")
@click.argument("candidate", metavar="CAND")
@option("--metric", metavar="NAME", multiple=True, help="compare this metric, NAME or NAME[stratum]; repeatable")
@option("--all", is_flag=True, help="compare every metric; without this or --metric, a short list")
@option(
    "--margin",
    metavar="NAME=VALUE",
    multiple=True,
    help="how much worse does not matter, in the metric's unit (a share from 0 to 1) or, as 10%, of the base's "
    "estimate; repeatable",
)
@option("--level", type=float, default=0.95, show_default=True, help="of all intervals of differences together")
@option(
    "--fail-on-regression", is_flag=True, help="exit code 1 if any metric is worse, 4 if one with a margin is unclear"
)
@option("--json", is_flag=True, help="JSON lines on stdout: what is compared, then each metric; the table on stderr")
@results_option
def compare(base: str, candidate: str, **options: Any) -> int:
    """Compare two runs, or two arms or detectors, and say of each metric: better, worse, same, not worse or unclear.

    BASE and CAND are RUN (all arms and detectors of the same name), RUN:ARM or RUN:detector/NAME; RUN is a path, an id
    or its beginning, or latest, and may be left out before a colon: simharness compare :voluntary_code :mandatory_code.

    Replications are paired where both sides lived through the same worlds: in one run, or in two that differ in nothing
    but arms, detectors and what people do about alerts. Otherwise it says so, and why. Runs of different scale or
    period cannot be compared.

    Exit codes: 0; with --fail-on-regression 1 a metric is worse (beyond its margin, where it has one), 4 none is, but
    one with a margin is unclear, or what the base has results of failed in the candidate, 5 nothing could have been
    worse; 2 usage; 6 the base is missing or not comparable.
    """
    from simharness.commands.compare import compare as work

    renamed = {"metrics": options.pop("metric"), "every": options.pop("all"), "margins": options.pop("margin")}
    return work(base, candidate, as_json=options.pop("json"), **renamed, **options)
