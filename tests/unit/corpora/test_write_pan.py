"""What is written can be read again and is the world's; nothing in it tells the label but the file of predators."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from simharness.corpora.labels import Labels
from simharness.corpora.pan import read_pan
from simharness.corpora.records import CorpusConversation
from simharness.corpora.write_pan import Written, write_pan
from simharness.detection.training import sample_contacts
from simharness.errors import UsageError
from simharness.streams import derive_seed
from simharness.world.generate import World
from simharness.world.model import WorldModel

GROOMING, BENIGN = 60, 300


@pytest.fixture(scope="module")
def written(model: WorldModel, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write_pan(model, tmp_path_factory.mktemp("pan"), GROOMING, BENIGN, "use")


@pytest.fixture(scope="module")
def read(written: Written) -> list[CorpusConversation]:
    return list(read_pan(written.corpus, Labels(written.predators), written.times))


def test_the_round_trip(model: WorldModel, written: Written, read: list[CorpusConversation]) -> None:
    """Texts, turns, times and labels of every conversation, against the world itself."""
    world = World(model, derive_seed(model.scenario.seed, "pan", 1))
    expected = {}
    for contacts, label in zip(sample_contacts(world, GROOMING, BENIGN), (True, False), strict=True):
        for batch in world.batches(contacts):
            view, wall = batch.view, model.clock.wall(batch.view.time_s)
            for row in range(len(view)):
                own = slice(int(view.begin[row]), int(view.end[row]))
                senders = tuple((view.symbol[own] & 1).tolist())
                texts = tuple(view.text(place) for place in range(own.start, own.stop))
                times = tuple((wall[own] - wall[own.start]).tolist())
                expected[f"{int(view.key[row]):013x}"] = (senders, texts, times, label)
    found = {each.key: each for each in read}
    assert found.keys() == expected.keys() and len(read) == len(expected) == written.conversations
    for key, (senders, texts, times, label) in expected.items():
        each = found[key]
        assert each.texts == texts and each.times_s == times and bool(each.predators) == label
        first = each.authors[senders.index(0)] if 0 in senders else None
        assert tuple(int(author != first) for author in each.authors) == senders or first is None
        assert not label or each.predators == {first}
    assert sum(map(len, read)) == written.messages


def test_clock_times_alone_are_the_same_to_the_minute(written: Written, read: list[CorpusConversation]) -> None:
    checked = 0
    for clock, exact in zip(read_pan(written.corpus), read, strict=True):
        assert clock.times_s is not None and exact.times_s is not None
        gaps, true = np.diff(clock.times_s), np.diff(exact.times_s)
        short = true < 43_200
        assert (np.abs(gaps[short] - true[short]) < 60.0).all()
        checked += int(short.sum())
    assert checked > 10_000


def test_everything_is_marked_synthetic(written: Written) -> None:
    assert "<!-- synthetic: true" in written.corpus.read_text(encoding="utf-8").split("\n")[1]
    rows = [json.loads(line) for line in written.times.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == written.messages and all(row["synthetic"] is True for row in rows)
    names = written.predators.read_text(encoding="utf-8").splitlines()
    assert len(names) == written.named and all(re.fullmatch("synthetic-[0-9a-f]{32}", name) for name in names)
    assert all(path.name.startswith("synthetic-") for path in (written.corpus, written.predators, written.times))


def test_neither_order_nor_names_tell_the_label(written: Written, read: list[CorpusConversation]) -> None:
    labels = np.array([bool(each.predators) for each in read])
    assert written.grooming == labels.sum() == GROOMING
    places = np.flatnonzero(labels) / labels.size
    assert 0.35 < places.mean() < 0.65 and places.min() < 0.15 and places.max() > 0.85
    names = written.predators.read_text(encoding="utf-8").splitlines()
    assert names == sorted(names)
    everybody = sorted(set(re.findall("<author>(.*?)</author>", written.corpus.read_text(encoding="utf-8"))))
    ranks = np.searchsorted(everybody, names) / len(everybody)
    assert ranks.min() < 0.4 and ranks.max() > 0.6


def test_editions_are_other_worlds_and_the_same_is_written_again(
    model: WorldModel, written: Written, tmp_path: Path
) -> None:
    again = write_pan(model, tmp_path, GROOMING, BENIGN, "use")
    for name in ("corpus", "predators", "times"):
        assert getattr(again, name).read_bytes() == getattr(written, name).read_bytes()
    training = write_pan(model, tmp_path, 50, 50, "training")
    assert training.corpus != again.corpus and sorted(tmp_path.glob("*.part")) == []
    keys = [{each.key for each in read_pan(path)} for path in (training.corpus, again.corpus)]
    assert keys[0].isdisjoint(keys[1])
    words = [{word for each in read_pan(path) for text in each.texts for word in text.split()} for path in
             (training.corpus, again.corpus)]  # fmt: skip
    assert words[1] - words[0]  # words that came up since


def test_a_corpus_without_grooming(model: WorldModel, tmp_path: Path) -> None:
    written = write_pan(model, tmp_path, 0, 100, "use")
    assert written.grooming == written.named == 0 and written.predators.read_bytes() == b""
    assert len(list(read_pan(written.corpus))) == written.conversations > 50


def test_a_folder_that_cannot_be(model: WorldModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be written"):
        write_pan(model, tmp_path / "file", 50, 50, "use")
