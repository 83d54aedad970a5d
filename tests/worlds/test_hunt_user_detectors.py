"""Detectors as their authors write them, each with one blind spot, are exposed by the command; none is named to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simharness import cli

ROOT = Path(__file__).parents[2]
FILE = "scenarios/england_wales_2017.yaml"
QUICK = ("--set", "training={grooming: 200, benign: 800, calibration: 5000}", "--set", "scale=0.01")
DETECTORS = '''
import numpy as np


class Adding:
    """Adds up how much more often each text was sent in grooming than in harmless conversations."""

    def fit(self, training):
        sent, harmless = np.asarray(training.positive) + 0.5, np.asarray(training.negative) + 0.5
        ratio = np.log(sent / sent.sum()) - np.log(harmless / harmless.sum())
        self.tells = dict(zip(training.texts, np.where(ratio > 2.0, ratio, -0.1).tolist()))
        return self

    def risk(self, batch):
        tells = np.array([self.tells.get(text, -0.1) for text in batch.texts])
        risk = np.empty(batch.symbol.size)
        for begin, end in zip(batch.begin, batch.end):
            last = 0.0
            told = self.read(batch, begin, end, tells[batch.symbol[begin:end] >> 1])
            for place in range(begin, end):
                last = risk[place] = max(0.0, last + told[place - begin])
        return risk

    def read(self, batch, begin, end, told):
        return told


class FirstFifty(Adding):
    def read(self, batch, begin, end, told):
        return np.where(np.arange(end - begin) < 50, told, 0.0)


class FiveADay(Adding):
    risk = None

    def __init__(self):
        self.risks, self.warned = {}, {}

    def watch(self, events):
        return [
            self.one(key, self.tells.get(events.texts[symbol >> 1], -0.1), int(time_s // 86400))
            for key, symbol, time_s in zip(events.conversation.tolist(), events.symbol.tolist(), events.time_s.tolist())
        ]

    def one(self, key, told, day):
        risk = self.risks[key] = max(0.0, self.risks.get(key, 0.0) + told)
        if risk >= 6.0 and key not in self.warned:
            if list(self.warned.values()).count(day) >= 5:
                return 0.0
            self.warned[key] = day
        return risk


class HalfHour(Adding):
    def read(self, batch, begin, end, told):
        tells = np.flatnonzero(told > 0.0)
        told[tells[1:][np.diff(batch.time_s[begin:end][tells]) > 1800.0]] = 0.0
        return told
'''


@pytest.mark.parametrize(
    ("name", "feature", "said"),
    [
        ("FirstFifty", "length", "of small talk come before"),
        ("FiveADay", "beside", "5 other conversations"),
        ("HalfHour", "gaps", "or more apart"),
    ],
)
def test_a_blind_spot_of_ones_own_detector_is_exposed(
    name: str,
    feature: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    (tmp_path / "mine.py").write_text(DETECTORS)
    code = cli.main(
        ["hunt", FILE, "--detector", f"mine.py:{name}", *QUICK, "--examples", "500", "--at-most", "3", "--json"]
    )
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    cases = {tuple(case["features"]): case for case in lines if case["type"] == "case"}
    assert code == 1
    assert said in cases[feature,]["sentence"]
    assert len(cases[feature,]["steps"]) <= 12
    assert not (tmp_path / ".hypothesis").exists()
