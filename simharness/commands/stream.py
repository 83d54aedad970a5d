"""``simharness stream``: the messages of a scenario's worlds as JSON lines, for a live pipeline."""

from __future__ import annotations

import gzip
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from simharness.commands.options import load
from simharness.errors import UsageError
from simharness.pacing import Pace, Write, deliver, parse_speed
from simharness.streaming import Envelope, part_names
from simharness.streaming import stream as lines_of
from simharness.world.model import build_model

_LEVEL = 1  # lines are much alike: a higher one takes several times as long for a third of the size


def stream(
    scenario: Path,
    output: Path | None,
    parts: Sequence[str],
    speed: str | None,
    envelope: Envelope,
    limit: int | None,
    replications: int | None = None,
    **options: object,
) -> None:
    """Write the parts asked for to a file, or to stdout; say on stderr how many events there were and how late."""
    factor = None if speed is None else parse_speed(speed)
    loaded = load(scenario, replications=replications, detectors=(), **options)  # type: ignore[arg-type]
    names = part_names(loaded.scenario, parts)
    model = build_model(loaded.scenario.one_nation(), loaded.folder)
    pace = None if factor is None else Pace(factor, time.monotonic, time.sleep, _say)
    with _standard_output() if output is None else _file(output) as write:
        events = deliver(lines_of(model, names, envelope), write, pace, limit)
    _say(f"{events:,} events" + (f", at most {pace.latest_s:.1f} s late" if pace else ""))


def _say(text: str) -> None:
    click.echo(f"stream: {text}", err=True)


@contextmanager
def _standard_output() -> Iterator[Write]:
    """Past the buffer of stdout, which would try again to write what a closed pipe did not take."""
    binary: IO[bytes] = sys.stdout.buffer
    try:
        number = binary.fileno()
    except OSError:  # not a file: a test that collects the output
        yield binary.write
        return
    sys.stdout.flush()
    yield lambda data: _write_all(number, data)


def _write_all(number: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(number, rest) :]


@contextmanager
def _file(path: Path) -> Iterator[Write]:
    """Written aside and renamed when it is whole, so that a file under its name is never half of one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.aside")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("wb") as raw:
                if path.suffix == ".gz":
                    with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=raw, mtime=0) as packed:
                        yield packed.write
                else:
                    yield raw.write
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"--output {path}",
            f"cannot be written: {error.strerror or error}",
            hint="Give a file in a folder of yours.",
        ) from error
