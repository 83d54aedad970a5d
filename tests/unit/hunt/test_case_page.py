"""docs/hunt.md: the case it shows is one, and the keys, options and words it names are all there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from simharness import cli
from simharness.hunt.case import Case, case_text, read_case
from simharness.hunt.replay import Outcome

PAGE = (Path(__file__).parents[3] / "docs" / "hunt.md").read_text(encoding="utf-8")
ABOVE = {"schema_version", "synthetic"}  # keys that say what the file is


def first_column(after: str) -> set[str]:
    rows = re.search(r"(?:^\|.*\n)+", PAGE.split(after, 1)[1], re.M)
    assert rows is not None
    return {name for row in rows[0].splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


def test_the_case_shown_is_one(tmp_path: Path) -> None:
    shown = re.search(r"^```json (\S+)\n(.*?)^```$", PAGE, re.M | re.S)
    assert shown is not None
    path = tmp_path / shown[1]
    path.write_text(shown[2], encoding="utf-8")
    assert case_text(read_case(path)) == shown[2]
    assert shown[1] == read_case(path).file_name


def test_every_key_option_and_outcome_is_named() -> None:
    assert first_column("one line a step:") == set(Case.model_fields) - ABOVE
    options = {parameter.opts[0] for parameter in cli.commands.commands["hunt"].params} - {"scenario"}
    assert first_column("cannot read what is encrypted there.") == options - {"--detector", "--policy", "--seed"}
    assert first_column("says of each case:") == {outcome.upper() for outcome in get_args(Outcome)}
