"""What is to be expected of a chain of stages, had every conversation time to end (Kemeny & Snell 1976, ch. III)."""

from __future__ import annotations

import numpy as np

from simharness.scenario.world import END_REASONS, Chain, Emission, Grammar


def visits(chain: Chain) -> dict[str, float]:
    """Expected number of visits to each stage of one conversation: start (I - P)^-1."""
    fundamental = _fundamental(chain)
    start = np.array([chain.start.get(stage, 0.0) for stage in chain.stages])
    return dict(zip(chain.stages, (start @ fundamental).tolist(), strict=True))


def reaches(chain: Chain) -> dict[str, float]:
    """Probability that one conversation ever comes to each stage: visits over those of one that begins there."""
    once = np.diag(_fundamental(chain)).tolist()
    return {stage: count / own for (stage, count), own in zip(visits(chain).items(), once, strict=True)}


def ends(chain: Chain) -> dict[str, float]:
    """Probability that one conversation ends for each reason."""
    often = visits(chain)
    return {
        reason: sum(often[name] * stage.next.get(f"end.{reason}", 0.0) for name, stage in chain.stages.items())
        for reason in END_REASONS
    }


def acts(grammar: Grammar, chain: Chain, act: str) -> float:
    """Expected number of messages of one act, by the one who made contact, in one conversation."""
    often, background = visits(chain), grammar.background
    return sum(
        often[name]
        * stage.dwell
        * (
            (1.0 - background.share) * _said(grammar.emissions[stage.emits], act)
            + background.share * _said(background, act)
        )
        for name, stage in chain.stages.items()
    )


def _said(emission: Emission, act: str) -> float:
    return emission.initiator_share * emission.initiator.get(act, 0.0) / sum(emission.initiator.values())


def _fundamental(chain: Chain) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    stages = list(chain.stages)
    step = np.array([[chain.stages[one].next.get(other, 0.0) for other in stages] for one in stages])
    return np.linalg.inv(np.eye(len(stages)) - step)
