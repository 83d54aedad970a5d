"""A filter for profanity, off the shelf: made for something else, run as a baseline of what such a filter can see.

input: one English text · score: probability that the text is profane, 0 to 1 · direction: higher is riskier · source:
alt-profanity-check (MIT): a linear support vector machine with calibrated probabilities on counts of words, trained on
about 200,000 comments labelled as offensive or clean. Nothing in it concerns grooming, and made-up words say nothing to
it: use the gloss rendering

The package reads its two model files with joblib, that is, unpickles them, when it is imported. We accept that here and
nowhere else: the files are part of the package's own pinned wheel, whose code runs on import in any case, and a pickle
from anywhere else (a model file, a table of scores, an answer) is never read. It holds the version of scikit-learn that
the files were written with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from simharness.detection.optional import require


class Profanity:
    """A filter for profanity, off the shelf: made for something else. Needs the extra ``off_the_shelf``."""

    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    distributions: ClassVar[tuple[str, ...]] = ("alt-profanity-check",)  # their versions are part of a run's id

    def __init__(self) -> None:
        require("profanity", {"profanity_check": "alt-profanity-check"}, "off_the_shelf")

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probability that each text is profane, shape (n,)."""
        from profanity_check import predict_prob

        if not texts:
            return np.empty(0, np.float32)  # the package cannot be asked for none
        return np.asarray(predict_prob(list(texts)), np.float32)
