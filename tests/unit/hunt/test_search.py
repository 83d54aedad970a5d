"""Planted blind spots are found, each as a short case of the right class; the bound has none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis.configuration import storage_directory

from detectors.bayes_bound import BayesBound
from simharness.errors import UsageError
from simharness.hunt.reading import Readers, judge
from simharness.hunt.search import BLOCK, HuntStopped, hunt
from tests.conftest import FLAGSHIP, SMALL
from tests.unit.hunt.conftest import TRAINING
from tests.unit.hunt.planted import (
    Capped,
    Crashes,
    Pieces,
    Restarts,
    Selective,
    child_unseen,
    initiator_unseen,
    loses_the_thread,
    private_unread,
    warming_up,
)

Plant = Callable[[Any], Readers]
# detector, seed, feature that the miss hangs on, what the sentence says
SPOTS = [
    (lambda: Selective(loses_the_thread), 3, "gaps", "31 min or more apart"),
    (Pieces, 2, "length", "48 messages of small talk"),
    (Restarts, 2, "move", "moves to another platform"),
    (lambda: Selective(initiator_unseen), 2, "initiator", "sent by the one who made contact"),
    (lambda: Selective(child_unseen), 3, "child", "sent by the child"),
    (Capped, 1, "beside", "5 other conversations"),
    (lambda: Selective(warming_up), 2, "start", "in the first 3 messages"),
    (lambda: Selective(private_unread), 2, "acts", "[asks to keep this private]"),
]


@pytest.mark.parametrize(
    ("make", "seed", "feature", "said"), SPOTS, ids=[f"{spot[2]}-{n}" for n, spot in enumerate(SPOTS)]
)
def test_a_planted_blind_spot_is_exposed(
    planted: Plant, make: Callable[[], Any], seed: int, feature: str, said: str
) -> None:
    both = planted(make())
    result = hunt(both, examples=2000, seed=seed, at_most=1)
    (found,) = result.found
    assert found.features == (feature,)
    assert said in found.sentence
    assert len(found.judgement.trajectory.steps) <= 12
    assert found.judgement.missed
    assert judge(both, found.judgement.trajectory) == found.judgement
    assert found.examples == result.examples < 2000


def test_the_bound_misses_nothing_and_all_examples_are_tried(planted: Plant) -> None:
    told: list[tuple[str, int, int]] = []
    result = hunt(planted(BayesBound()), examples=300, notify=lambda *news: told.append(news))
    assert (result.found, result.examples, result.rounds) == ((), 300, 2)
    assert told == [("search", BLOCK, 300), ("search", 300, 300)]


def test_other_classes_follow_and_none_comes_twice(planted: Plant) -> None:
    both = planted(Selective(lambda d, b: loses_the_thread(d, b) & private_unread(d, b)))
    result = hunt(both, examples=1000, seed=2, at_most=2)
    classes = [found.features for found in result.found]
    assert ("acts",) in classes
    assert len(set(classes)) == 2
    lengths = [len(found.judgement.trajectory.steps) for found in result.found]
    assert lengths == sorted(lengths)
    assert hunt(both, examples=result.examples, seed=2, at_most=2) == result  # what it tells to be typed again


def test_time_decides_nothing_but_how_many_blocks_there_are(planted: Plant) -> None:
    both = planted(Selective(private_unread))
    calls = 0

    def enough() -> bool:
        nonlocal calls
        calls += 1
        return calls == 2

    timed = hunt(both, examples=None, seed=2, enough=enough)
    assert timed.rounds == 2
    assert hunt(both, examples=timed.examples, seed=2) == timed


CODE = """
import sys
import numpy.f2py, colorsys  # other modules than a test has, and none of its own
from pathlib import Path
from simharness.hunt.reading import readers
from simharness.hunt.search import hunt
from simharness.scenario.load import load_scenario
loaded = load_scenario(Path(sys.argv[1]), [sys.argv[2]], scale=float(sys.argv[3]))
print(repr(hunt(readers(loaded, "keyword"), examples=60, seed=5)))
"""


def test_another_process_finds_the_same_and_leaves_nothing(own: Callable[[str], Readers], tmp_path: Path) -> None:
    words = [sys.executable, "-c", CODE, str(FLAGSHIP), TRAINING, str(SMALL)]
    root = str(Path(__file__).parents[3])
    environment = os.environ | {"PYTHONHASHSEED": "12345", "PYTHONPATH": root}
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment, cwd=tmp_path)
    here = hunt(own("keyword"), examples=60, seed=5)
    assert here.found
    assert done.stdout.strip() == repr(here)
    assert hunt(own("keyword"), examples=60, seed=6) != here
    assert not list(tmp_path.iterdir())  # nor a folder of Hypothesis's


def test_hypothesis_keeps_its_own_folder(own: Callable[[str], Readers]) -> None:
    before = storage_directory(intent_to_write=False).home_directory
    hunt(own("keyword"), examples=1)
    assert storage_directory(intent_to_write=False).home_directory == before


class Interrupting(Selective):
    """Reads no requests for privacy, and is interrupted when it is first asked after ``from_now`` is set."""

    def __init__(self, how: BaseException) -> None:
        super().__init__(private_unread)
        self.how, self.from_now = how, False

    def risk(self, batch: Any) -> Any:
        if self.from_now:
            raise self.how
        return super().risk(batch)


def in_a_kernel() -> SystemError:
    error = SystemError("returned a result with an exception set")
    error.__cause__ = KeyboardInterrupt()
    return error


@pytest.mark.parametrize("how", [KeyboardInterrupt(), in_a_kernel()], ids=["plain", "in a kernel"])
def test_interrupted_in_a_block_it_keeps_what_blocks_before_found(planted: Plant, how: BaseException) -> None:
    detector = Interrupting(how)
    both = planted(detector)

    def notify(what: str, done: int, total: int) -> None:
        detector.from_now = True

    with pytest.raises(HuntStopped) as stopped:
        hunt(both, examples=2000, seed=2, notify=notify)
    detector.from_now = False
    result = stopped.value.result
    assert (len(result.found), result.rounds) == (1, 1)
    assert hunt(both, examples=result.examples, seed=2) == result


def test_a_detector_that_fails_stops_the_search_at_once(planted: Plant) -> None:
    with pytest.raises(ValueError, match="moved"):
        hunt(planted(Crashes()), examples=300)


@pytest.mark.parametrize("wrong", [{"examples": None}, {"examples": 0}, {"examples": 10, "at_most": 0}])
def test_what_would_never_end_or_begin_is_refused(planted: Plant, wrong: dict[str, Any]) -> None:
    both = planted(BayesBound())
    with pytest.raises(UsageError):
        hunt(replace(both), **wrong)
