"""Handles and display names, made only when something is shown.

Both are pure functions of (seed, account): nothing is stored, and showing one account never changes another. Faker
draws from its own generator, seeded here from an addressed draw.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from simharness.errors import UsageError
from simharness.streams import uniform

if TYPE_CHECKING:
    from faker import Faker


def handle(seed: int, account: int) -> str:
    """A handle such as `maria_1204_synth`: unique per account number and marked as synthetic.

    Raises UsageError for a negative account.
    """
    return f"{_first_name(seed, account).lower()}_{account}_synth"


def display_name(seed: int, account: int) -> str:
    """A first name and an initial, such as `Maria K.`; several accounts may share one. Raises UsageError as `handle`
    does.

    No surname: a full name drawn at random is, sooner or later, the name of a real person.
    """
    first = _first_name(seed, account)
    initial = chr(ord("A") + int(26 * uniform(seed, "names.initial", account)))
    return f"{first} {initial}."


def _first_name(seed: int, account: int) -> str:
    if account < 0:
        raise UsageError("names.account", f"expected an account number, got {account}", allowed="0 or more")
    faker = _faker()
    faker.seed_instance(int(uniform(seed, "names.first", account) * 2.0**52))
    return faker.first_name()


@cache
def _faker() -> Faker:
    # Imported here: Faker takes a noticeable part of a second to load and runs that show nothing never need it.
    from faker import Faker

    # Unweighted choice is ten times faster, and how common a name is does not matter here.
    return Faker("en_GB", use_weighting=False)
