"""Put a detector on trial under every rule, in a process of its own, and say what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from simharness.detection.answers import Declared
from simharness.detection.contract.probe import Probe
from simharness.detection.contract.rules import RULES, Broken, Trial, process_of, rank_sum, speed
from simharness.detection.contract.samples import Samples, samples
from simharness.detection.faults import DetectorFailed
from simharness.detection.protocol import Trainable
from simharness.detection.scoring import build_detector, release
from simharness.scenario.detector import DetectorSpec
from simharness.scenario.load import Loaded

ROUNDS = 16  # batches of unseen conversations for the rule on memory


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one rule."""

    rule: str
    title: str  # the rule in a sentence
    broken: Broken | None  # None: it holds


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a trial. ``notes``: what is no fault, and worth knowing."""

    detector: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def broken(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.broken is not None)


def check_detector(spec: DetectorSpec, loaded: Loaded, given: Samples | None = None) -> Checked:
    """Try a detector on a small world of a scenario under every rule. ``given``: the samples, if already made.

    Raises UsageError where it cannot be made.
    """
    made: list[Any] = []
    given = given or samples(loaded, ROUNDS)

    def probe() -> Probe:
        detector = build_detector(spec, loaded.folder, "detector", isolated=True)
        made.append(detector)
        if isinstance(detector, Trainable):
            detector.fit(given.privileged if getattr(detector, "privileged", False) else given.training)
        return Probe(detector, Declared.of(detector, spec.range, spec.direction))

    try:
        return tried(spec.use, probe, given)
    finally:
        for detector in made:
            release(detector)


def tried(name: str, probe: Callable[[], Probe], given: Samples) -> Checked:
    """The trial itself. ``probe`` makes and trains the detector; it is called more than once."""
    first = "answers"
    try:
        ready = probe()
        trial = Trial(ready, probe, given, ready.risk(given.batch))
    except DetectorFailed as error:
        size = f"{len(given.batch)} conversations of {given.batch.symbol.size:,} messages, after training"
        return Checked(name, (Finding(first, _ANSWERS, _unusable(error, size)),), ())
    findings = [Finding(first, _ANSWERS, None), *_findings(trial)]
    return Checked(name, tuple(findings), tuple(_notes(trial)))


_ANSWERS = "One finite number for everything asked, or none where it abstains, within the range it declares."


def _findings(trial: Trial) -> Iterator[Finding]:
    for name, rule in RULES.items():
        title = (rule.__doc__ or "").strip()
        try:
            yield Finding(name, title, rule(trial))
        except DetectorFailed as error:
            yield Finding(name, title, _unusable(error, "see the rule"))


def _unusable(error: DetectorFailed, fed: str) -> Broken:
    expected = "one finite number (or None to abstain) for each, in order, within the time and range stated"
    return Broken(f"no answer that can be used: {error.kind.replace('_', ' ')}", fed, error.problem, expected)


def _notes(trial: Trial) -> Iterator[str]:
    z, share = rank_sum(trial)
    if z is None:
        yield "It tells nothing apart: every conversation of the sample has the same mean."
    else:
        yield (
            f"By its mean, grooming ranks above harmless in {100 * share:.0f} % of pairs of few (50 %: by chance). "
            "Run a scenario for figures with intervals."
        )
    if process_of(trial) is None:
        yield "Memory was not checked: it lives in no process of its own here."
    try:
        yield speed(trial)
    except DetectorFailed as error:
        yield f"Speed was not measured: {error.problem}."
