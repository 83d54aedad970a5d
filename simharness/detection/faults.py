"""What can go wrong between the harness and a detector that is not its own, under one name each.

A fault is raised as :class:`DetectorFailed` by whatever talks to the detector; what it does to a run is decided in one
place (``scoring.py``), by the scenario's ``on_error``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from simharness.errors import SimharnessError

FaultKind = Literal[
    "exception",  # it raised, or answered with an error of its own
    "hang",  # no whole answer within the timeout
    "nan",  # not a number, from a detector that does not say it abstains that way
    "infinite",
    "wrong_length",  # not one number for each thing asked
    "out_of_range",  # outside the range it declares
    "crash",  # its process ended
    "http_status",  # an answer other than 200
    "cut_off",  # the connection ended before the answer did
    "garbage",  # an answer that cannot be read
    "unreachable",  # nobody listens there
    "missing",  # a file of scores that has none for what was asked
]
Effect = Literal["failed", "abstained", "retried"]
FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


class DetectorFailed(SimharnessError):  # noqa: N818 - a state of the run; nothing was wrong with the input
    """A detector gave no answer that can be used. Exit code 3: the run can be continued once it does.

    ``problem`` says what was asked, what came, and what was expected; never the text of a message.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, kind: FaultKind, problem: str, detector: str = "") -> None:
        self.kind: FaultKind = kind
        self.problem = problem
        self.detector = detector
        super().__init__(kind, problem, detector)

    def __str__(self) -> str:
        who = f"detector {self.detector}: " if self.detector else ""
        return f"{who}{self.problem} ({self.kind.replace('_', ' ')})"

    def __reduce__(self) -> tuple[type[DetectorFailed], tuple[Any, ...]]:
        return type(self), (self.kind, self.problem, self.detector)


@dataclass(frozen=True, slots=True)
class Fault:
    """Faults of one kind that one detector had in one replication."""

    detector: str
    kind: FaultKind
    effect: Effect
    times: int
    unscored: int  # messages that count as not scored because of it (effect abstained)
    first: str  # what was said the first time
