"""Addressed draws of the response. A conversation's first occasion is drawn for all conversations at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simharness.distributions import Distribution
from simharness.streams import draw, uniform

# An occasion of a stream is (how many before, copy): so many of each have addresses of their own.
COPIES = OCCASIONS = 1 << 16


class Draws:
    """Uniforms and delays by (stream, conversation row, occasion) for one replication.

    Queues ask for one number at a time, tens of thousands of times; the first occasion of every conversation comes
    from one vectorised pass, later ones are drawn singly. Both give the same number for the same address.
    ``copy``: which of the conversations that a sampled one stands for; 0 for a conversation that stands for itself.
    Raises ValueError for more copies than there are addresses for.
    """

    def __init__(self, seed: int, conversation: NDArray[np.uint64], copy: NDArray[np.uint32] | None = None) -> None:
        self.seed = seed
        self.conversation = conversation
        self.copy = np.zeros(conversation.size, np.uint32) if copy is None else copy
        if self.copy.size and int(self.copy.max()) >= COPIES:
            raise ValueError(f"copy: expected numbers below {COPIES}, got {int(self.copy.max())}")
        self._uniforms: dict[str, list[float]] = {}
        self._on_platform: dict[tuple[str, int], NDArray[np.float64]] = {}
        self._delays: dict[tuple[str, Distribution], list[float]] = {}

    def uniform(self, stream: str, row: int, occasion: int = 0) -> float:
        """The uniform of a conversation; ``occasion`` counts how often this was decided for it before."""
        if occasion:
            return draw(self.seed, stream, int(self.conversation[row]), occasion * COPIES + int(self.copy[row]))
        if stream not in self._uniforms:
            self._uniforms[stream] = uniform(self.seed, stream, self.conversation, self.copy).tolist()
        return self._uniforms[stream][row]

    def on_platform(self, stream: str, row: int, platform: int) -> float:
        """The uniform of a conversation on a platform, which is decided once for each: the platform is the occasion."""
        key = stream, platform
        if key not in self._on_platform:
            self._on_platform[key] = uniform(self.seed, stream, self.conversation, platform * COPIES + self.copy)
        return float(self._on_platform[key][row])

    def delay(self, stream: str, distribution: Distribution, row: int, occasion: int = 0) -> float:
        """A draw of a distribution by its inverse CDF."""
        if occasion:
            return float(distribution.quantile(self.uniform(stream, row, occasion)))
        key = stream, distribution
        if key not in self._delays:
            self._delays[key] = distribution.quantile(uniform(self.seed, stream, self.conversation, self.copy)).tolist()
        return self._delays[key][row]
