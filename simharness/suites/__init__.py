"""Bars and what comes of them: expectations, gates, suites of scenarios, and the plugin for pytest.

For a team's own tests: ``Simulated`` (what the fixture ``simulated`` gives), ``assert_expected`` and
``ExpectationWarning``. They are imported when they are asked for, because every session of pytest imports this
package with the plugin.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simharness.suites.failure import ExpectationWarning
    from simharness.suites.simulated import Simulate, Simulated, assert_expected

__all__ = ["ExpectationWarning", "Simulate", "Simulated", "assert_expected"]
_LIGHT = "ExpectationWarning"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{'failure' if name == _LIGHT else 'simulated'}"), name)
