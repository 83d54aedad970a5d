"""What happened in an arm, in columns: alerts, decisions by people, and counts."""

from __future__ import annotations

from array import array
from collections import Counter

DESKS = ("review", "referral")
VERDICTS = ("confirmed", "cleared", "expired")
REVIEW, REFERRAL = range(2)
CONFIRMED, CLEARED, EXPIRED = range(3)


class ArmLog:
    """Append-only columns; an alert's number is its place."""

    def __init__(self) -> None:
        self.alert_conversation = array("Q")
        self.alert_raised_s = array("d")
        self.alert_right = array("b")
        self.decision_alert = array("q")
        self.decision_desk = array("b")
        self.decision_started_s = array("d")
        self.decision_ended_s = array("d")
        self.decision_verdict = array("b")
        self.counts: Counter[str] = Counter()
        self.seconds: dict[str, float] = {"review": 0.0, "police": 0.0}

    def alert(self, conversation: int, now: float, right: bool) -> int:
        """Log an alert and return its number."""
        self.alert_conversation.append(conversation)
        self.alert_raised_s.append(now)
        self.alert_right.append(right)
        return len(self.alert_right) - 1

    def decision(self, alert: int, desk: int, started: float, ended: float, verdict: int) -> None:
        """Log one reading of one alert by a person."""
        self.decision_alert.append(alert)
        self.decision_desk.append(desk)
        self.decision_started_s.append(started)
        self.decision_ended_s.append(ended)
        self.decision_verdict.append(verdict)
