"""A toy of one arm: a few grooming conversations given row by row, a clock that never stops, certain reactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from simharness.detection.triggers import Alarms
from simharness.records import Truth
from simharness.response.arm import ArmInput, ArmResult, ArmSimulation
from simharness.response.false_alerts import FalseAlerts, no_false_alerts
from simharness.response.log import ACTIONS, EFFECTS, REASONS, VERDICTS, ArmLog
from simharness.scenario.base import ProbabilityParameter
from simharness.scenario.policy import Arm
from simharness.scenario.response import Response
from simharness.world.clock import DAY_S, Clock
from simharness.world.contacts import Contacts
from simharness.world.messages import NEVER
from simharness.world.model import WorldModel

H = 3600.0
ASSUMED = {"evidence": "assumed", "source": "test"}
TIMES = ("offence", "repeat", "meeting", "contact", "reported", "closed")
DELAYS = {"delay", "time", "silence"}
# Every delay a constant, staff without end around the clock, nobody reacts unless a test says so.
CERTAIN: dict[str, Any] = {
    "police": {
        "investigators": 1e6,
        "desk": 1e6,
        "working_time": {"begins": "0h", "ends": "24h"},
        "effort": {"time": "1h"},
        "referral_effort": {"time": "1h"},
        "triage": {"young": 0, "targets": {"high": "7d", "medium": "14d", "low": "30d"}},
        "safeguarding": {"high": "10h", "medium": "20h", "low": "30h"},
        "arrest": {"delay": "50h"},
        "charge": {"probability": 0.0, "delay": "100h"},
        "referral_recorded": 1.0,
        "acts_before_offence": 1.0,
        "forces": {},
    },
    "reactions": {
        "alert_child": {"leave": 0.0, "block": 0.0, "tell": 0.0},
        "block_recontacted": {"probability": 1.0, "delay": "5h"},
        "suspension_recontact": {"probability": 1.0, "delay": "5h"},
        "suspension_displaces": 1.0,
    },
}


def _sourced(name: str, block: Any) -> Any:
    """Plain numbers and times as the scenario's blocks with evidence."""
    if not isinstance(block, Mapping):
        return ASSUMED | {"value": block}
    if name == "forces":
        return {force: ASSUMED | dict(changes) for force, changes in block.items()}
    if name == "triage":
        return ASSUMED | block | {"targets": ASSUMED | block["targets"]}
    delays = set(block) if name == "safeguarding" else DELAYS
    return ASSUMED | {
        key: {"kind": "constant", "value": value} if key in delays else value for key, value in block.items()
    }


def _response(changes: Mapping[str, Any]) -> Response:
    """CERTAIN with some of its entries changed or added, by their own names; a block is changed part by part."""
    police = dict(CERTAIN["police"])
    reactions = dict(CERTAIN["reactions"])
    for name, block in changes.items():
        of = police if name in police else reactions
        of[name] = of[name] | block if isinstance(of.get(name), Mapping) else block
    parts = {"police": police, "reactions": reactions}
    return Response.model_validate(
        {part: {name: _sourced(name, block) for name, block in blocks.items()} for part, blocks in parts.items()}
    )


@dataclass(frozen=True)
class Ran:
    """What a toy came to, in hours and plain lists."""

    result: ArmResult

    @property
    def log(self) -> ArmLog:
        return self.result.log

    @property
    def counts(self) -> Mapping[str, int]:
        return self.result.log.counts

    def hours(self, row: int = 0) -> list[float]:
        """When each rung of the ladder happened."""
        return _hours(self.result.outcomes[row])

    @property
    def cut(self) -> list[float]:
        return _hours(self.result.cut)

    @property
    def recorded(self) -> list[float]:
        return _hours(self.result.recorded)

    @property
    def start(self) -> list[float]:
        return _hours(self.result.start)

    @property
    def alerts(self) -> list[tuple[int, float]]:
        """(row, hour) of right alerts; false ones as (-1 - row, hour)."""
        log = self.log
        row = [int(one) - 100 if right else -1 - (int(one) & 0xFFFF) for one, right in self._alert_ids()]
        return list(zip(row, _hours(log.alert_raised_s), strict=True))

    def _alert_ids(self) -> Any:
        return zip(self.log.alert_conversation, self.log.alert_right, strict=True)

    @property
    def dropped(self) -> list[str]:
        """Why each alert reached nobody; "": it did."""
        return [REASONS[code] for code in self.log.alert_dropped]

    @property
    def actions(self) -> list[tuple[int, str, float, str]]:
        """(alert, action, hour, what became of it)."""
        log = self.log
        at = _hours(log.action_at_s)
        columns = zip(log.action_alert, log.action_kind, at, log.action_effect, strict=True)
        return [(alert, ACTIONS[kind], time, EFFECTS[effect]) for alert, kind, time, effect in columns]

    @property
    def stays(self) -> list[tuple[int, str, float, float, str]]:
        """(alert, desk, last claim, end, verdict)."""
        log = self.log
        claimed, ended = _hours(log.stay_claimed_s), _hours(log.stay_ended_s)
        columns = zip(log.stay_alert, log.stay_desk, claimed, ended, log.stay_verdict, strict=True)
        return [(a, log.desks[desk], begun, end, VERDICTS[v]) for a, desk, begun, end, v in columns]


def _hours(seconds: Any) -> list[float]:
    return [round(time / H, 5) for time in seconds]


@pytest.fixture(scope="session")
def make_contacts() -> Callable[..., tuple[Contacts, Truth, Alarms]]:
    """``make_contacts(rows)``: contacts, truth and alarms; hours in, seconds out; what is left out never happens.

    A row may name offender, child, platform, force, age, start, crossing (one alarm or a list of them) and any of
    TIMES. A risk is 5 unless the row says otherwise, a pace 1.
    """

    def made(rows: Sequence[Mapping[str, Any]]) -> tuple[Contacts, Truth, Alarms]:
        n = len(rows)

        def column(name: str, default: float, dtype: Any) -> Any:
            return np.array([row.get(name, default) for row in rows], dtype)

        def hours(name: str, default: float = NEVER) -> Any:
            return column(name, default, np.float64) * H

        none = np.zeros(n, np.uint8)
        contacts = Contacts(
            np.arange(n, dtype=np.uint64) + np.uint64(100),
            column("offender", 0, np.int64),
            column("child", 0, np.int64) + np.arange(n) * (not any("child" in row for row in rows)),
            none,
            none,
            column("platform", 0, np.uint8),
            hours("start", 0.0),
            none.astype(np.bool_),
            none.astype(np.float32),
            none == 0,
            column("age", 13, np.uint8),
            column("force", 0, np.uint8),
        )
        truth = Truth(np.full(n, 10, np.int32), *(hours(name) for name in TIMES), none)
        alarms = [
            (place, time, row.get("risk", 5.0), 1.0, row.get("closed", NEVER))
            for place, row in enumerate(rows)
            for time in np.atleast_1d(row.get("crossing", [])).tolist()
            if time < NEVER
        ]
        place, time, risk, pace, last = np.array(alarms, np.float64).reshape(-1, 5).T
        found = Alarms(place.astype(np.int64), time * H, risk.astype(np.float32), pace, last * H)
        return contacts, truth, found

    return made


Hours = Callable[[int, float, int], Sequence[float]]


@pytest.fixture(scope="session")
def toy(model: WorldModel, make_contacts: Callable[..., Any]) -> Callable[..., ArmSimulation]:
    """``toy(arm, rows, rescan=..., false=..., days=30, ...)``: an arm, not yet run; the period begins on a Monday.

    ``arm``: what differs from communication law with full coverage of facebook and instagram (platforms 0 and 1).
    ``rescan`` takes and returns hours. Every child is on these two only. ``substitutes``: rows told from hour 0.
    """

    def made(
        arm: Mapping[str, Any],
        rows: Sequence[Mapping[str, Any]],
        *,
        rescan: Hours = lambda row, natural, platform: [],
        false: FalseAlerts | None = None,
        substitutes: Sequence[Mapping[str, Any]] = (),
        days: int = 30,
        clock: Clock = Clock(0.0, DAY_S),  # noqa: B008 - frozen
        recording: float = 1.0,
        scale: float = 1.0,
        seed: int = 1,
        **response: Any,
    ) -> ArmSimulation:
        contacts, truth, alarms = make_contacts([*rows, *substitutes])
        member = np.zeros((len(contacts), len(model.platforms)), np.bool_)
        member[:, :2] = True

        def in_seconds(row: int, natural: float, platform: int) -> list[tuple[float, float, float]]:
            return [(time * H, 5.0, 1.0) for time in rescan(row, natural / H, platform)]

        ready = _model(model, days, clock, recording, scale, _response(response))
        given = ArmInput(contacts, truth, len(rows), alarms, member, false or no_false_alerts(), in_seconds)
        return ArmSimulation(ready, seed, _arm(arm), given)

    return made


def _model(
    model: WorldModel, days: int, clock: Clock, recording: float, scale: float, response: Response
) -> WorldModel:
    rate = ProbabilityParameter(value=recording, **ASSUMED)
    recorded = model.scenario.world.recording.model_copy(update={"rate": rate, "forces": {}})
    period = model.scenario.period
    changed = {
        "response": response,
        "world": model.scenario.world.model_copy(update={"recording": recorded}),
        "period": period.model_copy(update={"end": period.start + timedelta(days=days - 1)}),
        "scale": scale,
    }
    scenario = model.scenario.model_copy(update=changed)
    return replace(model, scenario=scenario, clock=clock, horizon=days * clock.lasts_s)


def _arm(arm: Mapping[str, Any]) -> Arm:
    watching = {"detector": "keyword", "alert_level": {"risk": 1.0}, "code": _code(facebook=1, instagram=1)}
    known = {"title": "toy", "law": "communication"} | (watching if arm.get("detector", "yes") else {}) | dict(arm)
    return Arm.model_validate({name: value for name, value in known.items() if value is not None})


@pytest.fixture(scope="session")
def run(toy: Callable[..., ArmSimulation]) -> Callable[..., Ran]:
    """``run(arm, rows, ...)``: a toy, run."""
    return lambda *given, **named: Ran(toy(*given, **named).run())


def _code(**coverage: Any) -> dict[str, Any]:
    return ASSUMED | {"coverage": coverage}


@pytest.fixture(scope="session")
def code() -> Callable[..., dict[str, Any]]:
    """``code(**coverage)`` by platform; what is left out is not covered."""
    return _code


@pytest.fixture(scope="session")
def queue() -> Callable[..., dict[str, Any]]:
    """``queue(*actions if confirmed, sensitivity=1, specificity=1, **changes)``: one reader, an hour an alert."""

    def made(*confirmed: str, sensitivity: float = 1.0, specificity: float = 1.0, **changes: Any) -> dict[str, Any]:
        reader = {
            "service": {"kind": "constant", "value": "1h"},
            "sensitivity": sensitivity,
            "specificity": specificity,
        }
        shift = {"begins": "0h", "ends": "24h", "staff": 1}
        usual = {"tiers": {"readers": ASSUMED | reader}, "shifts": [shift], "expires": "1000h"}
        return ASSUMED | usual | {"on_confirmed": list(confirmed)} | changes

    return made


@pytest.fixture(scope="session")
def false_alerts() -> Callable[..., FalseAlerts]:
    """``false_alerts(hours, platform=0, last=1000, same=False)``: one false alert at each time.

    ``same``: all of them on one conversation. ``last``: the hour of the last message.
    """

    def made(hours: Sequence[float], platform: int = 0, last: float = 1000.0, same: bool = False) -> FalseAlerts:
        n = len(hours)
        ids = np.arange(n, dtype=np.uint64) * np.uint64(not same) + np.uint64(1 << 63)
        none = np.zeros(n, np.uint8)
        time, over = np.array(hours, np.float64) * H, np.full(n, last * H)
        risk, others = np.full(n, 2.0, np.float32), np.zeros(n, np.float32)
        return FalseAlerts(
            ids, np.zeros(n, np.uint32), time, over, none + np.uint8(platform), none, risk, np.ones(n), others
        )

    return made
