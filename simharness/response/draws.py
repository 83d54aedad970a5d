"""Addressed draws of the response. A conversation's first occasion is drawn for all conversations at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simharness.distributions import Distribution
from simharness.streams import draw, uniform


class Draws:
    """Uniforms and delays by (stream, conversation row, occasion) for one replication.

    Queues ask for one number at a time, tens of thousands of times; the first occasion of every conversation comes
    from one vectorised pass, later ones are drawn singly. Both give the same number for the same address.
    """

    def __init__(self, seed: int, conversation: NDArray[np.uint64], occasion: NDArray[np.uint32] | None = None) -> None:
        self.seed = seed
        self.conversation = conversation
        self.occasion = np.zeros(conversation.size, np.uint32) if occasion is None else occasion
        self._uniforms: dict[str, list[float]] = {}
        self._delays: dict[tuple[str, Distribution], list[float]] = {}

    def uniform(self, stream: str, row: int, occasion: int = 0) -> float:
        """The uniform of a conversation; ``occasion`` counts from the row's own first occasion."""
        if occasion:
            return draw(self.seed, stream, int(self.conversation[row]), int(self.occasion[row]) + occasion)
        if stream not in self._uniforms:
            self._uniforms[stream] = uniform(self.seed, stream, self.conversation, self.occasion).tolist()
        return self._uniforms[stream][row]

    def delay(self, stream: str, distribution: Distribution, row: int, occasion: int = 0) -> float:
        """A draw of a distribution by its inverse CDF."""
        if occasion:
            return float(distribution.quantile(self.uniform(stream, row, occasion)))
        key = stream, distribution
        if key not in self._delays:
            self._delays[key] = distribution.quantile(
                uniform(self.seed, stream, self.conversation, self.occasion)
            ).tolist()
        return self._delays[key][row]
