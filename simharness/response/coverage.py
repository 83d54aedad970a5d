"""Which conversations a code reaches: coverage by platform, rising with a regulator's audits."""

from __future__ import annotations

from typing import Any

import numpy as np

from simharness.scenario.response import Code


class Coverage:
    """Share of a platform's conversations that an arm's code covers, as a function of wall time."""

    def __init__(self, code: Code, platforms: tuple[str, ...]) -> None:
        self.start = np.array([code.coverage.get(name, 0.0) for name in platforms])
        self.interval = code.audits.interval if code.audits else np.inf
        self.kept = 1.0 - code.audits.closes if code.audits else 1.0
        self.prevented = code.safer_defaults.prevented if code.safer_defaults else 0.0

    def share(self, platform: Any, wall_s: Any) -> Any:
        """1 - (1 - share at the start) * (1 - closes) ** audits so far; arrays broadcast."""
        audits = np.floor(np.asarray(wall_s) / self.interval)
        return 1.0 - (1.0 - self.start[platform]) * self.kept**audits
