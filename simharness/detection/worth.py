"""How likely an alert of a given risk is right, as a platform would know it from its own past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simharness.detection.scoring import Scorer
from simharness.detection.training import grooming_sample
from simharness.detection.triggers import Signal, alarms
from simharness.world.clock import DAY_S
from simharness.world.contacts import Contacts
from simharness.world.generate import World


@dataclass(frozen=True, slots=True)
class Worth:
    """Probability that an alert is right, rising with its risk: a line between knots, level beyond the outer two."""

    risk: NDArray[np.float64]  # (knots,) ascending
    right: NDArray[np.float64]  # (knots,)

    def probability(self, risk: float) -> float:
        """Probability that an alert raised at this risk is on a grooming conversation."""
        return float(np.interp(risk, self.risk, self.right))


def worths(
    world: World, benign: Contacts, scorers: Mapping[str, Scorer], signals: Mapping[str, tuple[str, Signal]]
) -> dict[str, Worth]:
    """The worth of alerts by arm, learnt from a world of the past. ``signals``: arm -> (detector, trigger).

    ``benign`` and a fresh sample of ``training.grooming`` grooming conversations stand for all of the period: each
    weighs as many as its kind really has, over how many were sampled.
    """
    grooming = grooming_sample(world, world.model.scenario.training.grooming)
    expected = expected_contacts(world)
    weights = [total / max(1, len(part)) for total, part in zip(expected, (benign, grooming), strict=True)]
    false, right = (_first_alarms(world, contacts, scorers, signals) for contacts in (benign, grooming))
    prior = expected[1] / sum(expected)
    return {arm: fit_worth((false[arm], right[arm]), (weights[0], weights[1]), prior) for arm in signals}


def fit_worth(
    risk: tuple[NDArray[np.float32], NDArray[np.float32]], weight: tuple[float, float], prior: float
) -> Worth:
    """Isotonic regression of right on risk; ``risk`` and ``weight`` of false alerts and of right ones.

    Where the past had alerts of one kind only, they were all right or all false, and so is the probability. Where it
    had none at all, it is ``prior``: the share of grooming among all conversations.
    """
    from sklearn.isotonic import IsotonicRegression

    known = np.concatenate(risk).astype(np.float64)
    if not known.size:
        return Worth(np.zeros(1), np.array([prior]))
    right = np.repeat([0.0, 1.0], [part.size for part in risk])
    fitted = IsotonicRegression().fit(known, right, np.repeat(weight, [part.size for part in risk]))
    return Worth(fitted.X_thresholds_, fitted.y_thresholds_)


def expected_contacts(world: World) -> tuple[float, float]:
    """How many harmless and how many grooming conversations begin within the period, on average."""
    scenario = world.model.scenario
    seconds = scenario.period.days * DAY_S
    harmless = world.model.children.total * scenario.world.benign.contact_rate * seconds
    return harmless, world.offenders * scenario.world.offenders.contact_rate.value * seconds


def _first_alarms(
    world: World, contacts: Contacts, scorers: Mapping[str, Scorer], signals: Mapping[str, tuple[str, Signal]]
) -> dict[str, NDArray[np.float32]]:
    """By arm: the risk at the first alarm of every conversation that had one."""
    found = {arm: [np.empty(0, np.float32)] for arm in signals}
    for batch in world.batches(contacts):
        for arm, (detector, signal) in signals.items():
            raised = alarms(scorers[detector], replace(signal, at_most=1), batch.view)
            found[arm].append(raised.risk)
    return {arm: np.concatenate(parts) for arm, parts in found.items()}
