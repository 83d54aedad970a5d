"""What happened in an arm, in columns: alerts, their stays at desks, actions, and counts."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simharness.scenario.policy import RECIPIENTS

if TYPE_CHECKING:
    from simharness.response.desk import Ticket

VERDICTS = ("confirmed", "cleared", "expired", "merged", "dropped", "waiting")
CONFIRMED, CLEARED, EXPIRED, MERGED, DROPPED, WAITING = range(len(VERDICTS))
# Why an alert was lost: before it reached anybody, or at a desk. "": it was not.
REASONS = (
    "",
    "over_budget",
    "queue_full",
    "conversation_ended",
    "owner_missing",
    "lock_expired",
    "text_only",
    "host_lost",
)
REASON = {reason: number for number, reason in enumerate(REASONS)}
ACTIONS = tuple(RECIPIENTS)
# What became of an action. Ended: there was nothing left to act on. Repeated: it had been done before.
EFFECTS = ("taken", "shadow", "ended", "repeated")
TAKEN, SHADOW, ENDED, REPEATED = range(len(EFFECTS))


@dataclass(slots=True)
class DeskNumbers:
    """What one desk came to, beside its stays. Hours and seconds of work are of people."""

    duty_s: float = 0.0
    worked_s: float = 0.0
    exposed_s: float = 0.0  # of the work: reading alerts that were right
    waited_s: float = 0.0  # integral of the number waiting over time
    within_target: int = 0  # last claim within the target, of those decided or lost
    with_target: int = 0


@dataclass(slots=True)
class ArmLog:
    """Append-only columns; an alert's number is its place."""

    alert_conversation: array[int] = field(default_factory=lambda: array("Q"))
    alert_raised_s: array[float] = field(default_factory=lambda: array("d"))
    alert_right: array[int] = field(default_factory=lambda: array("b"))
    alert_risk: array[float] = field(default_factory=lambda: array("f"))
    alert_dropped: array[int] = field(default_factory=lambda: array("b"))  # place in REASONS
    stay_alert: array[int] = field(default_factory=lambda: array("q"))
    stay_desk: array[int] = field(default_factory=lambda: array("b"))
    stay_entered_s: array[float] = field(default_factory=lambda: array("d"))
    stay_started_s: array[float] = field(default_factory=lambda: array("d"))
    stay_claimed_s: array[float] = field(default_factory=lambda: array("d"))
    stay_ended_s: array[float] = field(default_factory=lambda: array("d"))
    stay_verdict: array[int] = field(default_factory=lambda: array("b"))
    stay_reason: array[int] = field(default_factory=lambda: array("b"))
    stay_claims: array[int] = field(default_factory=lambda: array("i"))
    stay_worked_s: array[float] = field(default_factory=lambda: array("d"))
    action_alert: array[int] = field(default_factory=lambda: array("q"))
    action_kind: array[int] = field(default_factory=lambda: array("b"))
    action_at_s: array[float] = field(default_factory=lambda: array("d"))
    action_effect: array[int] = field(default_factory=lambda: array("b"))
    case_risk: array[int] = field(default_factory=lambda: array("b"))  # recorded offences: place in RISKS
    case_s: array[float] = field(default_factory=lambda: array("d"))  # from recording to protection, or to the end
    case_protected: array[int] = field(default_factory=lambda: array("b"))
    desks: list[str] = field(default_factory=list)
    numbers: list[DeskNumbers] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    counted: set[tuple[str, Hashable]] = field(default_factory=set)

    def desk(self, name: str) -> int:
        """Open a desk; returns its number."""
        self.desks.append(name)
        self.numbers.append(DeskNumbers())
        return len(self.desks) - 1

    def alert(self, conversation: int, now: float, right: bool, risk: float) -> int:
        """Log an alert and return its number."""
        self.alert_conversation.append(conversation)
        self.alert_raised_s.append(now)
        self.alert_right.append(right)
        self.alert_risk.append(risk)
        self.alert_dropped.append(0)
        return len(self.alert_right) - 1

    def drop(self, alert: int, reason: str) -> None:
        """An alert reaches nobody."""
        self.alert_dropped[alert] = REASON[reason]

    def stay(
        self, alert: int, desk: int, ticket: Ticket, ended: float, verdict: int, reason: str = "", worked: float = 0.0
    ) -> None:
        """Log what an alert's stay at a desk came to; ``ended`` nan: it is still there."""
        self.stay_alert.append(alert)
        self.stay_desk.append(desk)
        self.stay_entered_s.append(ticket.entered_s)
        self.stay_started_s.append(ticket.started_s)
        self.stay_claimed_s.append(ticket.claimed_s)
        self.stay_ended_s.append(ended)
        self.stay_verdict.append(verdict)
        self.stay_reason.append(REASON[reason])
        self.stay_claims.append(ticket.claims)
        self.stay_worked_s.append(worked)

    def once(self, count: str, whom: Hashable) -> bool:
        """Count somebody once, however many alerts do the same to them; whether this was the first time."""
        if (count, whom) in self.counted:
            return False
        self.counted.add((count, whom))
        self.counts[count] += 1
        return True

    def case(self, risk: int, lasted: float, protected: bool) -> None:
        """Log a recorded offence: how long it took to protect the child, or how long it was not by the period's end."""
        self.case_risk.append(risk)
        self.case_s.append(lasted)
        self.case_protected.append(protected)

    def action(self, alert: int, action: str, now: float, effect: int) -> None:
        """Log an action and what became of it."""
        self.action_alert.append(alert)
        self.action_kind.append(_KIND[action])
        self.action_at_s.append(now)
        self.action_effect.append(effect)
        self.counts[f"{action}.{EFFECTS[effect]}"] += 1


_KIND = {action: number for number, action in enumerate(ACTIONS)}
