"""The three commands end to end on a small scenario: tables and JSON with numbers, and never a text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simharness.commands import corpus
from simharness.detection.faults import DetectorFailed
from simharness.errors import UsageError

SECRET = "velmo tarin sedda"
FLAGSHIP = Path(__file__).parents[3] / "scenarios" / "england_wales_2017.yaml"

DETECTOR = """
class Length:
    def score(self, texts):
        return [len(text.split()) for text in texts]

class Quoting:
    def score(self, texts):
        if any("velmo" in text for text in texts):
            raise ValueError(f"cannot read {texts}")
        return [0.0] * len(texts)
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """The flagship with small worlds to train on and a table of children that is found from anywhere."""
    path = tmp_path / "small.yaml"
    table = FLAGSHIP.parent / "data" / "police_force_areas.csv"
    path.write_text(
        f"extends: {FLAGSHIP}\nscale: 0.02\ntraining: {{grooming: 60, benign: 300, calibration: 3000}}\n"
        f"world: {{population: {{table: {table}}}}}\n",
        encoding="utf-8",
    )
    (tmp_path / "mine.py").write_text(DETECTOR, encoding="utf-8")
    return path


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    path = tmp_path / "chats.csv"
    rows = [f"{n},p{n},{SECRET} {'mulo ' * (300 if n < 2 else 1)},{60 * n},{int(n < 2)}" for n in range(6)]
    path.write_text("\n".join(["conversation,author,text,time,label", *rows]) + "\n", encoding="utf-8")
    return path


def test_read_as_json(scenario: Path, labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus.read(str(labelled), scenario, ["mine.py:Length"], as_json=True)
    out = capsys.readouterr().out
    found = json.loads(out)
    assert "velmo" not in out and "p0" not in out
    assert (found["conversations"], found["messages"], found["conversations_with_predator"]) == (6, 6, 2)
    assert found["not_asked"] == ["bayes_bound"] and "bayes_bound" not in found["detectors"]
    always = found["detectors"]["always"]["numbers"]
    assert always["alerted_share"]["estimate"] == 1.0 and always["precision"]["estimate"] == pytest.approx(1 / 3)
    assert found["detectors"]["never"]["alert_level"] is None and found["detectors"]["always"]["alert_level"] == 1.0
    never = found["detectors"]["never"]["numbers"]
    assert never["abstained_share"]["estimate"] == 1.0 and never["precision"]["estimate"] is None
    # Three hundred words are more than any synthetic message has: the two predators and nobody else.
    length = found["detectors"]["Length"]["numbers"]
    assert (length["recall"]["estimate"], length["author_f_0.5"]["estimate"]) == (1.0, 1.0)
    assert length["false_alerts_per_1000_conversations"]["estimate"] == 0.0


def test_read_as_tables(scenario: Path, labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus.read(str(labelled), scenario)
    out = capsys.readouterr().out
    assert "TEXT FROM OUTSIDE" in out and "bayes_bound is not asked" in out and "never cannot alert" in out
    assert "velmo" not in out
    assert "2 conversations with a predator" in out and "ERDE" in out and "100.00 %" in out
    assert "alerts" in out.split("ERDE")[0]  # never without the false alerts


def test_a_detector_that_quotes_the_text(scenario: Path, labelled: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DetectorFailed) as caught:
        corpus.read(str(labelled), scenario, ["mine.py:Quoting"])
    assert str(caught.value).startswith("detector Quoting: raised ValueError while it read the corpus")
    assert caught.value.exit_code == 3 and caught.value.__context__ is None
    shown = "".join(capfd.readouterr())
    assert "Quoting did not finish: exception (ValueError)" in shown and "text_model" in shown
    assert "velmo" not in shown + str(caught.value)


def test_pacing(scenario: Path, labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus.pacing(str(labelled), scenario)
    out = capsys.readouterr().out
    assert "Left out: 2 conversations with a predator" in out and "words a message" in out and "velmo" not in out


def test_what_is_written_can_be_read(scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus.write(scenario, tmp_path / "pan", 60, 200, "use")
    assert capsys.readouterr().out.startswith("SYNTHETIC")
    xml, names, times = (next((tmp_path / "pan").glob(f"*.{suffix}")) for suffix in ("xml", "txt", "jsonl"))
    corpus.read(str(xml), scenario, labels=names, times=times, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["conversations_with_predator"] == 60
    model = found["detectors"]["text_model"]["numbers"]
    assert model["recall"]["estimate"] > 0.3 and model["false_alerts_per_1000_conversations"]["estimate"] < 30


def test_an_unknown_edition(scenario: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--edition: unknown edition 'test'; allowed: training, use"):
        corpus.write(scenario, tmp_path, 60, 200, "test")
