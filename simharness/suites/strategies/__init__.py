"""Hypothesis strategies for a team's own tests (docs/pytest.md): everything drawn is small, valid and synthetic.

``scenarios`` draws whole scenarios ready to run, ``worlds`` what there is before anybody acts, ``batches`` what a
detector reads, ``trajectories`` single conversations as acts and timing, ``expectations`` bars. The parts they are made
of are public as well: ``arms``, ``queues``, ``codes``, ``responses``, and ``chains``, ``paces``, ``courses``.
"""

from simharness.hunt.strategy import trajectories
from simharness.suites.strategies.grammar import chains, courses, paces
from simharness.suites.strategies.response import arms, codes, queues, responses
from simharness.suites.strategies.scenarios import expectations, scenarios
from simharness.suites.strategies.worlds import batches, worlds

__all__ = [
    "arms",
    "batches",
    "chains",
    "codes",
    "courses",
    "expectations",
    "paces",
    "queues",
    "responses",
    "scenarios",
    "trajectories",
    "worlds",
]
