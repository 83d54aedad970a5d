"""Which recorded figures are fitted, and which only checked: by their roles in the scenario, or as asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simharness.calibrate.emulator import Link
from simharness.errors import UsageError
from simharness.scenario.model import RecordedFigure, Scenario


@dataclass(frozen=True, slots=True)
class Choice:
    """Places in ``scenario.recorded``. ``checks`` are those with that role, and those that were held out."""

    fitted: tuple[int, ...]
    checks: tuple[int, ...]
    held_out: tuple[int, ...]  # of the checks, those the scenario's parameters were fitted to before

    def role(self, place: int) -> str:
        return "fitted" if place in self.fitted else "held out" if place in self.held_out else "check"


def choose(scenario: Scenario, add: Sequence[str] = (), hold_out: Sequence[str] = ()) -> Choice:
    """Fit the figures with the role ``fitted`` and those of ``add``, but not those of ``hold_out`` (parts of titles).

    Raises UsageError for a part that no title, or more than one, has; for one named in both; for a figure without a
    smooth likelihood; and where no figure is left to fit.
    """
    figures = scenario.recorded
    added = [_named(figures, part, f"--figure {part!r}") for part in add]
    held = [_named(figures, part, f"--hold-out {part!r}") for part in hold_out]
    both = sorted(set(added) & set(held))
    if both:
        problem = f"{figures[both[0]].title!r} is to be fitted and held out"
        raise UsageError("--hold-out", problem, allowed="one of them")
    fitted = [n for n, figure in enumerate(figures) if (figure.role == "fitted" or n in added) and n not in held]
    for place in fitted:
        if figures[place].measure == "youngest_victim":
            where = f"recorded: {figures[place].title}"
            raise UsageError(where, "this figure cannot be fitted", allowed="offences and shares")
    if not fitted:
        hint = "Give one the role fitted, or name one with --figure."
        raise UsageError("recorded", "no figure to fit", hint=hint)
    checks = [n for n, figure in enumerate(figures) if n not in fitted and (figure.role == "check" or n in held)]
    before = [n for n in held if figures[n].role == "fitted"]
    return Choice(tuple(fitted), tuple(checks), tuple(before))


def link_of(figure: RecordedFigure) -> Link:
    """The scale on which a figure is nearly linear in the logarithm of a rate."""
    return "log" if figure.measure == "offences" else "logit"


def _named(figures: Sequence[RecordedFigure], part: str, where: str) -> int:
    titles = [figure.title.casefold() for figure in figures]
    wanted = part.casefold().strip()
    exact = [n for n, title in enumerate(titles) if title == wanted]
    found = exact or [n for n, title in enumerate(titles) if wanted in title]
    if len(found) != 1:
        problem = "means more than one figure" if found else "no figure has this in its title"
        among = found or range(len(figures))
        raise UsageError(where, problem, allowed="; ".join(figures[n].title for n in among) or None)
    return found[0]
