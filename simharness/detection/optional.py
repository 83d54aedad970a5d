"""Packages that only some detectors need: looked for when such a detector is made, imported when it first reads."""

from __future__ import annotations

from importlib.util import find_spec

from simharness.errors import UsageError


def require(detector: str, packages: dict[str, str], extra: str) -> None:
    """Check that a detector's packages are there, without importing them: some take seconds to import.

    ``packages``: name of the module -> name of the distribution; ``extra``: the extra of simharness that brings them.
    Raises UsageError naming the distributions that are missing and the extra.
    """
    missing = [distribution for module, distribution in packages.items() if find_spec(module) is None]
    if missing:
        noun = "package" if len(missing) == 1 else "packages"
        raise UsageError(
            f"detector {detector}",
            f"the {noun} {', '.join(missing)} cannot be found",
            hint=f"Install with: pip install 'simharness[{extra}]'",
        )
