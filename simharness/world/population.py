"""Children by sex, single year of age and police force area, as a function rather than as a table.

Child ids are contiguous within a cell (sex, age, force), in that order, so a child's attributes follow from its id and
seven million children need no storage; children of one sex and an age range are one contiguous range of ids.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simharness.errors import UsageError
from simharness.scenario.world import AgeBand, Platform, Population
from simharness.streams import uniform

GIRL, BOY = 0, 1
SEXES = ("girl", "boy")
_BANDS = {"age_05_09": range(5, 10), "age_10_14": range(10, 15), "age_15_19": range(15, 20)}


@dataclass(frozen=True, slots=True)
class Children:
    """All children of a scenario at a scale. ``ends`` is the running count over cells, shape (sexes * ages *
    forces,).
    """

    forces: tuple[str, ...]
    inhabitants: NDArray[np.int64]  # all ages, per force, at this scale
    youngest: int
    oldest: int
    ends: NDArray[np.int64]
    nations: tuple[str, ...]  # of each force, as the table says; empty where it says nothing

    @property
    def total(self) -> int:
        return int(self.ends[-1])

    @property
    def ages(self) -> int:
        return self.oldest - self.youngest + 1

    def cells(self, child: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        """Sex (0 girl, 1 boy), age in years and force number of children given by id, each of shape (n,)."""
        cell = np.searchsorted(self.ends, child, side="right")
        force = cell % len(self.forces)
        age = cell // len(self.forces) % self.ages + self.youngest
        sex = cell // (len(self.forces) * self.ages)
        return sex.astype(np.uint8), age.astype(np.uint8), force.astype(np.uint8)

    def id_range(self, sex: str, youngest: int, oldest: int) -> tuple[int, int]:
        """The half-open range of ids of one sex and an age range (clipped to the population's own; may be empty)."""
        low, high = max(youngest, self.youngest), min(oldest, self.oldest)
        if low > high:
            return 0, 0
        first = SEXES.index(sex) * self.ages + low - self.youngest
        last = SEXES.index(sex) * self.ages + high - self.youngest
        width = len(self.forces)
        begin = 0 if first == 0 else int(self.ends[first * width - 1])
        return begin, int(self.ends[(last + 1) * width - 1])

    def per_year(self) -> NDArray[np.float64]:
        """Children per single year of age, shape (ages,)."""
        sizes = np.diff(self.ends, prepend=0).reshape(2, self.ages, len(self.forces))
        return np.asarray(sizes.sum(axis=(0, 2)), np.float64)


def load_children(settings: Population, path: Path, scale: float) -> Children:
    """Children of a scenario from its force-area table.

    The table has one row a force: force, nation, all_ages, and the five-year bands age_05_09, age_10_14, age_15_19.
    Cells hold cumulative rounding, so that totals at any scale differ from ``scale`` times the table by less than one.
    Raises UsageError naming the file and the row.
    """
    rows = _read_rows(path)
    counts = np.array([[float(row[band]) / len(years) for band, years in _BANDS.items()] for row in rows])
    ages = range(settings.youngest, settings.oldest + 1)
    try:
        band_of_age = [next(i for i, years in enumerate(_BANDS.values()) if age in years) for age in ages]
    except StopIteration:
        raise UsageError(str(path), "the table has bands for ages 5 to 19 only", allowed="ages 5 to 17") from None
    girls = settings.girls_share.value
    sized = np.stack([counts[:, band_of_age].T * share for share in (girls, 1.0 - girls)])  # sex, age, force
    ends = np.rint(np.cumsum(sized.ravel()) * scale).astype(np.int64)
    if ends[-1] < 1:
        raise UsageError(str(path), f"no child is left at scale {scale:g}", hint="Use a larger --scale.")
    inhabitants = np.array([max(1, round(float(row["all_ages"]) * scale)) for row in rows], np.int64)
    names = tuple(row["force"] for row in rows)
    nations = tuple(row["nation"] for row in rows)
    return Children(names, inhabitants, settings.youngest, settings.oldest, ends, nations)


def _read_rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(str(path), f"the population table cannot be read: {reason}") from error
    needed = ("force", "nation", "all_ages", *_BANDS)
    for line, row in rows:
        for column in needed:
            value = row.get(column)
            if value is None or (column not in ("force", "nation") and not value.isdecimal()):
                allowed = "a whole number" if value is not None else f"columns {', '.join(needed)}"
                raise UsageError(f"{path}:{line}: {column}", f"got {value!r}", allowed=allowed)
    if not rows:
        raise UsageError(str(path), "the population table has no rows", allowed="one row a force area")
    return [row for _, row in rows]


def membership_by_age(platforms: dict[str, Platform], children: Children) -> NDArray[np.float64]:
    """Probability that a child of an age is on a platform, shape (platforms, ages). An age no band names is 0."""
    table = np.zeros((len(platforms), children.ages))
    for row, platform in zip(table, platforms.values(), strict=True):
        for band in platform.membership:
            _fill_band(row, band, children)
    return table


def _fill_band(row: NDArray[np.float64], band: AgeBand, children: Children) -> None:
    low = max(band.youngest, children.youngest) - children.youngest
    high = min(band.oldest, children.oldest) - children.youngest
    if low <= high:  # a band below the population's ages would make the slice wrap round
        row[low : high + 1] = band.share


def choose_platform(
    seed: int,
    stream: str,
    conversation: NDArray[np.uint64],
    child: NDArray[np.int64],
    age_index: NDArray[np.int64],
    membership: NDArray[np.float64],
    preference: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """The platform of each contact: by preference among those the child is on. All arrays of shape (n,)."""
    weights = np.empty((membership.shape[0], child.size))
    for number, row in enumerate(membership):
        on = uniform(seed, f"child.member.{number}", child.astype(np.uint64)) < row[age_index]
        weights[number] = np.where(on, preference[number], 0.0)
    cumulative = np.cumsum(weights, axis=0)
    draw = uniform(seed, stream, conversation) * cumulative[-1]
    picked = np.minimum((draw >= cumulative).sum(axis=0), membership.shape[0] - 1)
    return np.asarray(picked, np.uint8)


def solve_preference(
    shares: NDArray[np.float64], membership: NDArray[np.float64], age_weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Preferences under which contacts fall on platforms in the stated ``shares``, although children differ in
    membership.

    Iterative proportional fitting over all patterns of membership (at most 2**8), ages weighted by ``age_weights``.
    Raises ValueError where the shares cannot be reached (too few members).
    """
    patterns = np.array(np.meshgrid(*[[0, 1]] * len(shares), indexing="ij")).reshape(len(shares), -1)
    likelihood = np.ones((patterns.shape[1], membership.shape[1]))
    for row, pattern in zip(membership, patterns, strict=True):
        likelihood *= np.where(pattern[:, None] == 1, row[None, :], 1.0 - row[None, :])
    probability = likelihood @ (age_weights / age_weights.sum())
    shares = shares / shares.sum()  # stated shares may miss one by a rounding, picked ones never do
    preference = shares.copy()
    for _ in range(2000):
        total = preference @ patterns
        picked = patterns * preference[:, None] / np.where(total > 0, total, 1.0)
        reached = picked @ probability
        if np.allclose(reached, shares, rtol=0, atol=1e-10):
            return preference
        preference = preference * np.where(reached > 0, shares / np.where(reached > 0, reached, 1.0), 1.0)
        preference /= preference.sum()
    raise ValueError(
        f"platform shares {np.round(shares, 4).tolist()} cannot be reached with this membership; "
        f"nearest {np.round(reached, 4).tolist()}: raise the membership or lower the share"
    )
