from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simharness.detection.encryption import hide
from simharness.detection.faults import DetectorFailed
from simharness.detection.protocol import ConversationDetector, MessageDetector
from simharness.detection.scoring import Scorer, prepare
from simharness.detection.training import benign_sample, calibration_world
from simharness.detection.ways import score_files
from simharness.detection.ways.score_files import LAST_MESSAGE
from simharness.detection.ways.scores import scores
from simharness.errors import UsageError
from simharness.outcomes.cell import replication_seed
from simharness.records import ConversationBatch
from simharness.streaming import stream
from simharness.world.generate import World
from simharness.world.model import WorldModel

NAN = float("nan")
ROWS: list[tuple[int, int, float | None]] = [
    (70, 2, 0.25), (5, 1, 0.5), (70, 1, -1.0), (5, 2, None), (70, 3, 2.0), (2**52 - 1, 1, 1.0),
]  # fmt: skip
Write = Callable[[Path, list[tuple[Any, ...]], tuple[str, ...]], Path]
NUMBERED = ("conversation", "message", "score")


def jsonl(path: Path, rows: list[tuple[Any, ...]], names: tuple[str, ...] = NUMBERED) -> Path:
    text = "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)
    path = path.with_suffix(".jsonl")
    path.write_text(text)
    return path


def packed(path: Path, rows: list[tuple[Any, ...]], names: tuple[str, ...] = NUMBERED) -> Path:
    plain = jsonl(path, rows, names)
    path = path.with_suffix(".jsonl.gz")
    path.write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    return path


def csv(path: Path, rows: list[tuple[Any, ...]], names: tuple[str, ...] = NUMBERED) -> Path:
    cells = [names, *(["" if value is None else value for value in row] for row in rows)]
    path = path.with_suffix(".csv")
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in cells))
    return path


def parquet(path: Path, rows: list[tuple[Any, ...]], names: tuple[str, ...] = NUMBERED) -> Path:
    path = path.with_suffix(".parquet")
    pq.write_table(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), path, row_group_size=2)
    return path


KINDS = pytest.mark.parametrize("write", [jsonl, packed, csv, parquet])


def batch_of(lengths: Mapping[int, int], first: list[int] | None = None, texts: tuple[str, ...] = ("a", "b")) -> Any:
    """A batch of conversations given by key and number of messages."""
    n, length = len(lengths), np.array(list(lengths.values()), np.int64)
    end = np.cumsum(length)
    return ConversationBatch(
        texts,
        np.zeros(end[-1] if n else 0, np.uint16),
        np.arange(float(end[-1] if n else 0)),
        end - length,
        end,
        np.zeros(n, np.uint8),
        np.zeros(n, np.bool_),
        np.zeros(n, np.float32),
        np.array(list(lengths), np.uint64),
        np.empty(0, np.int32) if first is None else np.array(first, np.int32),
    )


def told(detector: Any, batch: ConversationBatch) -> list[float | None]:
    found = detector.risk(batch)
    assert found.dtype == np.float32
    return [None if np.isnan(value) else value for value in found.tolist()]


# -- what is looked up --


@KINDS
def test_scores_are_found_by_conversation_and_number(tmp_path: Path, write: Write) -> None:
    detector: Any = scores(str(write(tmp_path / "verdicts", ROWS, NUMBERED)))
    assert told(detector, batch_of({5: 2, 70: 3, 2**52 - 1: 1})) == [0.5, None, -1.0, 0.25, 2.0, 1.0]
    assert told(detector, batch_of({70: 1, 5: 1})) == [-1.0, 0.5]
    assert told(detector, batch_of({70: 2, 5: 1}, first=[2, 2])) == [0.25, 2.0, None]
    assert told(detector, batch_of({})) == []
    assert detector.abstains and detector.aggregated


@KINDS
def test_scores_by_text(tmp_path: Path, write: Write) -> None:
    rows = [("a b", 0.5), ("c", None), ("a b", 0.5), ("", 0.125)]
    path = write(tmp_path / "texts", rows if write is not csv else rows[:3], ("text", "score"))
    detector = scores(str(path), per="text")
    assert isinstance(detector, MessageDetector) and not isinstance(detector, ConversationDetector)
    found = detector.score(("c", "a b", "a b"))
    assert found.dtype == np.float32 and np.array_equal(found, [NAN, 0.5, 0.5], equal_nan=True)
    assert np.array_equal(detector.score([""]), [NAN if write is csv else 0.125], equal_nan=True)
    with pytest.raises(DetectorFailed, match="1 of 2 texts") as failed:
        detector.score(["c", "secret"])
    assert failed.value.kind == "missing" and "secret" not in str(failed.value)
    lenient: Any = scores(str(path), per="text", missing="abstain")
    assert np.array_equal(lenient.score(["c", "x", "a b"]), [NAN, NAN, 0.5], equal_nan=True)


def test_texts_in_csv_may_hold_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_files, "_BLOCK", 64)  # so that blocks end inside texts
    rows = "".join(f'{number},"one, ""two""\n\nthree {number}"\n' for number in range(50))
    (tmp_path / "t.csv").write_text(f"score,text\n{rows}2,nan\n3, x \n4,\n")
    detector: Any = scores(str(tmp_path / "t.csv"), per="text")
    assert detector.score(['one, "two"\n\nthree 49', "nan", " x ", ""]).tolist() == [49, 2, 3, 4]


def test_running_risk_is_not_aggregated_again(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "risk", ROWS)
    detector: Any = scores(str(path), per="conversation")
    assert isinstance(detector, ConversationDetector) and not isinstance(detector, MessageDetector)
    assert not detector.aggregated and detector.abstains
    assert told(detector, batch_of({70: 3})) == [-1.0, 0.25, 2.0]


def test_what_is_missing_is_told_or_abstains(tmp_path: Path) -> None:
    path = str(jsonl(tmp_path / "verdicts", ROWS))
    batch = batch_of({5: 2, 6: 1, 70: 5, 80: 1, 90: 1, 91: 2})
    with pytest.raises(DetectorFailed) as failed:
        scores(path).risk(batch)  # type: ignore[union-attr]
    assert failed.value.kind == "missing"
    assert "7 of 12 messages asked for, in 5 of 6 conversations (keys 6, 70, 80, ...)" in failed.value.problem
    lenient = scores(path, missing="abstain")
    assert told(lenient, batch) == [0.5, None, None, -1.0, 0.25, 2.0, *[None] * 6]
    with pytest.raises(DetectorFailed, match="1 of 1 messages asked for, in 1 of 1 conversations"):
        scores(path).risk(batch_of({5: 1}, first=[3]))  # type: ignore[union-attr]


def test_a_gap_inside_a_conversation_is_missing_too(tmp_path: Path) -> None:
    path = str(jsonl(tmp_path / "verdicts", [(5, 1, 1.0), (5, 3, 3.0)]))
    with pytest.raises(DetectorFailed, match="1 of 3 messages"):
        scores(path).risk(batch_of({5: 3}))  # type: ignore[union-attr]


def test_conversations_without_keys_cannot_be_looked_up(tmp_path: Path) -> None:
    path = str(jsonl(tmp_path / "verdicts", ROWS))
    with pytest.raises(DetectorFailed, match="2 conversations have no keys"):
        scores(path).risk(replace(batch_of({5: 1, 70: 1}), key=np.empty(0, np.uint64)))  # type: ignore[union-attr]


def test_hidden_texts_count_as_not_scored(tmp_path: Path) -> None:
    detector: Any = scores(str(jsonl(tmp_path / "verdicts", ROWS)))
    batch = replace(batch_of({70: 2, 8: 2}), platform=np.array([0, 1], np.uint8))
    assert told(detector, hide(batch, np.array([False, True]))) == [-1.0, 0.25, None, None]
    assert told(detector, hide(batch, np.array([True, True]))) == [None] * 4


# -- where files are --


def test_several_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    one, two, three = ROWS[:2], ROWS[2:4], ROWS[4:]
    jsonl(tmp_path / "day" / "b", one), csv(tmp_path / "day" / "a", two), parquet(tmp_path / "last", three)
    (tmp_path / "day" / "notes.txt").write_text("not read")
    for given in (["day", "last.parquet"], [str(tmp_path / "day"), "day/a.csv", "last.parquet"]):
        detector: Any = scores(given)
        detector.folder = tmp_path
        assert told(detector, batch_of({5: 2, 70: 3})) == [0.5, None, -1.0, 0.25, 2.0]
    assert [path.name for path in detector.sources] == ["a.csv", "b.jsonl", "a.csv", "last.parquet"]


def test_files_are_read_once_when_first_asked(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "verdicts", ROWS)
    detector: Any = scores(str(path))
    unread = pickle.loads(pickle.dumps(detector))
    detector.open()
    path.unlink()
    assert told(detector, batch_of({5: 1})) == [0.5]
    assert told(pickle.loads(pickle.dumps(detector)), batch_of({5: 1})) == [0.5]
    with pytest.raises(UsageError, match="no such file of scores"):
        unread.risk(batch_of({5: 1}))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("none.jsonl", "none.jsonl: no such file of scores"),
        ("readme.txt", "readme.txt: not a kind of file that can be read; allowed: .jsonl, .jsonl.gz, .csv, "),
        ("empty", "empty: the folder has no file of scores; allowed: files ending in .jsonl, "),
        ([], "file: no file of scores is named"),
    ],
)
@pytest.mark.parametrize("per", ["message", "text"])
def test_files_that_are_not_there(tmp_path: Path, given: str | list[str], problem: str, per: Any) -> None:
    (tmp_path / "readme.txt").write_text("")
    (tmp_path / "empty").mkdir()
    detector: Any = scores(given, per=per)
    detector.folder = tmp_path
    with pytest.raises(UsageError) as raised:
        detector.open()
    assert problem in str(raised.value)


def test_unknown_options() -> None:
    with pytest.raises(ValueError, match="per: expected one of message, conversation, text, got 'event'"):
        scores("f.csv", per="event")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="missing: expected one of fail, abstain, got 'skip'"):
        scores("f.csv", missing="skip")  # type: ignore[arg-type]


# -- what is wrong in a file, with its line --

GOOD = '{"conversation": 5, "message": 1, "score": 0.5}\n'


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"conversation": 5, "message": 2, "score": "0.5"}', "score: expected a finite number, or null"),
        ('{"conversation": 5, "message": 2, "score": true}', "score: expected a finite number, or null"),
        ('{"conversation": 5, "message": 2, "score": NaN}', "score: expected a finite number, or null"),
        ('{"conversation": 5, "message": 2, "score": -Infinity}', "score: expected a finite number, or null"),
        ('{"conversation": 5, "message": 2, "score": 1e39}', "got 1e+39"),
        ('{"conversation": 5, "message": 2, "score": [1]}', "score: expected a finite number, or null"),
        ('{"conversation": 5, "message": 0, "score": 1}', "message: expected a whole number from 1 to 16777216, got 0"),
        (f'{{"conversation": 5, "message": {LAST_MESSAGE + 1}, "score": 1}}', "message: expected a whole number"),
        ('{"conversation": 5, "message": 1.5, "score": 1}', "message: expected a whole number"),
        ('{"conversation": 5, "message": null, "score": 1}', "message: expected a whole number"),
        (
            '{"conversation": -5, "message": 2, "score": 1}',
            "conversation: expected a whole number of 0 or more, got -5",
        ),
        ('{"conversation": "secret", "message": 2, "score": 1}', "conversation: expected a whole number"),
        ('{"conversation": 5, "message": 2, "scores": 1}', "unknown column 'scores'"),
        ('{"conversation": 5, "message": 2, "score": 1, "risk": 1}', "unknown column 'risk'"),
        ('{"conversation": 5, "message": 2, "score"', "not a JSON object"),
        ("[5, 2, 1]", "not a JSON object"),
        ('{"conversation": 5, "message": 1, "score": 0.25}', "message 1 of conversation 5 has another score elsewhere"),
        ('{"conversation": 5, "message": 1, "score": null}', "message 1 of conversation 5 has another score elsewhere"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_bad_line_of_json_is_named(tmp_path: Path, line: str, problem: str, zipped: bool) -> None:
    text = GOOD + "\n" + line + "\n" + '{"conversation": 6, "message": 1, "score": 1}\n'
    path = tmp_path / ("f.jsonl.gz" if zipped else "f.jsonl")
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    error = _fails(path)
    # Which of two lines that disagree is named does not matter.
    assert error.where in ([f"{path}:3", f"{path}:1"] if "elsewhere" in problem else [f"{path}:3"])
    assert problem in str(error) and "secret" not in str(error)


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("conversation,message,score\n5,1,1\n5,2,x\n", ":3", "score: expected a finite number, or null"),
        ("conversation,message,score\n5,1,1\n\n5,2,nan\n", ":4", "score: expected a finite number, or null"),
        ("conversation,message,score\n5,1,1\n5,2,inf\n", ":3", "score: expected a finite number"),
        ("conversation,message,score\n5,,1\n", ":2", "message: expected a whole number from 1"),
        ("conversation,message,score\n5,1,1,7\n", ":2", "unknown column '(more)'"),
        ("conversation,message,risk\n5,1,1\n", ":1", "unknown column 'risk'"),
        ("conversation,score\n5,1\n", ":1", "no column message"),
        ("score,conversation,message\n1,5,1\n2,5,1\n", ":", "has another score elsewhere"),
        ("conversation,message,score\n", "", "the file has no scores; allowed: rows of conversation, message, score"),
        ("", "", "the file has no scores"),
    ],
)
def test_a_bad_line_of_csv_is_named(tmp_path: Path, text: str, where: str, problem: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text)
    error = _fails(path)
    assert error.where == f"{path}{where}" or (where == ":" and error.where in (f"{path}:2", f"{path}:3"))
    assert problem in str(error)


TOO_LARGE, NONE = pa.array([2**64 - 1], pa.uint64()), pa.array([], pa.int64())


@pytest.mark.parametrize(
    ("columns", "where", "problem"),
    [
        ({"conversation": [5, 6], "message": [1, 1], "score": [1.0, NAN]}, ": row 2", "score: expected a finite"),
        ({"conversation": [5, 5], "message": [1, 1], "score": [1.0, 2.0]}, ": row 1", "has another score elsewhere"),
        ({"conversation": ["5"], "message": [1], "score": [1.0]}, "", "column conversation has type string"),
        ({"conversation": [5], "message": [1.0], "score": [1.0]}, "", "column message has type double"),
        ({"conversation": TOO_LARGE, "message": [1], "score": [1.0]}, "", "cannot be read as Parquet"),
        ({"conversation": [5], "message": [1], "verdict": [1.0]}, "", "unknown column 'verdict'"),
        ({"conversation": [5], "message": [1]}, "", "no column score"),
        ({"conversation": NONE, "message": NONE, "score": NONE}, "", "the file has no scores"),
    ],
)  # fmt: skip
def test_a_bad_row_of_parquet_is_named(tmp_path: Path, columns: Any, where: str, problem: str) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table(columns), path)
    error = _fails(path)
    assert error.where == f"{path}{where}" and problem in str(error)


def test_texts_that_disagree_are_named_without_the_text(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "t", [("a", 1.0), ("secret", 2.0), ("secret", 3.0)], ("text", "score"))
    detector: Any = scores(str(path), per="text")
    with pytest.raises(UsageError) as raised:
        detector.open()
    assert raised.value.where == f"{path}:3" and "secret" not in str(raised.value)


@pytest.mark.parametrize("name", ["f.jsonl", "f.jsonl.gz", "f.csv", "f.csv.gz", "f.parquet"])
def test_damaged_files_are_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for content in (b"", b"\xff\x00\xfe" * 50, gzip.compress(GOOD.encode() * 999)[:-20]):
        path.write_bytes(content)
        assert str(path) in _fails(path).where


def test_a_bad_line_far_down_is_named(tmp_path: Path) -> None:
    """Beyond the first block that is read."""
    rows = [(number, 1, 0.5) for number in range(150_000)]
    path = jsonl(tmp_path / "f", [*rows, (1, 2, 1e300)])
    assert _fails(path).where == f"{path}:150001"


def _fails(path: Path) -> UsageError:
    detector: Any = scores(str(path))
    with pytest.raises(UsageError) as raised:
        detector.open()
    return raised.value


# -- there and back --


@pytest.fixture(scope="module")
def streamed(make_model: Callable[..., WorldModel]) -> WorldModel:
    return make_model(
        "training={grooming: 60, benign: 150, calibration: 2400}",
        "sampling.benign_fraction=0.0001",
        "replications=1",
        "response.reactions.substitution.links=3",
        "world.offenders.count.value=1000",
    )


@pytest.fixture(scope="module")
def keyword(streamed: WorldModel, detectors: dict[str, Any]) -> Scorer:
    settings = streamed.scenario.model_copy(update={"detectors": {"keyword": streamed.scenario.detectors["keyword"]}})
    return prepare(replace(streamed, scenario=settings), {"keyword": detectors["keyword"]})["keyword"]


@pytest.fixture(scope="module")
def verdicts(streamed: WorldModel, keyword: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a pipeline with the same lexicon would say to every line it is sent."""
    path = tmp_path_factory.mktemp("verdicts") / "verdicts.jsonl"
    known: dict[str, float] = {}
    with path.open("w") as file:
        for _, _, lines in stream(streamed, ["calibration", "replication-0"]):
            for line in map(json.loads, lines):
                text = line["text"]
                if text not in known:
                    known[text] = float(keyword.detector.score([text])[0])  # type: ignore[union-attr]
                file.write(
                    f'{{"conversation":{line["conversation"]},"message":{line["message"]},"score":{known[text]}}}\n'
                )
    return path


def views(model: WorldModel) -> Iterator[ConversationBatch]:
    """All a run asks for: calibration, grooming, harmless, substitutes, and tails of grooming conversations."""
    world = calibration_world(model)
    worlds = [(world, benign_sample(world, model.scenario.training.calibration))]
    world = World(model, replication_seed(model.scenario, 0))
    planned = world.grooming_contacts()
    worlds += [(world, planned), *((world, block) for block in world.benign_contacts())]
    worlds += [(world, world.substitute_contacts(planned, link)) for link in range(1, 1 + _links(model))]
    for each, contacts in worlds:
        for batch in each.batches(contacts):
            yield batch.view
    truth = next(world.batches(planned)).truth
    for row in range(len(planned)):
        whole = world.messages_of(planned, truth, row)
        for after in whole.time_s[[0, whole.symbol.size // 2]]:
            yield world.messages_of(planned, truth, row, after)


def _links(model: WorldModel) -> int:
    substitution = model.scenario.response.reactions.substitution
    assert substitution is not None
    return substitution.links


def test_what_is_streamed_and_scored_comes_back_the_same(streamed: WorldModel, keyword: Scorer, verdicts: Path) -> None:
    detector: Any = scores(str(verdicts))
    tails = hits = messages = 0
    for view in views(streamed):
        found, expected = detector.risk(view), keyword.scores(view)
        assert np.array_equal(found, expected)
        tails += view.first.size > 0 and view.first[0] > 1
        hits += int(expected.sum())
        messages += expected.size
    assert tails > 20 and hits > 1000 and messages > 100_000
