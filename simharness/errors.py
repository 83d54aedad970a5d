"""Errors that simharness raises on purpose, each with the exit code the command line returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar


class SimharnessError(Exception):
    """Base of every deliberate error; the command line prints it without a traceback."""

    exit_code: ClassVar[int] = 2


class UsageError(SimharnessError):
    """One problem in what the user gave: a file, an option or an argument.

    `where` says where the value came from (``file:line: dotted.path`` or an option), `problem` what is
    wrong and the value found, `allowed` what would be accepted, `hint` the next step to take.
    """

    def __init__(self, where: str, problem: str, *, allowed: str | None = None, hint: str | None = None) -> None:
        self.where = where
        self.problem = problem
        self.allowed = allowed
        self.hint = hint
        super().__init__(where, problem)

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}"
        if self.allowed is not None:
            text += f"; allowed: {self.allowed}"
        text += "."
        if self.hint is not None:
            text += f"\n  {self.hint}"
        return text

    def __reduce__(self) -> tuple[type[UsageError], tuple[str, str], dict[str, str | None]]:
        # Worker processes pickle exceptions; keyword-only arguments do not survive the default protocol.
        return type(self), (self.where, self.problem), {"allowed": self.allowed, "hint": self.hint}


class UsageErrors(SimharnessError):  # noqa: N818 - several of them, not an error of its own
    """Several problems found in one pass, in the order to show them."""

    def __init__(self, errors: Iterable[UsageError]) -> None:
        self.errors: tuple[UsageError, ...] = tuple(errors)
        super().__init__(self.errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and so on. Ctrl-C inside a compiled kernel arrives as a SystemError it caused, or as
    one caused by that.
    """
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


class RunIncomplete(SimharnessError):  # noqa: N818 - a state of the run; nothing was wrong with the input
    """A run stopped before all its work was done; what was finished is on disk and can be resumed."""

    exit_code: ClassVar[int] = 3


class NotComparable(SimharnessError):  # noqa: N818 - each run may be in order; what is wrong is to hold them together
    """A base run is missing, or two runs measure things that cannot be held against each other."""

    exit_code: ClassVar[int] = 6
