"""Fixtures for tests of the command line, and a miss as a search would find it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simharness import cli
from simharness.hunt.records import Found, Judgement, Reader, Step, Trajectory
from simharness.hunt.trajectory import harm_of

Main = Callable[..., tuple[int, str, str]]
SEVEN = Trajectory(
    (
        Step("asks_age", "initiator", 60.0),
        Step("asks_area", "initiator", 1860.0),
        Step("games", "child", 60.0, times=4),
        Step("sexual", "initiator", 1860.0),
    )
)


@pytest.fixture
def main(capsys: pytest.CaptureFixture[str]) -> Main:
    """``main(*words)``: exit code, stdout and stderr of a command run in this process."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def found() -> Callable[..., Found]:
    """``found(bound=2, detector=None, ...)``: a made-up miss of seven messages, read by nobody; the last is harm."""

    def made(
        bound: int | None = 2,
        detector: int | None = None,
        *,
        features: tuple[str, ...] = ("gaps",),
        name: str = "slow",
        level: float = 3.0,
        trajectory: Trajectory = SEVEN,
    ) -> Found:
        harm, messages = harm_of(trajectory), sum(step.times for step in trajectory.steps)
        low = tuple(None if place == 0 else 0.1 * place for place in range(messages))
        rising = tuple(-4.0 + 2.5 * place for place in range(messages))
        readers = Reader("bayes_bound", rising, -1.5, bound), Reader(name, low, level, detector)
        sentence = "Missed when risk acts are 31 minutes apart."
        return Found(Judgement(trajectory, harm, *readers), features, sentence, 120)

    return made
