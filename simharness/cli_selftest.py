"""The command that tries a scenario under the relations that a sound simulation must obey."""

from __future__ import annotations

from typing import Any

import click

from simharness.cli_options import jobs_option, option, scenario_options


@click.command()
@scenario_options
@option("--only", metavar="NAME", multiple=True, help="only this relation; repeatable")
@jobs_option
@option("--json", is_flag=True, help="JSON lines on stdout: each relation, then the result; the table on stderr")
def selftest(**options: Any) -> int:
    """Try the relations that a sound simulation must obey on a scenario's own worlds, detectors and policies.

    At a small scale unless --scale says otherwise (smoke, 6 replications). Exit codes: 0 all that apply hold, 1 one is
    broken, 2 usage, 3 a detector failed, 5 none applied, 130 interrupted.
    """
    from simharness.commands.selftest import selftest as work

    renamed = {"assignments": options.pop("set"), "detectors": options.pop("detector"), "as_json": options.pop("json")}
    return work(**renamed, **options)
