"""docs/measures.md says what the functions it shows return."""

from __future__ import annotations

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "measures.md"


def test_the_examples_are_what_the_functions_return() -> None:
    found = doctest.testfile(str(PAGE), module_relative=False)
    assert found.attempted > 30 and found.failed == 0
