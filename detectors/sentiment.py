"""Sentiment, off the shelf: made for something else, run as a baseline of what hostility alone gives away.

input: one English text · score: -compound polarity, from -1 (friendly) to 1 (hostile) · direction: higher is riskier ·
source: vaderSentiment (MIT), a lexicon with rules (Hutto and Gilbert 2014), made for the polarity of short posts

The choice of sign is an assumption: moderation that goes by sentiment looks for hostility. Nothing says that what it is
run on here is hostile, and friendly acts score low. Made-up words have no polarity: use the gloss rendering.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from simharness.detection.optional import require


class Sentiment:
    """Hostile sentiment, off the shelf: made for something else. Needs the extra ``off_the_shelf``."""

    range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    distributions: ClassVar[tuple[str, ...]] = ("vaderSentiment",)

    def __init__(self) -> None:
        require("sentiment", {"vaderSentiment": "vaderSentiment"}, "off_the_shelf")
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        self._analyser = SentimentIntensityAnalyzer()

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Minus the compound polarity of each text, shape (n,)."""
        polarity = [self._analyser.polarity_scores(text)["compound"] for text in texts]
        return 0.0 - np.array(polarity, np.float32)  # never a minus zero
