"""A desk with staff: one SimPy resource, shifts, and first come first served."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import simpy

from simharness.scenario.response import Shift
from simharness.world.clock import DAY_S

OFF_DUTY = -1  # priority: a shift's end comes before any waiting case, once the current one is done
Process = Generator[simpy.Event, Any, Any]


class Desk:
    """So many members of staff by time of day. A person finishes the case in hand when a shift ends."""

    def __init__(self, env: simpy.Environment, staff_by_time: Sequence[tuple[float, int]]) -> None:
        """``staff_by_time``: (time of day in seconds, staff from then on), ascending, the first at 0."""
        self.env = env
        self.most = max(staff for _, staff in staff_by_time)
        self.resource = simpy.PriorityResource(env, self.most)
        if len(staff_by_time) > 1 or staff_by_time[0][1] != self.most:
            env.process(self._shifts(staff_by_time))

    def request(self, priority: int = 0) -> Any:
        """Ask for a member of staff; a context manager, granted in order of priority, then of arrival."""
        return self.resource.request(priority)

    def _shifts(self, staff_by_time: Sequence[tuple[float, int]]) -> Process:
        away: list[Any] = []
        while True:
            day = self.env.now
            for (_, staff), following in zip(
                staff_by_time, [*(begin for begin, _ in staff_by_time[1:]), DAY_S], strict=True
            ):
                while len(away) > self.most - staff:
                    back = away.pop()  # the last asked first: it may still be waiting for somebody to finish
                    if back.triggered:
                        self.resource.release(back)
                    else:
                        back.cancel()
                while len(away) < self.most - staff:
                    away.append(self.resource.request(OFF_DUTY))
                yield self.env.timeout(day + following - self.env.now)


def staff_by_time(shifts: Sequence[Shift], scale: float) -> list[tuple[float, int]]:
    """Staff on duty from each time of day on; overlapping shifts add up, and a shift may run past midnight.

    Staff is multiplied by ``scale`` and rounded, at least one person a shift.
    """
    edges = sorted({0.0, *(shift.begins % DAY_S for shift in shifts), *(shift.ends % DAY_S for shift in shifts)})
    steps: list[tuple[float, int]] = []
    for edge in edges:
        on_duty = [shift for shift in shifts if _covers(shift, edge)]
        staff = sum(max(1, round(shift.staff * scale)) for shift in on_duty)
        if not steps or steps[-1][1] != staff:
            steps.append((edge, staff))
    return steps


def _covers(shift: Shift, time: float) -> bool:
    begins, ends = shift.begins, shift.ends
    return begins <= time < ends if begins < ends else time >= begins or time < ends
