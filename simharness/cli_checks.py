"""Commands about what is expected of runs."""

from __future__ import annotations

from typing import Any

import click

from simharness.cli_options import option, outputs_option, path_type, results_option


@click.command()
@click.argument("run", metavar="RUN")
@option("--base", metavar="RUN", help="the run that `vs base` means: a path, an id, or latest")
@option(
    "--expect", metavar="FILE", type=path_type, help="the bars of this file, instead of those the run was begun with"
)
@outputs_option("file to write: JUnit (.xml), a page (.md) or the summary (.json); repeatable")
@option("--json", is_flag=True, help="one JSON object on stdout; the table on stderr")
@results_option
def check(run: str, **options: Any) -> int:
    """Hold a finished run against its bars again; nothing is run. RUN is a path, an id or its beginning, or latest.

    Exit codes: 0 all held; 1 one is missed; 2 usage; 3 the run is incomplete, or a detector failed; 4 none is missed,
    but an interval straddles its bar; 5 nothing was checked; 6 the base run is missing or not comparable.
    """
    from simharness.commands.check_run import check_run as work

    return work(run, as_json=options.pop("json"), **options)


@click.command()
@option("--from", "from", metavar="RUN", default="latest", show_default=True, help="the run to take numbers from")
@option("--margin", default="10%", show_default=True, help="room beyond the interval, as a share of the estimate")
@option("--metric", metavar="NAME", multiple=True, help="expect this metric; without this, a short list; repeatable")
@option("--arm", metavar="NAME", multiple=True, help="of this arm; without --arm and --detector, of all; repeatable")
@option("--detector", metavar="NAME", multiple=True, help="of this detector; repeatable")
@option("--vs-base", is_flag=True, help="not worse than a base run by more than the margin, instead of numbers")
@option(
    "--into", metavar="FILE", type=path_type, help="put the block into this scenario; not a byte of the rest changes"
)
@option("--force", is_flag=True, help="with --into: replace the block that is there")
@results_option
def expect(**options: Any) -> None:
    """Write an `expect:` block that a run holds, with room, to begin with.

    A bar is the worse end of the 95 % interval moved on by the margin; each line says what the run has now.
    """
    from simharness.commands.expect import expect as work

    source = options.pop("from")
    renamed = {"metrics": options.pop("metric"), "arms": options.pop("arm"), "detectors": options.pop("detector")}
    work(source, **renamed, **options)
