"""Watchers of a whole event stream: where a stream begins, a watcher knows what it was trained on and nothing else."""

from __future__ import annotations

import copy
from typing import Any


def begin(detector: Any) -> Any:
    """A watcher to ask from the beginning of a stream on, as ``detector`` was after training.

    One that lives elsewhere is told to begin again; of one in this process it is a copy.
    """
    return detector.begin() if hasattr(detector, "begin") else copy.deepcopy(detector)
