"""The README's own detector does what the README says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from simharness.detection.aggregators import running_risk
from simharness.detection.registry import build
from simharness.detection.scoring import bind
from simharness.scenario.detector import DetectorSpec
from simharness.scenario.load import load_scenario
from simharness.suites.items import items_of
from simharness.world.generate import World
from simharness.world.model import WorldModel

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def readme_detector(tmp_path: Path) -> str:
    code = re.search(r"```python\n(# my_detector\.py\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert code is not None, "README.md no longer shows my_detector.py"
    (tmp_path / "my_detector.py").write_text(code[1])
    return f"{tmp_path / 'my_detector.py'}:Questions"


def test_the_detector_of_the_readme_runs(readme_detector: str, model: WorldModel) -> None:
    detector = build(readme_detector, {})
    scorer = bind("questions", DetectorSpec(use=readme_detector), detector, model.phrasebooks["use"].texts)
    world = World(model, 3)
    view = next(world.batches(world.grooming_contacts())).view
    words = {"what", "who", "where", "when", "how"}
    scores = [len(words & set(view.text(message).split())) for message in range(view.symbol.size)]
    expected = np.array(scores, np.float32)
    assert expected.max() > 0
    risk = running_risk(DetectorSpec(use="own").aggregator, expected, view, np.empty_like(expected))
    assert np.array_equal(scorer.risk(view), risk)


def test_the_bars_of_the_readme_mean_something(tmp_path: Path, model: WorldModel) -> None:
    text = re.search(r"```yaml\n# with_bars\.yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert text is not None, "README.md no longer shows with_bars.yaml"
    file = tmp_path / "with_bars.yaml"
    file.write_text(text[1].replace("scenarios/england", f"{ROOT}/scenarios/england"))
    assert len(items_of(load_scenario(file), model, base=False)) == 3


def test_every_file_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []
