"""The scenarios that come with simharness: beside the package, in a checkout and when installed."""

from __future__ import annotations

from pathlib import Path

import simharness

SHIPPED = Path(simharness.__file__).parents[1] / "scenarios"
