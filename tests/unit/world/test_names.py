from __future__ import annotations

import re
import subprocess
import sys

import pytest

from simharness.errors import UsageError
from simharness.world.names import display_name, handle


def test_a_name_depends_on_the_account_and_nothing_else() -> None:
    alone = (handle(5, 40), display_name(5, 40))
    for account in range(30):
        handle(5, account)
    assert (handle(5, 40), display_name(5, 40)) == alone


def test_handles_are_unique_and_marked_synthetic() -> None:
    handles = [handle(5, account) for account in range(300)]
    assert len(set(handles)) == 300
    assert all(re.fullmatch(r"[a-z]+_\d+_synth", text) for text in handles)


def test_display_names_hold_no_surname_and_share_the_first_name_of_the_handle() -> None:
    for account in range(300):
        name = display_name(5, account)
        assert re.fullmatch(r"[A-Z][a-z]+ [A-Z]\.", name)
        assert handle(5, account).split("_")[0] == name.split()[0].lower()


def test_names_vary_with_account_and_seed() -> None:
    assert len({display_name(5, account) for account in range(100)}) > 80
    assert sum(display_name(5, account) != display_name(6, account) for account in range(100)) > 90


def test_a_negative_account_is_refused() -> None:
    with pytest.raises(UsageError, match=r"names\.account: .*got -1"):
        handle(5, -1)


def test_faker_is_not_loaded_until_a_name_is_shown() -> None:
    code = "import sys, simharness.world.names; sys.exit('faker' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
