"""Day and night. All messages fall in the waking day, so conversations run on a clock that stops at night.

Times of the world are *waking seconds* since the period began; times of the response are *wall seconds*. The map
between them is piecewise linear and keeps order, so comparing and adding waking times needs no calendar, and one
message costs one addition; only the few times that matter (crossings, events) are ever turned into wall time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Clock:
    """``begins_s``: time of day the waking day begins; ``lasts_s``: its length; both in seconds."""

    begins_s: float
    lasts_s: float

    def wall(self, waking_s: Any) -> Any:
        """Wall seconds since the period's first midnight of waking seconds (array or float; inf stays inf)."""
        if isinstance(waking_s, float):  # the same by the same steps, at a tenth of the cost of an array of one
            if not math.isfinite(waking_s):
                return waking_s
            whole = math.floor(waking_s / self.lasts_s)
            return whole * DAY_S + self.begins_s + (waking_s - whole * self.lasts_s)
        waking = np.asarray(waking_s, dtype=np.float64)
        day = np.floor(waking / self.lasts_s)
        with np.errstate(invalid="ignore"):  # inf - inf: an event that never happens stays at "never"
            wall = day * DAY_S + self.begins_s + (waking - day * self.lasts_s)
        out = np.where(np.isfinite(waking), wall, waking)
        return float(out) if out.ndim == 0 else out

    def waking(self, wall_s: Any) -> Any:
        """Waking seconds of wall seconds; a time at night becomes the waking day's nearer end."""
        if isinstance(wall_s, float):
            if not math.isfinite(wall_s):
                return wall_s
            after = wall_s - self.begins_s
            whole = math.floor(after / DAY_S)
            return whole * self.lasts_s + min(after - whole * DAY_S, self.lasts_s)
        wall = np.asarray(wall_s, dtype=np.float64)
        since = wall - self.begins_s  # days are counted from waking to waking: a waking day may go on past midnight
        day = np.floor(since / DAY_S)
        with np.errstate(invalid="ignore"):
            waking = day * self.lasts_s + np.minimum(since - day * DAY_S, self.lasts_s)
        out = np.where(np.isfinite(wall), waking, wall)
        return float(out) if out.ndim == 0 else out

    def waking_span(self, wall_span_s: Any) -> Any:
        """A delay in wall seconds as waking seconds, exact for whole days and proportional within one."""
        return wall_span_s * (self.lasts_s / DAY_S)
