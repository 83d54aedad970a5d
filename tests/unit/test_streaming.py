from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simharness.commands import stream as command
from simharness.detection.training import benign_sample, calibration_world, training_set
from simharness.errors import UsageError
from simharness.outcomes.cell import replication_seed
from simharness.pacing import LATE_S, TELL_EVERY_S, Pace, deliver, parse_speed
from simharness.scenario.load import Loaded
from simharness.streaming import SCHEMA, part_names, parts, stream
from simharness.world.contacts import conversation_keys
from simharness.world.generate import World
from simharness.world.model import WorldModel

ROOT = Path(__file__).parents[2]
FLAGSHIP = ROOT / "scenarios" / "england_wales_2017.yaml"
CHANGES = (
    "training={grooming: 60, benign: 150, calibration: 2400}",
    "sampling.benign_fraction=0.0001",
    "replications=2",
    "response.reactions.substitution.links=3",
    "world.offenders.count.value=1000",
)
FIELDS = ["schema", "synthetic", "part", "event", "at", "time_s", "message", "conversation", "platform", "account"]
FIELDS += ["recipient", "declared_adult", "from", "text"]


@pytest.fixture(scope="module")
def small(make_model: Callable[..., WorldModel]) -> WorldModel:
    return make_model(*CHANGES)


@pytest.fixture(scope="module")
def events(small: WorldModel) -> dict[str, list[dict[str, Any]]]:
    """Every line of every part, by part, in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for part, _, lines in stream(small, ["training", *part_names(small.scenario, ["all"])], size=5000):
        assert len(lines) <= 5000 and all(line.endswith("\n") and line.count("\n") == 1 for line in lines)
        found.setdefault(part, []).extend(map(json.loads, lines))
    return found


def seen(world: World, *blocks: Any) -> set[tuple[int, int, str, str]]:
    """(key, number, sender, text) of every message of contacts."""
    found = set()
    for block in blocks:
        for batch in world.batches(block):
            view = batch.view
            for row, key in enumerate(view.key.tolist()):
                for message in range(view.begin[row], view.end[row]):
                    who = ("initiator", "recipient")[view.symbol[message] & 1]
                    found.add((key, int(message - view.begin[row] + 1), who, view.text(message)))
    return found


def given(lines: list[dict[str, Any]]) -> set[tuple[int, int, str, str]]:
    found = {(line["conversation"], line["message"], line["from"], line["text"]) for line in lines}
    assert len(found) == len(lines)
    return found


# -- what the parts hold --


def test_parts_come_in_the_order_asked_for(events: dict[str, list[dict[str, Any]]]) -> None:
    replications = [name + end for name in ("replication-0", "replication-1") for end in ("", "-substitutes")]
    assert list(events) == ["training", "calibration", *replications]
    numbers = [line["event"] for lines in events.values() for line in lines]
    assert numbers == list(range(1, len(numbers) + 1))


def test_calibration_is_what_levels_are_set_on(small: WorldModel, events: dict[str, list[dict[str, Any]]]) -> None:
    world = calibration_world(small)
    assert given(events["calibration"]) == seen(world, benign_sample(world, small.scenario.training.calibration))


def test_a_replication_is_what_its_cell_reads(small: WorldModel, events: dict[str, list[dict[str, Any]]]) -> None:
    world = World(small, replication_seed(small.scenario, 1))
    planned = world.grooming_contacts()
    assert len(planned) > 20
    assert given(events["replication-1"]) == seen(world, planned, *world.benign_contacts())
    substitution = small.scenario.response.reactions.substitution
    assert substitution is not None
    links = [world.substitute_contacts(planned, link) for link in range(1, substitution.links + 1)]
    assert given(events["replication-1-substitutes"]) == seen(world, *links)


def test_training_is_labelled_and_what_detectors_learn_from(
    small: WorldModel, events: dict[str, list[dict[str, Any]]]
) -> None:
    training = training_set(small)
    expected = dict(zip(training.batch.key.tolist(), training.grooming.tolist(), strict=True))
    lines = events["training"]
    assert len(lines) == training.batch.symbol.size
    assert {line["conversation"]: line["label"] for line in lines} == expected
    assert {line["text"] for line in lines} <= set(training.texts)


def test_calibration_has_grooming_where_a_queue_weighs_time(
    small: WorldModel, events: dict[str, list[dict[str, Any]]], make_model: Any
) -> None:
    queue = "arms.voluntary_code.queues.moderators.priority=value_of_time"
    part = next(parts(make_model(*CHANGES, queue), ["calibration"]))
    harmless, grooming = (conversation_keys(part.world.seed, block.conversation) for block in part.contacts)
    assert {line["conversation"] for line in events["calibration"]} <= set(harmless.tolist())
    assert grooming.size == small.scenario.training.grooming
    assert part.grooming is None  # not labelled


def test_a_scenario_without_substitution_has_no_such_part(make_model: Any) -> None:
    model = make_model(*CHANGES, "response.reactions.substitution=null")
    assert {lines.part for lines in stream(model, ["replication-0"])} == {"replication-0"}


# -- what a line says --


def test_the_fields_of_a_line(small: WorldModel, events: dict[str, list[dict[str, Any]]]) -> None:
    for part, lines in events.items():
        for line in lines[:: max(1, len(lines) // 500)]:
            assert set(line) == {*FIELDS} | ({"label"} if part == "training" else set())
            assert (line["schema"], line["synthetic"], line["part"]) == (SCHEMA, True, part)
            assert line["platform"] in small.platforms and line["from"] in ("initiator", "recipient")
            assert isinstance(line["declared_adult"], bool)
            assert all(0 <= line[name] < 2**52 for name in ("conversation", "account", "recipient"))


def test_every_field_is_documented() -> None:
    text = (ROOT / "docs" / "stream.md").read_text("utf-8").split("\n## ")[2]
    documented = re.findall(r"^\| `(\w+)` \|", text, re.M)
    assert documented == [*FIELDS[:12], "label", *FIELDS[12:]]
    assert f"`{SCHEMA}`" in text


def test_the_time_of_day_is_the_period_s(small: WorldModel, events: dict[str, list[dict[str, Any]]]) -> None:
    start = dt.datetime.combine(small.scenario.period.start, dt.time(), dt.UTC)
    for line in events["replication-0"][::37]:
        at = dt.datetime.fromisoformat(line["at"])
        assert at - start == dt.timedelta(seconds=line["time_s"])
        assert line["at"].endswith("Z") and line["time_s"] == round(line["time_s"], 3)


def test_lines_tell_of_the_past_only(events: dict[str, list[dict[str, Any]]]) -> None:
    """In order of time, each conversation from its first message on, and nothing that changes with what is to come."""
    for lines in events.values():
        times = [line["time_s"] for line in lines]
        assert times == sorted(times)
        number: dict[int, int] = {}
        fixed: dict[int, tuple[Any, ...]] = {}
        for line in lines:
            key = line["conversation"]
            number[key] = number.get(key, 0) + 1
            assert line["message"] == number[key]
            same = tuple(line[name] for name in ("account", "recipient", "platform", "declared_adult"))
            assert fixed.setdefault(key, same) == same


def test_a_shorter_period_begins_with_the_same_lines(small: WorldModel, make_model: Any) -> None:
    """Accounts aside: how many there are goes by the length of the period."""
    shorter = make_model(*CHANGES, "period.end=2017-05-31")
    one, other = (
        [
            json.loads(line)
            for part, _, lines in stream(model, ["replication-0"])
            for line in lines
            if part == "replication-0"
        ]
        for model in (small, shorter)
    )
    assert 500 < len(other) < len(one)
    for a, b in zip(one, other, strict=False):
        a.pop("account"), b.pop("account")
        assert a == b


def test_no_line_holds_the_truth(small: WorldModel, events: dict[str, list[dict[str, Any]]]) -> None:
    """Nobody can tell grooming from harmless by an account's or a conversation's key, nor by one being alone."""
    world = World(small, replication_seed(small.scenario, 0))
    planned = set(conversation_keys(world.seed, world.grooming_contacts().conversation).tolist())
    lines = events["replication-0"]
    first = [line for line in lines if line["message"] == 1]
    sides = [[line for line in first if (line["conversation"] in planned) == side] for side in (True, False)]
    assert min(map(len, sides)) > 20
    for name in ("conversation", "account", "recipient"):
        grooming, harmless = (np.array(sorted({line[name] for line in side})) for side in sides)
        above = np.mean(grooming[:, None] > harmless)
        assert abs(above - 0.5) < 4 * np.sqrt((1 / grooming.size + 1 / harmless.size) / 12)
    several = [
        {line["account"] for line in side if sum(each["account"] == line["account"] for each in side) > 1}
        for side in sides
    ]
    assert all(several)
    ids = {str(number) for number in world.grooming_contacts().conversation.tolist()}
    assert not any(value in ids for line in lines for value in map(str, line.values()))


def test_the_osprey_envelope(small: WorldModel, events: dict[str, list[dict[str, Any]]]) -> None:
    """An action as ROOST Osprey's worker takes it from a topic: send_time, and data with id, name and data."""
    batches = stream(small, ["calibration"], "osprey", 2000)
    wrapped = [json.loads(line) for _, _, lines in islice(batches, 2) for line in lines]
    begin = events["calibration"][0]["event"]
    for line, plain in zip(wrapped, events["calibration"][:4000], strict=True):
        assert set(line) == {"send_time", "data"} and set(line["data"]) == {"action_id", "action_name", "data"}
        action = line["data"]
        assert action["data"] == plain | {"event": plain["event"] - begin + 1}
        assert action["action_id"] == action["data"]["event"]
        assert (line["send_time"], action["action_name"]) == (plain["at"], "message_sent")


def test_unknown_parts_are_refused(small: WorldModel) -> None:
    for name in ("replication-2", "replication-x", "test", "replication-0-substitutes"):
        with pytest.raises(
            UsageError, match=rf"--part {name}: no such part; allowed: .*replication-0 to replication-1"
        ):
            part_names(small.scenario, [name])
    assert part_names(small.scenario, ["replication-1", "all", "training"]) == [
        "replication-1", "calibration", "replication-0", "training",
    ]  # fmt: skip


def test_a_scale_above_one_has_a_part_for_every_nation(flagship: Loaded) -> None:
    scenario = flagship.scenario.model_copy(update={"scale": 3.0, "replications": 2})
    assert part_names(scenario, ["all"]) == ["calibration", *(f"replication-{n}" for n in range(6))]


# -- pacing --


class Clock:
    """A clock that only sleeping, and whoever writes, move on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept = 0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept += 1
        self.now += seconds


def timed(part: str, *times: float) -> tuple[str, Any, list[str]]:
    return part, np.array(times), [f"{part}{time:g}\n" for time in times]


def paced(clock: Clock, speed: float, told: list[str] | None = None) -> Pace:
    return Pace(speed, clock, clock.sleep, [].append if told is None else told.append)


def test_lines_are_written_when_they_are_due() -> None:
    clock, written = Clock(), []
    chunks = [timed("a", 600, 660, 660, 720), timed("a", 780, 6780), timed("b", 0, 60)]
    deliver(iter(chunks), lambda data: written.append((clock.now - 1000, data.decode())), paced(clock, 60))
    assert written == [
        (0, "a600\n"), (1, "a660\na660\n"), (2, "a720\n"), (3, "a780\n"), (103, "a6780\n"),
        (103, "b0\n"), (104, "b60\n"),
    ]  # fmt: skip


def test_delays_do_not_add_up() -> None:
    clock, written = Clock(), []

    def write(data: bytes) -> None:
        written.append(clock.now - 1000)
        clock.now += 0.3  # what writing takes

    deliver([timed("a", *range(0, 6000, 60))], write, pace := paced(clock, 60))
    assert written == pytest.approx(range(100)) and pace.latest_s == pytest.approx(0)


def test_a_slow_reader_is_told_once_in_a_while_and_loses_nothing() -> None:
    clock, written, told = Clock(), [], []

    def write(data: bytes) -> None:
        written.append(data)
        clock.now += 5.0

    pace = paced(clock, 60, told)
    deliver([timed("a", *range(0, 6000, 60))], write, pace)
    assert b"".join(written).count(b"\n") == 100 and len(written) == pytest.approx(20, abs=2)
    assert clock.slept == 0 or clock.now < 1110
    assert pace.latest_s > LATE_S and told[0] == "4.0 s behind: the reader takes less than 60x"
    assert len(told) == pytest.approx((clock.now - 1000) / TELL_EVERY_S, abs=1)


def test_full_speed_and_limit() -> None:
    written: list[bytes] = []
    chunks = [timed("a", 1, 2, 3), timed("a", 4, 5)]
    assert deliver(chunks, written.append) == 5 and b"".join(written) == b"a1\na2\na3\na4\na5\n"
    for limit, expected in ((3, b"a1\na2\na3\n"), (4, b"a1\na2\na3\na4\n"), (99, b"a1\na2\na3\na4\na5\n")):
        for pace in (None, paced(Clock(), 1)):
            written.clear()
            assert deliver(iter(chunks), written.append, pace, limit) == expected.count(b"\n")
            assert b"".join(written) == expected


def test_nothing_is_made_beyond_the_limit() -> None:
    def chunks() -> Iterator[tuple[str, Any, list[str]]]:
        yield timed("a", 1, 2)
        raise AssertionError("asked for more than the limit")

    assert deliver(chunks(), lambda data: None, limit=2) == 2


@pytest.mark.parametrize(("text", "speed"), [("60x", 60.0), ("0.5x", 0.5), (".5x", 0.5), (" 1x", 1.0)])
def test_speed(text: str, speed: float) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["60", "0x", "x", "-1x", "1e3x", "fast", "infx"])
def test_a_speed_without_its_unit_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--speed .*: no such speed; allowed: a number above 0 and x"):
        parse_speed(text)


# -- the command --

OPTIONS: dict[str, Any] = {
    "parts": ["calibration"],
    "speed": None,
    "envelope": "plain",
    "limit": 3000,
    "seed": None,
    "scale": "0.02",
    "assignments": CHANGES,
}
CODE = (
    "import sys; from pathlib import Path; from simharness.commands.stream import stream\n"
    "try: stream(Path(sys.argv[1]), None, **eval(sys.argv[2]))\n"
    "except BrokenPipeError: sys.exit(141)\n"
    "except KeyboardInterrupt: sys.exit(130)\n"
)


def started(**changes: Any) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", CODE, str(FLAGSHIP), repr(OPTIONS | changes)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


@pytest.mark.parametrize("name", ["events.jsonl", "deeper/events.jsonl.gz"])
def test_a_file_holds_the_lines(
    small: WorldModel, events: dict[str, list[dict[str, Any]]], tmp_path: Path, name: str, capsys: Any
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("before")
    command.stream(FLAGSHIP, path, **OPTIONS)
    content = path.read_bytes()
    text = gzip.decompress(content) if name.endswith(".gz") else content
    found = [json.loads(line) for line in text.decode().splitlines()]
    begin = events["calibration"][0]["event"]
    assert found == [line | {"event": line["event"] - begin + 1} for line in events["calibration"][:3000]]
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert capsys.readouterr().err.splitlines()[-1] == "stream: 3,000 events"
    again = path.with_name("again" + path.suffix)
    command.stream(FLAGSHIP, again, **OPTIONS)
    assert again.read_bytes() == content


@pytest.mark.parametrize("ending", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_file_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: BaseException
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("before\n")

    def stopped(lines: Any, write: Callable[[bytes], object], *rest: Any) -> int:
        write(b"half a li")
        raise ending

    monkeypatch.setattr(command, "deliver", stopped)
    with pytest.raises(KeyboardInterrupt if isinstance(ending, KeyboardInterrupt) else UsageError):
        command.stream(FLAGSHIP, path, **OPTIONS)
    assert [each.name for each in tmp_path.iterdir()] == ["events.jsonl"] and path.read_text() == "before\n"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        command.stream(FLAGSHIP, tmp_path / "file" / "events.jsonl", **OPTIONS)


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    with started(limit=None) as process:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == b""
    assert json.loads(line)["event"] == 1


def test_ctrl_c_leaves_whole_lines() -> None:
    with started(limit=None) as process:
        assert process.stdout is not None
        begin = process.stdout.readline()
        time.sleep(0.2)  # until the pipe is full
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        rest = process.stdout.read()
        assert process.wait(60) == 130
    lines = (begin + rest).decode().splitlines(keepends=True)
    assert lines[-1].endswith("\n")
    assert [json.loads(line)["event"] for line in lines] == list(range(1, len(lines) + 1))
