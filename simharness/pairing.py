"""Whether two runs can be held against each other, and whether their replications are pairs: one world lived twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simharness.errors import NotComparable
from simharness.metrics.rows import Row

_SIZE = ("scale", "period")  # counts over another size or time are counts of something else
_WORLDS = ("seed", "world", "sampling", "stress")  # what else decides who lives through what, before anybody acts
# Words about a scenario, what it is held against, and a file whose content is looked at instead.
_NO_MATTER = {"name", "title", "description", "evidence", "source", "replications", "recorded", "table", "expect"}
_SHOWN = 8  # settings that differ, named in a sentence

Difference = tuple[str, Any, Any]  # dotted path of a setting, its value in the base run and in the candidate run


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one run.

    ``scenario`` is the resolved one as plain values, ``data`` and ``code`` are digests of the population's table and of
    simharness, and ``lived`` one of each cell's planned conversations with their natural course, by cell.
    """

    name: str
    digest: str
    scenario: Mapping[str, Any]
    rows: Sequence[Row]
    data: str = ""
    code: str = ""
    lived: Mapping[int, str] = field(default_factory=dict)


def require_same_size(base: Known, candidate: Known) -> None:
    """Raises NotComparable where the runs differ in scale or period."""
    unlike = [each for name in _SIZE for each in differences(_only(base, name), _only(candidate, name))]
    if unlike:
        raise NotComparable(
            f"{candidate.name} cannot be compared with {base.name}: {said(unlike)}.\n"
            "  Counts over another population or time are counts of something else. Run one of them again with the "
            "other's scale and period."
        )


def why_unpaired(base: Known, candidate: Known) -> list[str]:
    """Why replication r of one run did not live through the same world as replication r of the other; empty if it did.

    Worlds are a function of the settings named here and of the code. Where the code differs, it is the grooming
    conversations that are looked at, cell by cell; that harmless ones are still the same is then taken on trust.
    """
    reasons = [said(found) for name in _WORLDS if (found := differences(_only(base, name), _only(candidate, name)))]
    if base.data != candidate.data:
        reasons.append("the population's table differs")
    if not reasons and base.code != candidate.code:
        cells = set(base.lived) & set(candidate.lived)
        if any(base.lived[cell] != candidate.lived[cell] for cell in cells):
            reasons.append("another version of simharness made other worlds of the same settings")
    if not reasons and not _replications(base) & _replications(candidate):
        reasons.append("they have no replication in common")
    return reasons


def differences(base: Mapping[str, Any], candidate: Mapping[str, Any], path: str = "") -> list[Difference]:
    """Settings that differ between two resolved scenarios, but for words (titles, sources); absent ones are None."""
    found: list[Difference] = []
    for name in [*base, *(name for name in candidate if name not in base)]:
        if name in _NO_MATTER:
            continue
        ours, theirs, where = base.get(name), candidate.get(name), f"{path}.{name}".lstrip(".")
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            found += differences(ours, theirs, where)
        elif _bare(ours) != _bare(theirs):
            found.append((where, ours, theirs))
    return found


def said(found: Sequence[Difference]) -> str:
    """Settings that differ, in words: "seed 1 against 2"; a whole block that one side lacks is only named."""
    parts = [
        f"{path} differs"
        if isinstance(ours, Mapping | list) or isinstance(theirs, Mapping | list)
        else f"{path} {_plain(ours)} against {_plain(theirs)}"
        for path, ours, theirs in found[:_SHOWN]
    ]
    return ", ".join(parts) + (f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")


def _bare(value: Any) -> Any:
    """A value without the words in it."""
    if isinstance(value, Mapping):
        return {name: _bare(inner) for name, inner in value.items() if name not in _NO_MATTER}
    return [_bare(inner) for inner in value] if isinstance(value, list) else value


def _only(known: Known, name: str) -> dict[str, Any]:
    return {name: known.scenario.get(name)}


def _replications(known: Known) -> set[int]:
    return {row.replication for row in known.rows}


def _plain(value: Any) -> str:
    return "none" if value is None else str(value)
