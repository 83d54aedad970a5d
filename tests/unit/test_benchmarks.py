"""The benchmarks at a tiny size: both sides do the same work and the figures fit together. No speed is asserted."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import detector_paths, message_path
from benchmarks.message_path import Bench, measure, prepare, step_seconds, walk
from benchmarks.peer_simpy import ENDED, Counts, Peer, Row, Workload, workload
from benchmarks.timing import Laps, Spread, in_turn

TINY = ("training.grooming=200", "training.benign=200", "training.calibration=4000")
NEVER = float("inf")


@pytest.fixture(scope="module")
def bench() -> Bench:
    made = prepare(1500, TINY)
    return replace(made, level=0)  # the lowest level: enough conversations reach it to compare the two sides


def test_jobs_take_turns_after_one_pass_to_warm_up_and_one_to_size_them() -> None:
    calls: list[str] = []
    timed = in_turn({name: lambda name=name: calls.append(name) or len(calls) for name in "ab"}, 3, at_least_s=0.0)
    assert "".join(calls) == "aabb" + "ab" * 3
    assert timed["a"].results == [5, 7, 9] and timed["b"].results == [6, 8, 10]
    assert len(timed["a"].seconds) == 3
    assert Spread.of([3.0, 1.0, 2.0, 10.0]) == Spread(1.0, 2.5, 10.0)


def test_laps_add_up_by_step() -> None:
    laps = Laps()
    begun = laps._last
    for step in ("first", "second", "first"):
        laps.lap(step)
    assert list(laps.seconds) == ["first", "second"]
    assert sum(laps.seconds.values()) == pytest.approx(laps._last - begun)


def fixed(*rows: Row) -> Workload:
    """Three messages 10 s apart, the second an offence; scores 0, 1, 1, so with half kept the risk is 0, 0.5, 0.75."""
    sure = [([1.0], [to]) for to in range(4)]
    return Workload(
        seed=1,
        horizon=100.0,
        rows=list(rows),
        starts=[sure[0]],
        steps=[sure[1], sure[2], ([1.0], [ENDED])],
        emits=[sure[0], sure[2], sure[3]],  # act * 2 + sender
        phrases=[(0, 1), (1, 1)],
        gaps=[[10.0, 10.0]],
        hazards=[0.0, 0.25, 0.5],  # a second
        offence=2,
        scores=[0.0, 0.0, 1.0, 1.0],
        keep=0.5,
        level=0.75,
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (Row(1, True, 0, 0, 5.0, NEVER, NEVER, False), Counts(3, 1, 1, 0)),
        (Row(1, False, 0, 0, 5.0, NEVER, NEVER, False), Counts(3, 1, 0, 1)),
        (Row(1, True, 0, 0, 80.0, NEVER, NEVER, False), Counts(2, 1, 0, 0)),  # the third would fall on the horizon
        (Row(1, True, 0, 0, 5.0, NEVER, 14.0, True), Counts(1, 0, 0, 0)),
        (Row(1, True, 0, 0, 5.0, NEVER, 14.0, False), Counts(3, 1, 1, 0)),  # noticed, and nothing done about it
        (Row(1, True, 0, 0, 5.0, 2.25, NEVER, True), Counts(2, 1, 0, 0)),  # told 9 s after the second message
        (Row(1, True, 0, 0, 5.0, 2.25, NEVER, False), Counts(3, 1, 1, 0)),
        (Row(1, True, 0, 0, 5.0, 2.25, 14.0, True), Counts(1, 0, 0, 0)),  # noticed first
        (Row(1, True, 0, 0, 5.0, 2.75, NEVER, True), Counts(3, 1, 1, 0)),  # it would be told later than it ends
    ],
)
def test_the_peer_walks_a_sure_chain(row: Row, expected: Counts) -> None:
    assert Peer(fixed(row)).run() == expected


def test_the_peer_makes_the_same_again_and_adds_conversations_up() -> None:
    rows = [Row(1, True, 0, 0, 5.0, NEVER, NEVER, False), Row(2, False, 0, 0, 7.0, NEVER, NEVER, False)]
    assert Peer(fixed(*rows)).run() == Peer(fixed(*rows)).run() == Counts(6, 2, 1, 1)


def test_the_peer_takes_every_phrase_of_an_act_alike() -> None:
    """The message of each of 400 conversations is one of two phrases, of which one alone alerts: 200 +- 4 * 10."""
    rows = [Row(number, True, 0, 0, 5.0, NEVER, NEVER, False) for number in range(400)]
    work = replace(fixed(*rows), emits=[([1.0], [3])] * 3, phrases=[(0, 1), (1, 2)], keep=0.0, steps=[([1.0], [ENDED])])
    counts = Peer(replace(work, scores=[0.0, 0.0, 0.0, 0.0, 0.0, 1.0])).run()
    assert counts.messages == 400
    assert abs(counts.grooming_alerts - 200) < 40


def test_the_peer_is_given_the_conversations_of_the_product(bench: Bench) -> None:
    rows = workload(bench.world.model, 1, bench.contacts, bench.scorer, 0.5).rows
    assert [row.start for row in rows] == sorted(np.concatenate([part.start for part in bench.contacts]))
    assert {row.number for row in rows if row.grooming} == set(bench.contacts[0].conversation.tolist())
    assert all(row.tells_at_hazard == row.notices_at == NEVER for row in rows if not row.grooming)
    assert all(row.tells_at_hazard < NEVER for row in rows if row.grooming)
    assert any(row.notices_at < NEVER for row in rows) and {row.ends for row in rows if row.grooming} == {True, False}


def test_both_sides_do_the_same_work_in_distribution(bench: Bench) -> None:
    """Counts of n conversations each, within 4 standard errors of their difference."""
    batches = [batch for part in bench.contacts for batch in bench.world.batches(part)]
    lengths = np.concatenate([batch.truth.messages for batch in batches])
    product = walk(bench, bench.contacts)
    work = workload(bench.world.model, 1, bench.contacts, bench.scorer, float(bench.levels[bench.level]))
    peer = Peer(work).run()
    n = len(work.rows)
    assert n == lengths.size == sum(map(len, bench.contacts)) and abs(n - 1500) < 200
    assert product.messages == lengths.sum()
    assert abs(product.messages - peer.messages) < 4.0 * lengths.std() * np.sqrt(2.0 * n)
    for name in ("offences", "grooming_alerts", "harmless_alerts"):
        one, other = getattr(product, name), getattr(peer, name)
        assert min(one, other) > 20
        assert abs(one - other) < 4.0 * np.sqrt(one + other)


def test_figures_fit_together(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(step_seconds(bench)) == {"contacts", "generate", "score", "aggregate + crossing"}
    found = measure(bench, rounds=2)
    assert found["counts"]["product"]["messages"] == walk(bench, bench.contacts).messages
    assert sum(step["share"] for step in found["steps"].values()) == pytest.approx(1.0)
    speeds = found["messages_per_s"]
    pairs = zip(speeds["product"]["all"], speeds["peer"]["all"], strict=True)
    assert found["ratio"]["all"] == [product / peer for product, peer in pairs]
    assert found["ratio"]["min"] <= found["ratio"]["median"] <= found["ratio"]["max"]

    monkeypatch.setattr(message_path, "prepare", lambda conversations: bench)
    monkeypatch.setattr(message_path, "measure", lambda bench, rounds: found)
    written = CliRunner().invoke(message_path.main, ["--json"])
    assert written.exit_code == 0 and json.loads(written.output) == found
    shown = CliRunner().invoke(message_path.main, [], env={"COLUMNS": "120"})
    assert shown.exit_code == 0
    assert "plain SimPy" in shown.output and f"median {found['ratio']['median']:.0f}" in shown.output


def test_every_way_in_is_measured(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("TEXT_BATCHES", (8,)), ("CONVERSATION_BATCHES", (4,)), ("RUN_SCALE", 0.005)):
        monkeypatch.setattr(detector_paths, name, size)
    found = detector_paths.measure(bench, 1, TINY)
    ways = [name.partition(",")[0] for name in found["sides"]]
    assert list(dict.fromkeys(ways)) == ["table look-up", "message detector", "isolated", "process", "http"]
    assert all(side["units_per_s"]["median"] > 0 for side in found["sides"].values())
    runs = found["runs_s"]
    assert set(found["isolated_beyond"]) == {"keyword", "behaviour"}
    for name, more in found["isolated_beyond"].items():
        isolated, plain = runs[f"run, {name} isolated"], runs[f"run, {name} in this process"]
        assert more["median"] == isolated["median"] / plain["median"] - 1

    monkeypatch.setattr(detector_paths, "prepare", lambda conversations: bench)
    monkeypatch.setattr(detector_paths, "measure", lambda bench, rounds: found)
    written = CliRunner().invoke(detector_paths.main, ["--json"])
    assert written.exit_code == 0 and json.loads(written.output) == found
    shown = CliRunner().invoke(detector_paths.main, [], env={"COLUMNS": "120"})
    assert shown.exit_code == 0 and "aim: at most 20%" in shown.output and "behaviour isolated: " in shown.output
