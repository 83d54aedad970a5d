"""The search: Hypothesis makes trajectories, steers towards misses and shrinks them, block by block of examples.

What is found depends on the readers, the seed and the number of examples alone, but for Hypothesis's own limit of five
minutes to shrink one case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, Verbosity, given, settings, target
from hypothesis import seed as seeded
from hypothesis.configuration import set_hypothesis_home_dir, storage_directory

from simharness.errors import UsageError, causes
from simharness.hunt.classes import Anatomy, before_harm, sentence
from simharness.hunt.minimal import minimal
from simharness.hunt.reading import Readers, judge
from simharness.hunt.records import Found, Judgement, Reader, Trajectory
from simharness.hunt.strategy import disturbed, sendable, trajectories
from simharness.hunt.trajectory import messages_of
from simharness.streams import derive_seed

BLOCK = 250  # examples between two looks at whether it is enough
_FAR = 1e6  # margins beyond are all alike
_SETTINGS = settings(
    max_examples=BLOCK,
    database=None,
    deadline=None,
    derandomize=False,
    verbosity=Verbosity.quiet,
    print_blob=False,
    report_multiple_bugs=False,
    phases=(Phase.generate, Phase.target, Phase.shrink),
    suppress_health_check=tuple(HealthCheck),
)


@dataclass(frozen=True, slots=True)
class HuntResult:
    """What a hunt came to: classes of misses, the shortest first, after so many examples in so many blocks."""

    found: tuple[Found, ...]
    examples: int
    rounds: int


class HuntStopped(KeyboardInterrupt):
    """Ctrl-C in the middle of a block. ``result``: what the whole blocks before it came to."""

    def __init__(self, result: HuntResult) -> None:
        super().__init__()
        self.result = result


def never() -> bool:
    """It is not enough yet."""
    return False


def silent(what: str, done: int, total: int) -> None:
    """Nobody is told."""


def hunt(
    readers: Readers,
    *,
    examples: int | None,
    seed: int = 0,
    at_most: int = 5,
    enough: Callable[[], bool] = never,
    notify: Callable[[str, int, int], None] = silent,
) -> HuntResult:
    """Search for what the detector misses although the bound alerts in time, one case for each class of misses.

    ``examples``: trajectories to try (None: until ``at_most`` classes are found, or ``enough`` says so, which is asked
    between blocks of ``BLOCK`` examples). ``notify`` is told ("search", examples tried, ``examples`` or 0). The same
    number of examples and seed give the same result. Raises DetectorFailed, UsageError where nothing would end it, and
    HuntStopped.
    """
    if examples is None and enough is never:
        raise UsageError("examples", "nothing says when the search has to end", allowed="a number of examples")
    if at_most < 1 or (examples is not None and examples < 1):
        where, value = ("at_most", at_most) if at_most < 1 else ("examples", examples)
        raise UsageError(where, f"expected a number of at least 1, got {value}", allowed="1 or more")
    found: list[Found] = []
    tried = rounds = 0
    with _nothing_left_behind():
        while len(found) < at_most and (examples is None or tried < examples) and not (rounds and enough()):
            left = BLOCK if examples is None else min(BLOCK, examples - tried)
            look = _Look(readers, [frozenset(each.features) for each in found], left)
            try:
                missed = look.search(derive_seed(seed, "hunt", rounds))
                found += [] if missed is None else [look.found(missed, tried + look.tried)]
            except BaseException as error:  # Ctrl-C inside a compiled kernel arrives as an error that it caused
                if any(isinstance(each, KeyboardInterrupt) for each in causes(error)):
                    raise HuntStopped(_result(found, tried, rounds)) from None
                raise
            tried, rounds = tried + look.tried, rounds + 1
            notify("search", tried, examples or 0)
    return _result(found, tried, rounds)


def _result(found: list[Found], tried: int, rounds: int) -> HuntResult:
    return HuntResult(tuple(sorted(found, key=_length)), tried, rounds)


@contextmanager
def _nothing_left_behind() -> Iterator[None]:
    """Hypothesis notes what it reads of loaded modules in a folder, by default one where the command was typed."""
    before = storage_directory(intent_to_write=False).home_directory
    with TemporaryDirectory(prefix="simharness-hunt-") as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(before)


class _Missed(Exception):  # noqa: N818 - what Hypothesis looks for
    """A miss of a class that is not known yet."""


@dataclass(slots=True)
class _Look:
    """One block: at most ``left`` examples, looked through for a class that is not among the ``known``."""

    readers: Readers
    known: list[frozenset[str]]
    left: int
    tried: int = 0
    _missed: Trajectory | None = None
    _failed: Exception | None = None
    _anatomy: Anatomy = field(init=False)
    _judged: dict[Trajectory, Judgement] = field(default_factory=dict)  # a block's worth of memory

    def __post_init__(self) -> None:
        self._anatomy = Anatomy(self.judge, sendable(self.readers.model)[0])

    def search(self, seed: int) -> Trajectory | None:
        """The first such miss, as small as Hypothesis makes it. Raises DetectorFailed."""

        @seeded(seed)
        @_SETTINGS
        @given(trajectories(self.readers.model))
        def look(trajectory: Trajectory) -> None:
            if self._failed is None:
                try:
                    self._try(trajectory)
                except _Missed:
                    raise
                except Exception as error:  # a failure is not what is searched for: it would be shrunk as well
                    self._failed = error

        with suppress(_Missed):
            look()
        if self._failed is not None:
            raise self._failed
        return self._missed

    def found(self, missed: Trajectory, examples: int) -> Found:
        """A miss at its smallest, with its class."""
        features = self._features(missed)

        def holds(smaller: Trajectory) -> bool:
            nonlocal features
            left = self._features(smaller)
            if not left or not left <= features:
                return False
            features = left
            return True

        judged = self.judge(minimal(missed, holds, self._anatomy.evidence))
        return Found(judged, tuple(sorted(features)), sentence(judged, features), examples)

    def judge(self, trajectory: Trajectory) -> Judgement:
        """As :func:`simharness.hunt.reading.judge`, asked once."""
        known = self._judged.get(trajectory)
        if known is None:
            known = self._judged[trajectory] = judge(self.readers, trajectory)
        return known

    def _try(self, trajectory: Trajectory) -> None:
        if self._missed is None:
            if self.tried == self.left:
                return
            self.tried += 1
        judged = self.judge(trajectory)
        _steer(judged)
        for each in (trajectory, *disturbed(judged)):
            if self._features(each):
                self._missed = each  # the last that is raised is the smallest: Hypothesis shows it at the end
                raise _Missed

    def _features(self, trajectory: Trajectory) -> frozenset[str]:
        """Features of a miss of a new class; empty for what is none."""
        features = self._anatomy.features_of(trajectory)
        return frozenset() if any(known <= features for known in self.known) else features


def _steer(judged: Judgement) -> None:
    """Lead Hypothesis to what the bound is surer of and the detector is less sure of."""
    for reader, sign, label in ((judged.bound, 1.0, "bound"), (judged.detector, -1.0, "detector")):
        margin = _margin(reader, judged.harm)
        if margin is not None:
            target(sign * margin, label=label)


def _margin(reader: Reader, harm: int | None) -> float | None:
    """How far above its level a reader's risk comes before the harm."""
    risk = before_harm(reader, harm) if harm else []
    return min(_FAR, max(-_FAR, max(risk) - reader.level)) if risk else None


def _length(found: Found) -> tuple[int, int, tuple[str, ...]]:
    trajectory = found.judgement.trajectory
    return len(trajectory.steps), len(messages_of(trajectory)), found.features
