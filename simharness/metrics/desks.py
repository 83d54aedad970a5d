"""What an arm's desks came to in one replication, and where its alerts were lost."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.metrics.censored import median_time
from simharness.response.log import CLEARED, CONFIRMED, DROPPED, EXPIRED, MERGED, REASONS, WAITING, ArmLog
from simharness.scenario.police import RISKS
from simharness.world.clock import DAY_S

HOUR_S = 3600.0
Number = float | None
_DECIDED = (CONFIRMED, CLEARED)


def desk_numbers(log: ArmLog, staffed: bool) -> Iterator[tuple[str, str, Number]]:
    """(metric, stratum, value): every desk's numbers by its name, triage by risk, and lost alerts by reason.

    ``staffed``: a person was to decide on this arm's alerts.
    """
    desks, verdicts = column(log.stay_desk, np.int8), column(log.stay_verdict, np.int8)
    entered, started = column(log.stay_entered_s, np.float64), column(log.stay_started_s, np.float64)
    for place, name in enumerate(log.desks):
        here = desks == place
        for metric, kinds in _VERDICTS.items():
            yield metric, name, int(np.isin(verdicts[here], kinds).sum())
        yield "desk_entered", name, int(here.sum())
        waits = (started - entered)[here & np.isfinite(started)] / HOUR_S
        yield "desk_wait_hours", name, float(waits.mean()) if waits.size else None
        yield "desk_wait_hours_p95", name, float(np.quantile(waits, 0.95)) if waits.size else None
        numbers = log.numbers[place]
        yield "desk_worked_hours", name, numbers.worked_s / HOUR_S
        yield "desk_duty_hours", name, numbers.duty_s / HOUR_S
        yield "desk_with_target", name, numbers.with_target
        yield "desk_within_target", name, numbers.within_target
    for risk in RISKS:
        for metric in ("triaged", "safeguarding_due", "safeguarding_met"):
            yield metric, risk, log.counts[f"{metric}.{risk}"]
    risks, lasted = column(log.case_risk, np.int8), column(log.case_s, np.float64) / DAY_S
    protected = column(log.case_protected, np.int8) == 1
    for place, risk in enumerate(RISKS):
        of = risks == place
        yield "safeguarding_days", risk, median_time(lasted[of], protected[of])
    yield "safeguarding_days", "", median_time(lasted, protected)
    for metric in ("safeguarding_due", "safeguarding_met"):
        yield metric, "", sum(log.counts[f"{metric}.{risk}"] for risk in RISKS)
    yield "alerts_lost", "", _lost(log)
    for reason, count in lost_by_reason(log).items():
        yield "alerts_lost", reason, count
    yield "alerts_undecided", "", _undecided(log, verdicts) if staffed else None


def _lost(log: ArmLog) -> int:
    """Alerts lost anywhere, each counted once; expired ones are lost too."""
    before = {alert for alert, code in enumerate(log.alert_dropped) if code}
    stays = zip(log.stay_alert, log.stay_verdict, strict=True)
    return len(before | {alert for alert, verdict in stays if verdict in (DROPPED, EXPIRED)})


def lost_by_reason(log: ArmLog) -> Counter[str]:
    """Losses by every reason there is (0 where none was): before a desk, at one, or between two.

    Expired alerts count as lost; one alert can be lost at two desks.
    """
    found = Counter({reason: 0 for reason in (*REASONS[1:], "expired")})
    found.update(REASONS[code] for code in log.alert_dropped if code)
    found.update(REASONS[code] for code in log.stay_reason if code)
    found["expired"] += sum(verdict == EXPIRED for verdict in log.stay_verdict)
    return found


def _undecided(log: ArmLog, verdicts: NDArray[np.int8]) -> int:
    decided = column(log.stay_alert, np.int64)[np.isin(verdicts, (*_DECIDED, MERGED))]
    return len(log.alert_right) - int(np.unique(decided).size)


def column(values: array[Any], kind: type) -> NDArray[Any]:
    """One column of a log as an array, shape (rows,)."""
    return np.frombuffer(values, kind) if len(values) else np.empty(0, kind)


_VERDICTS = {
    "desk_decided": _DECIDED,
    "desk_expired": (EXPIRED,),
    "desk_merged": (MERGED,),
    "desk_dropped": (DROPPED,),
    "desk_waiting": (WAITING,),
}
