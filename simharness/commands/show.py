"""``simharness show``: one conversation of a replication, made again from its id."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from simharness.commands.options import load
from simharness.outcomes.cell import replication_seed
from simharness.units import format_duration
from simharness.world.generate import World
from simharness.world.model import build_model
from simharness.world.show import show_conversation


def show(conversation: int, replication: int, scenario: Path, **options: object) -> None:
    """Print a conversation message by message, with made-up names and times since the period's first midnight."""
    loaded = load(scenario, replications=None, detectors=(), **options)  # type: ignore[arg-type]
    model = build_model(loaded.scenario.one_nation(), loaded.folder)
    found = show_conversation(World(model, replication_seed(model.scenario, replication)), conversation)
    names = {True: found.initiator.display_name, False: found.child.display_name}
    console = Console()
    console.print(f"SYNTHETIC conversation {conversation} on {found.platform}, replication {replication}")
    console.print(f"made contact: {names[True]} ({found.initiator.handle})")
    console.print(f"child:        {names[False]} ({found.child.handle})\n")
    table = Table("#", "after the period began", "from", "message", box=None)
    for message in found.messages:
        after = format_duration(message.time_s)
        table.add_row(str(message.index), after, names[message.from_initiator], message.text.replace("[", "\\["))
    console.print(table)
