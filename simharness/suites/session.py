"""What one session of pytest runs: every scenario once, however many items and processes want it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from simharness.errors import NotComparable, RunIncomplete, SimharnessError
from simharness.parallel import Interrupted
from simharness.provenance import text_digest
from simharness.run import run_scenario
from simharness.scenario.load import Loaded, deciding
from simharness.suites.failure import NotHeld
from simharness.suites.gate import gated_json
from simharness.suites.running import run_planned
from simharness.suites.suite import Planned

LOCKS = ".locks"
Found = dict[str, Any]  # plain JSON values


class Session:
    """Runs that are made during one session, each once; what came of one is told to all who ask.

    ``results``: the folder runs are written into, so that a later session continues or reads them. ``notes``: a folder
    that the processes of this session share and no other session does; None where there is but one process.
    """

    def __init__(self, results: Path, jobs: int, notes: Path | None = None) -> None:
        self.results, self.jobs = results, jobs
        self._notes = notes
        self._known: dict[str, Found] = {}

    def checked(self, planned: Planned) -> Found:
        """What ``expectations.json`` holds of a planned run. Raises NotHeld where it could not be run."""

        def work() -> Found:
            return gated_json(run_planned(planned, self.results, jobs=self.jobs).gated)

        lived = [planned.loaded, *([planned.base] if isinstance(planned.base, Loaded) else [])]
        return self._once(f"{planned.file.resolve()}::{planned.name}", [_content(each) for each in lived], work)

    def run(self, loaded: Loaded) -> Path:
        """The folder of a scenario's run. Raises NotHeld where it could not be run."""
        content = _content(loaded)

        def work() -> Found:
            return {"folder": str(run_scenario(loaded, self.results, jobs=self.jobs).path)}

        return Path(self._once(f"{loaded.folder.resolve()} {content}", [content], work)["folder"])

    def replayed(self, files: Sequence[Path]) -> Found:
        """What came of promoted cases, by path. Raises NotHeld where they could not be read again."""
        from simharness.hunt.replay import replay_cases

        def work() -> Found:
            return {
                str(each.path): {"outcome": each.outcome, "sentence": each.sentence, "problem": each.problem}
                for each in replay_cases(files)
            }

        content = text_digest("\n".join(str(file.resolve()) for file in files))
        return self._once(content, [content], work)

    def _once(self, key: str, contents: Sequence[str], work: Callable[[], Found]) -> Found:
        """What some work came to, done by the first who asks; the others wait for it, and are told the same.

        ``contents``: what else must not be worked on at the same time, by anybody with the same folder of results.
        """
        if key not in self._known:
            with self._locked({text_digest(key), *contents}):
                self._known[key] = self._noted(text_digest(key), work)
        found = self._known[key]
        if "problem" in found:
            raise NotHeld(found["problem"])
        return found

    def _noted(self, digest: str, work: Callable[[], Found]) -> Found:
        note = None if self._notes is None else self._notes / f"{digest}.json"
        if note is not None and note.is_file():
            return dict(json.loads(note.read_text(encoding="utf-8")))
        found = _done(work)
        if note is not None:
            note.parent.mkdir(parents=True, exist_ok=True)
            aside = note.with_suffix(".aside")
            aside.write_text(json.dumps(found), encoding="utf-8")
            os.replace(aside, note)
        return found

    @contextmanager
    def _locked(self, contents: set[str]) -> Iterator[None]:
        """Wait for whoever works on one of these. A run's folder refuses a second writer at once instead."""
        folder = self.results / LOCKS
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            for content in sorted(contents):  # in one order, so that no two wait for each other
                file = held.enter_context((folder / content).open("a"))
                fcntl.flock(file, fcntl.LOCK_EX)  # given up when the file is closed, or its process ends
            yield


def _done(work: Callable[[], Found]) -> Found:
    """What the work came to, or why it came to nothing, in words."""
    try:
        return work()
    except Interrupted:
        raise KeyboardInterrupt from None
    except SimharnessError as error:
        word = "not comparable" if isinstance(error, NotComparable) else "not run"
        word = "incomplete" if error.exit_code == RunIncomplete.exit_code else word
        return {"problem": f"{word}: {error}"}


def _content(loaded: Loaded) -> str:
    """Runs of unlike content are never in one folder (``run.provenance_of``)."""
    return text_digest(json.dumps(deciding(loaded.scenario), sort_keys=True))
