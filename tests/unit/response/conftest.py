"""A toy of one arm: a few grooming conversations given row by row, a clock that never stops, certain reactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from simharness.records import Truth
from simharness.response.arm import ArmInput, ArmSimulation, Rescan
from simharness.response.false_alerts import FalseAlerts, no_false_alerts
from simharness.scenario.base import ProbabilityParameter
from simharness.scenario.response import Arm, Response
from simharness.world.clock import DAY_S, Clock
from simharness.world.contacts import Contacts
from simharness.world.messages import NEVER
from simharness.world.model import WorldModel

ASSUMED = {"evidence": "assumed", "source": "test"}
TIMES = ("offence", "repeat", "meeting", "contact", "reported", "closed")
CERTAIN: dict[str, Any] = {  # every delay a constant, staff without end, nobody reacts
    "police": {
        "investigators": 1e6,
        "desk": 1e6,
        "effort": {"time": "1h"},
        "referral_effort": {"time": "1h"},
        "safeguarding": {"delay": "20h"},
        "urgent_safeguarding": {"delay": "10h"},
        "arrest": {"delay": "50h"},
        "acts_before_offence": 1.0,
    },
    "reactions": {
        "alert_child": {"leave": 0.0, "block": 0.0, "tell": 0.0},
        "block_recontacted": {"probability": 1.0, "delay": "5h"},
        "suspension_recontact": {"probability": 1.0, "delay": "5h"},
        "suspension_displaces": 1.0,
    },
}


def _sourced(block: Any) -> Any:
    """Plain numbers and times as the scenario's blocks with evidence."""
    if isinstance(block, Mapping):
        constant = {name: {"kind": "constant", "value": v} for name, v in block.items() if name in ("time", "delay")}
        return ASSUMED | {name: value for name, value in block.items()} | constant
    return ASSUMED | {"value": block}


@pytest.fixture(scope="session")
def make_response() -> Callable[..., Response]:
    """``make_response(**changes)``: CERTAIN with some of its entries changed, by their own names."""

    def made(**changes: Any) -> Response:
        parts = {}
        for part, blocks in CERTAIN.items():
            parts[part] = {name: _sourced(changes.get(name, block)) for name, block in blocks.items()}
        assert not changes.keys() - {name for blocks in CERTAIN.values() for name in blocks}
        return Response.model_validate(parts)

    return made


@pytest.fixture(scope="session")
def make_contacts() -> Callable[..., tuple[Contacts, Truth, np.ndarray[Any, Any]]]:
    """``make_contacts(rows)``: contacts, truth and crossings; hours in, seconds out; what is left out never happens.

    A row may name offender, child, platform, force, start, crossing and any of TIMES.
    """

    def made(rows: Sequence[Mapping[str, float]]) -> tuple[Contacts, Truth, np.ndarray[Any, Any]]:
        n = len(rows)

        def column(name: str, default: float, dtype: Any) -> Any:
            return np.array([row.get(name, default) for row in rows], dtype)

        def hours(name: str, default: float = NEVER) -> Any:
            return column(name, default, np.float64) * 3600.0

        none = np.zeros(n, np.uint8)
        offender = column("offender", 0, np.int64)
        contacts = Contacts(
            np.arange(n, dtype=np.uint64) + np.uint64(100),
            offender,
            column("child", 0, np.int64) + np.arange(n) * (not any("child" in row for row in rows)),
            none,
            none,
            column("platform", 0, np.uint8),
            hours("start", 0.0),
            none.astype(np.bool_),
            none.astype(np.float32),
            column("girl", 1, np.bool_),
            column("age", 13, np.uint8),
            column("force", 0, np.uint8),
        )
        truth = Truth(np.full(n, 10, np.int32), *(hours(name) for name in TIMES), none)
        return contacts, truth, hours("crossing")

    return made


@pytest.fixture(scope="session")
def toy(
    model: WorldModel, make_response: Callable[..., Response], make_contacts: Callable[..., Any]
) -> Callable[..., ArmSimulation]:
    """``toy(arm, rows, rescan=..., false=..., days=30, clock=..., recording=1.0, **response)``: an arm, not yet run.

    ``arm``: what differs from communication law with full coverage of two platforms of three. ``rescan`` takes and
    returns hours. Nobody is a member of platform 2 but of 0 and 1.
    """

    def made(
        arm: Mapping[str, Any],
        rows: Sequence[Mapping[str, float]],
        *,
        rescan: Callable[[int, float], float] = lambda row, natural: NEVER,
        false: FalseAlerts | None = None,
        days: int = 30,
        clock: Clock = Clock(0.0, DAY_S),  # noqa: B008 - frozen
        recording: float = 1.0,
        scale: float = 1.0,
        seed: int = 1,
        **response: Any,
    ) -> ArmSimulation:
        contacts, truth, crossing = make_contacts(rows)
        rate = ProbabilityParameter(value=recording, **ASSUMED)
        world = model.scenario.world.model_copy(
            update={"recording": model.scenario.world.recording.model_copy(update={"rate": rate, "forces": {}})}
        )
        period = model.scenario.period
        period = period.model_copy(update={"end": period.start + timedelta(days=days - 1)})
        changed = {"response": make_response(**response), "world": world, "period": period, "scale": scale}
        scenario = model.scenario.model_copy(update=changed)
        watching = {"detector": "keyword", "alert_level": {"risk": 1.0}, "code": _code(facebook=1, instagram=1)}
        known = {"title": "toy", "law": "communication"} | (watching if arm.get("detector", "yes") else {}) | dict(arm)
        policy = Arm.model_validate({name: value for name, value in known.items() if value is not None})
        member = np.zeros((len(contacts), len(model.platforms)), np.bool_)
        member[:, :2] = True

        def in_seconds(row: int, natural: float) -> float:
            return rescan(row, natural / 3600.0) * 3600.0

        again: Rescan = in_seconds
        given = ArmInput(contacts, truth, crossing, member, false or no_false_alerts(), again)
        made_ready = replace(model, scenario=scenario, clock=clock, horizon=days * clock.lasts_s)
        return ArmSimulation(made_ready, seed, policy, given)

    return made


def _code(**coverage: float) -> dict[str, Any]:
    return ASSUMED | {"coverage": coverage}


@pytest.fixture(scope="session")
def code() -> Callable[..., dict[str, Any]]:
    """``code(**coverage)`` by platform; what is left out is not covered."""
    return _code


@pytest.fixture(scope="session")
def review() -> Callable[..., dict[str, Any]]:
    """``review(**changes)``: one perfect reviewer around the clock, an hour an alert."""

    def made(**changes: Any) -> dict[str, Any]:
        return (
            ASSUMED
            | {
                "shifts": [{"begins": "0h", "ends": "24h", "staff": 1}],
                "service": {"kind": "constant", "value": "1h"},
                "sensitivity": 1.0,
                "specificity": 1.0,
                "expires": "1000h",
            }
            | changes
        )

    return made


@pytest.fixture(scope="session")
def false_alerts() -> Callable[..., FalseAlerts]:
    """``false_alerts(hours, platform=0)``: one false alert at each time."""

    def made(hours: Sequence[float], platform: int = 0) -> FalseAlerts:
        n = len(hours)
        place = np.full(n, platform, np.uint8)
        ids = np.arange(n, dtype=np.uint64) + np.uint64(1 << 63)
        return FalseAlerts(ids, np.zeros(n, np.uint32), np.array(hours) * 3600.0, place, np.zeros(n, np.uint8))

    return made
