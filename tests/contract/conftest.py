from __future__ import annotations

import socket
from collections.abc import Callable

import numpy as np
import pytest

from simharness.detection.registry import build
from simharness.detection.scoring import Scorer, prepare
from simharness.records import ConversationBatch
from simharness.world.contacts import Contacts
from simharness.world.generate import Batch, World
from simharness.world.model import WorldModel

OBJECTS = {
    "keyword": "detectors.keyword:Keyword",
    "text_model": "detectors.text_model:TextModel",
    "behaviour": "detectors.behaviour:Behaviour",
    "bayes_bound": "detectors.bayes_bound:BayesBound",
    "length_only": "detectors.length_only:LengthOnly",
    "never": "detectors.never:Never",
    "always": "detectors.always:Always",
    "profanity": "detectors.profanity:Profanity",
    "sentiment": "detectors.sentiment:Sentiment",
}
OFF_THE_SHELF = ("profanity", "sentiment")  # not among the flagship's detectors


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets are closed to detectors in this process, as the offline switch closes them in one of their own."""

    def refused(*arguments: object) -> None:
        raise PermissionError("no detector may use the network here")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, refused)


@pytest.fixture(scope="session")
def small(make_model: Callable[..., WorldModel]) -> WorldModel:
    """The flagship with a small training world, and the detectors off the shelf beside its own."""
    added = [f"detectors.{name}={{use: {name}}}" for name in OFF_THE_SHELF]
    return make_model("training={grooming: 300, benign: 1200, calibration: 4000}", *added)


@pytest.fixture(scope="session")
def make_scorers(small: WorldModel) -> Callable[[], dict[str, Scorer]]:
    """``make_scorers()``: every built-in detector made, trained and bound anew, by its name in the scenario."""
    specs = small.scenario.detectors
    return lambda: prepare(small, {name: build(OBJECTS[spec.use], spec.options) for name, spec in specs.items()})


@pytest.fixture(scope="session")
def scorers(make_scorers: Callable[[], dict[str, Scorer]]) -> dict[str, Scorer]:
    return make_scorers()


@pytest.fixture(scope="session")
def grooming(small: WorldModel, whole: Callable[[World, Contacts], Batch]) -> ConversationBatch:
    """About 150 grooming conversations, short and long."""
    world = World(small, 5)
    batch = whole(world, world.grooming_contacts(np.arange(40, dtype=np.uint64))).view
    lengths = batch.end - batch.begin
    assert len(batch) > 100 and lengths.min() <= 3 and lengths.max() > 100
    return batch
