"""Detectors that peek, or read names: of conversations, and of a whole stream in which accounts have several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simharness.detection.answers import Declared
from simharness.detection.contract.probe import Probe
from simharness.detection.faults import DetectorFailed
from simharness.outcomes.cell import Prepared
from simharness.scenario.load import Loaded
from simharness.selftest import detectors
from simharness.selftest.context import Context
from simharness.selftest.relations import RELATIONS, tried


class Peeks:
    """Each message's number is how many are still to come."""

    def risk(self, batch: Any) -> Any:
        return np.repeat(batch.end, batch.end - batch.begin) - np.arange(batch.symbol.size, dtype=float)


class ReadsNames:
    def risk(self, batch: Any) -> Any:
        return np.repeat((batch.key % np.uint64(7)).astype(float), batch.end - batch.begin)


class CountsAccounts:
    """A watcher that holds what an account has sent so far against it."""

    def __init__(self) -> None:
        self.sent: dict[int, int] = {}

    def watch(self, events: Any) -> Any:
        out = []
        for account in events.account.tolist():
            self.sent[account] = self.sent.get(account, 0) + 1
            out.append(float(self.sent[account]))
        return out


class ReadsAccounts:
    def watch(self, events: Any) -> Any:
        return (events.account % np.uint64(1000)).astype(float) * (events.conversation % np.uint64(2) < 2)


class KnowsTheEnd:
    """Adds how many events are still to come from the same account, in whichever conversation."""

    def watch(self, events: Any) -> Any:
        _, row, count = np.unique(events.account, return_inverse=True, return_counts=True)
        return count[row].astype(float)


@pytest.fixture
def given_to(context: Context, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Context]:
    """``given_to(detector)``: the context with this one in the place of every other."""

    def made(detector: Any) -> Context:
        monkeypatch.setattr(detectors, "build_detector", lambda *given: detector)
        return context

    return made


def results(context: Context) -> dict[str, str]:
    return {name: tried(name, context).result for name in ("id_permutation", "future_scramble")}


def test_who_peeks_is_found(given_to: Callable[[Any], Context]) -> None:
    assert results(given_to(Peeks())) == {"id_permutation": "holds", "future_scramble": "broken"}


def test_who_reads_names_is_found(given_to: Callable[[Any], Context]) -> None:
    assert results(given_to(ReadsNames())) == {"id_permutation": "broken", "future_scramble": "holds"}


def test_a_watcher_of_accounts_holds_in_a_stream_in_which_they_have_several(context: Context) -> None:
    probe = Probe(CountsAccounts(), Declared())
    for change in (detectors._renamed, detectors._scrambled):
        assert detectors._stream_broken(context, "watcher", probe, change) is None
    events = detectors._stream(context)
    assert np.unique(events.account).size < np.unique(events.conversation).size  # several conversations of one


@pytest.mark.parametrize(
    ("watcher", "change"), [(ReadsAccounts(), detectors._renamed), (KnowsTheEnd(), detectors._scrambled)]
)
def test_a_bad_watcher_is_found_in_the_stream(context: Context, watcher: Any, change: Any) -> None:
    found = detectors._stream_broken(context, "watcher", Probe(watcher, Declared()), change)
    assert found is not None and found.subject == "watcher"


class Raises:
    def risk(self, batch: Any) -> Any:
        raise DetectorFailed("crash", "it has gone")


def test_a_detector_that_fails_is_said_to(given_to: Callable[[Any], Context]) -> None:
    found = tried("future_scramble", given_to(Raises()))
    assert found.result == "failed" and "keyword" in found.seen


def test_no_detector_that_answers_is_no_relation(context: Context, small: Callable[..., Loaded]) -> None:
    nothing = Context(context.loaded, Prepared(context.prepared.model, {}, {}))
    names = ("higher_level_is_subset", "never_is_police_only", "shadow_is_police_only", "first_message_is_earliest")
    assert {tried(name, nothing).result for name in names} == {"not applicable"}
    assert set(names) < set(RELATIONS)
