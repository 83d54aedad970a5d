"""What decides a run's id beside the scenario: the packages that a detector says its scores depend on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simharness import provenance
from simharness.run import provenance_of
from simharness.scenario.load import Loaded


class Plain:
    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.zeros(len(texts), np.float32)


class Depends(Plain):
    distributions = ("rich",)


def test_packages_that_a_detector_names_are_part_of_a_runs_id(
    flagship: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> list[dict[str, Any]]:
        return [provenance_of(flagship, {"mine": kind()}) for kind in (Plain, Depends)]

    before, installed = found(), provenance.metadata.version
    assert "rich" not in before[0]["versions"] and before[1]["versions"]["rich"] == installed("rich")
    monkeypatch.setattr(provenance.metadata, "version", lambda name: "99" if name == "rich" else installed(name))
    after = found()
    assert [one["key"] == other["key"] for one, other in zip(before, after, strict=True)] == [True, False]
