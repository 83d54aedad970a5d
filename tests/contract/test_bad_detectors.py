"""Every rule of the contract refuses the detector made to break it, says so in words, and lets good ones pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simharness.commands.check_detector import ContractBroken, check
from simharness.detection import host
from simharness.detection.answers import Declared
from simharness.detection.contract.check import Checked, check_detector, tried
from simharness.detection.contract.probe import Probe
from simharness.detection.contract.rules import RULES
from simharness.detection.contract.samples import Samples, samples
from simharness.detection.protocol import Trainable
from simharness.detection.registry import make
from simharness.scenario.detector import DetectorSpec
from simharness.scenario.load import Loaded

BAD = Path(__file__).with_name("bad_detectors.py")
FLAGSHIP = Path(__file__).parents[2] / "scenarios" / "england_wales_2017.yaml"


@pytest.fixture(scope="module")
def given(flagship: Loaded) -> Samples:
    return samples(flagship, 6)


@pytest.fixture(scope="module")
def try_(given: Samples) -> Callable[[str], Checked]:
    """``try_(name)``: put one of the detectors of bad_detectors.py on trial, in this process."""

    def probe(name: str) -> Probe:
        detector: Any = make(f"{BAD}:{name}", {}, "test")
        if isinstance(detector, Trainable):
            detector.fit(given.training)
        return Probe(detector, Declared.of(detector))

    return lambda name: tried(name, lambda: probe(name), given)


def broken(checked: Checked) -> dict[str, str]:
    """Rule -> everything it says."""
    return {f.rule: " ".join((f.broken.problem, f.broken.fed, f.broken.got, f.broken.expected)) for f in checked.broken}  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["Good", "GoodScores", "GoodWatcher", "Abstains", "Downward"])
def test_a_good_detector_passes(name: str, try_: Callable[[str], Checked]) -> None:
    checked = try_(name)
    assert broken(checked) == {}
    assert [finding.rule for finding in checked.findings] == ["answers", *RULES]


@pytest.mark.parametrize(
    ("name", "rule", "words"),
    [
        ("PeeksAtTheNextMessage", "past only", "it sees the future: what comes after a message changes"),
        ("KnowsHowLongItWillLast", "past only", "it sees the future"),
        ("PeeksAtTheNextText", "past only", "so it may see the next message"),
        ("PeeksAtTheNextEvent", "past only", "it sees the future"),
        ("MappingByText", "answers", "scores are keyed by text"),
        ("DistinctTextsOnly", "answers", "as many as there are different texts; scores are keyed by text"),
        ("ScoresATextOnce", "repeated texts", "scores are keyed by text: a text that is sent again gets another score"),
        ("Random", "deterministic", "when asked twice"),
        ("RandomWhenMade", "deterministic", "made and trained again from the same training set and seed"),
        ("RemembersOtherConversations", "order and batches", "the same conversations in another order"),
        ("DependsOnTheSizeOfTheStream", "order and batches", "the stream in smaller pieces"),
        ("ReadsIds", "ids and numbers", "handed the same under other ids"),
        ("ReadsTextNumbers", "ids and numbers", "under other numbers"),
        ("NotANumber", "answers", "are nan; allowed: finite numbers, or null (None) to abstain"),
        ("Infinite", "answers", "are infinite"),
        ("OutOfItsRange", "answers", "outside the declared range 0 to 1"),
        ("TooFew", "answers", "expected one number for each of"),
        ("Words", "answers", "no answer that can be used: garbage"),
        ("UpsideDown", "direction", "declare direction = 'lower'"),
    ],
)
def test_each_rule_refuses_what_breaks_it(name: str, rule: str, words: str, try_: Callable[[str], Checked]) -> None:
    said = broken(try_(name))
    assert words in said[rule], said


@pytest.mark.parametrize(
    ("name", "rule", "words"),
    [
        ("FailsOnNothing", "odd input", "no conversation"),
        ("FailsOnLong", "odd input", "too long"),
        ("FailsOnOddText", "odd input", "division by zero"),
        ("KeepsEverything", "memory", "its memory grows with the stream"),
        ("ForgetsWhenCopied", "restart and copy", "stopped and started again"),
        ("Raises", "answers", "raised ValueError: as a mistake would (bad_detectors.py:"),
        ("Hangs", "answers", "gave no answer within 0.5 s; its process was ended"),
        ("Crashes", "answers", "its process ended during risk (exit status 7)"),
        ("CallsHome", "answers", "PermissionError: no detector may use the network here"),
    ],
)
def test_what_only_a_process_of_its_own_shows(
    name: str, rule: str, words: str, flagship: Loaded, given: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(host.NO_NETWORK, "1")
    timeout = "0.5s" if name == "Hangs" else "30s"
    spec = DetectorSpec.model_validate({"use": f"{BAD}:{name}", "timeout": timeout})
    assert words in broken(check_detector(spec, flagship, given))[rule]


def test_sockets_are_closed_in_this_process_too() -> None:
    detector: Any = make(f"{BAD}:CallsHome", {}, "test")
    with pytest.raises(PermissionError, match="no detector may use the network here"):
        detector.score(["a"])


def test_the_command_refuses_with_what_was_fed_got_and_expected(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ContractBroken, match=r"rules broken: past only") as caught:
        check(f"{BAD}:PeeksAtTheNextMessage", FLAGSHIP, False)
    assert caught.value.exit_code == 1
    out = capsys.readouterr().out
    for word in (
        "BROKEN  past only",
        "fed: 90 conversations",
        "got: message",
        "expected: the same number",
        "held    memory",
    ):
        assert word in out
