"""Detectors that are HTTP services: a real server on loopback for every way to go wrong."""

from __future__ import annotations

import json
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from detectors.keyword import Keyword
from simharness.detection.faults import DetectorFailed
from simharness.detection.protocol import Trainable, TrainingSet
from simharness.detection.ways import http as module
from simharness.detection.ways.http import http
from simharness.errors import UsageError
from simharness.records import ConversationBatch, EventBatch

TEXTS = ("velmo tarin", "", "sedda velmo \u00fc", "homework then dinner")
SCORES = np.array([0.5, np.nan, 0.75, 0.75], np.float32)


class Server(ThreadingHTTPServer):
    """``answer(request)`` gives a body; ``modes`` holds what goes wrong, one entry a request, then nothing."""

    daemon_threads = True

    def __init__(self, functions: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.functions = functions
        self.modes: list[str] = []
        self.seen: list[dict[str, Any]] = []
        self.headers: list[Any] = []
        self.times: list[float] = []
        self.connections: set[Any] = set()
        self.stopped = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/score?key=sedda"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client goes away in many tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        server = self.server
        server.times.append(time.monotonic())
        server.headers.append(self.headers)
        server.connections.add(self.client_address)
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.seen.append(asked)
        mode = server.modes.pop(0) if server.modes else ""
        body = (
            server.functions.get("odd", no_odds)(mode, asked) or json.dumps(server.functions["answer"](asked))
        ).encode()
        if mode in ("slow", "drip_head", "drip_body", "reset", "cut_off", "cut_chunk", "not_http"):
            self.close_connection = True
            self.raw(mode, body)
            return
        status, _, extra = mode.partition(" ")
        self.send_response(int(status) if status.isdecimal() else 200)
        if extra:
            self.send_header("Retry-After", extra)
        if status == "302":
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def raw(self, mode: str, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        if mode == "slow":
            self.server.stopped.wait(20)
        elif mode == "drip_head":
            self.drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 5000)
        elif mode == "drip_body":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            self.drip(b" " * 5000 + body)
        elif mode == "cut_off":
            self.wfile.write(head + body[: len(body) // 2])
        elif mode == "cut_chunk":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + body[:5])
        elif mode == "not_http":
            self.wfile.write(b"velmo tarin\r\n\r\n")

    def drip(self, content: bytes) -> None:
        for byte in content:
            if self.server.stopped.wait(0.02):
                return
            self.wfile.write(bytes([byte]))
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def no_odds(mode: str, asked: dict[str, Any]) -> None:
    return None


@pytest.fixture
def start() -> Iterator[Callable[[str], Server]]:
    """``start(source)``: a server whose answers come from ``answer`` (and ``odd``) of some source."""
    servers = []

    def started(source: str) -> Server:
        functions: dict[str, Any] = {}
        exec(source, functions)
        server = Server(functions)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return server

    yield started
    for server in servers:
        server.stopped.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(start: Callable[[str], Server], script: str) -> Server:
    return start(script)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)


def made(server: Server, **options: Any) -> Any:
    return http(server.url, **options)


def failed(detector: Any) -> DetectorFailed:
    with pytest.raises(DetectorFailed) as caught:
        detector.score(TEXTS)
    return caught.value


def test_texts_are_scored_in_batches_on_one_connection(server: Server) -> None:
    detector = made(server, batch=3)
    np.testing.assert_array_equal(detector.score(TEXTS * 2), np.tile(SCORES, 2))
    assert [len(asked["texts"]) for asked in server.seen] == [3, 3, 2]
    assert len(server.connections) == 1
    assert server.headers[0]["Content-Type"] == "application/json"


def test_conversations_and_events_go_the_same_way(
    server: Server, conversations: ConversationBatch, events: EventBatch
) -> None:
    expected = np.array([0.5, 1.0, 0.75, np.nan, 0.75, 0.5], np.float32)
    np.testing.assert_array_equal(made(server, reads="conversations").risk(conversations), expected)
    np.testing.assert_array_equal(made(server, reads="events").watch(events), expected[:3])


@pytest.mark.parametrize(
    ("mode", "kind", "says"),
    [
        ("error", "exception", "error of its own"),
        ("nan", "nan", "null to abstain"),
        ("infinite", "infinite", "null to abstain"),
        ("short", "wrong_length", "got 3 where expected 4"),
        ("not_json", "garbage", "cannot be read"),
        ("wrong_id", "garbage", "expected 1"),
        ("strings", "garbage", "score 4 is a string"),
        ("not_http", "garbage", "not HTTP"),
        ("302", "http_status", "redirects are not followed"),
        ("400", "http_status", "status 400"),
        ("500", "http_status", "status 500"),
        ("cut_off", "cut_off", "before the answer did"),
        ("cut_chunk", "cut_off", "before the answer did"),
        ("reset", "cut_off", "before the answer did"),
    ],
)
def test_every_fault_has_its_name_and_quotes_nothing(server: Server, mode: str, kind: str, says: str) -> None:
    server.modes = [mode]
    found = failed(made(server, retries=0))
    assert found.kind == kind
    assert says in str(found)
    assert f"127.0.0.1:{server.server_address[1]}/score" in str(found) or kind not in ("http_status", "cut_off")
    assert "request 1 (4 texts)" in str(found)
    assert not any(word in str(found) for text in TEXTS for word in text.split() if word != "then")


@pytest.mark.parametrize("mode", ["slow", "drip_head", "drip_body"])
def test_the_deadline_is_for_the_whole_answer(server: Server, mode: str) -> None:
    server.modes = [mode] * 3
    detector = made(server)
    detector.timeout = 0.4
    begun = time.monotonic()
    assert failed(detector).kind == "hang"
    assert time.monotonic() - begun < 10
    np.testing.assert_array_equal(http(server.url).score(()), [])  # type: ignore[attr-defined]
    server.modes = []
    np.testing.assert_array_equal(detector.score(TEXTS), SCORES)


def test_a_server_that_never_reads_is_left(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        detector: Any = http(f"http://127.0.0.1:{deaf.getsockname()[1]}/")
        detector.timeout = 0.4
        with pytest.raises(DetectorFailed) as caught:
            detector.score(("velmo " * 3_000_000,))
    assert caught.value.kind == "hang"


@pytest.mark.parametrize("modes", [["500", "503"], ["429 0", "cut_off"], ["reset", "429"]])
def test_what_may_pass_is_asked_again(server: Server, modes: list[str]) -> None:
    server.modes = list(modes)
    np.testing.assert_array_equal(made(server).score(TEXTS), SCORES)
    assert [asked["id"] for asked in server.seen] == [1, 1, 1]


def test_retries_end(server: Server) -> None:
    server.modes = ["500"] * 9
    assert "attempt 3" in str(failed(made(server)))
    assert len(server.seen) == 3


@pytest.mark.parametrize("mode", ["302", "400", "404", "not_json", "short", "nan", "error"])
def test_what_will_not_pass_is_asked_once(server: Server, mode: str) -> None:
    server.modes = [mode]
    failed(made(server))
    assert len(server.seen) == 1


@pytest.mark.parametrize(("mode", "times"), [("500", 1), ("cut_off", 1), ("429", 2), ("503", 2)])
def test_events_are_not_sent_twice_if_they_may_have_been_read(
    server: Server, events: EventBatch, mode: str, times: int
) -> None:
    server.modes = [mode]
    detector = made(server, reads="events")
    if times == 1:
        with pytest.raises(DetectorFailed):
            detector.watch(events)
    else:
        detector.watch(events)
    assert len(server.seen) == times


def test_retry_after_is_kept_within_the_deadline(server: Server) -> None:
    server.modes = ["429 1"]
    made(server).score(TEXTS)
    assert server.times[1] - server.times[0] >= 1.0
    server.modes = ["503 100"]
    begun = time.monotonic()
    found = failed(made(server))
    assert found.kind == "http_status" and "asks to wait 100 s" in str(found)
    assert time.monotonic() - begun < 20


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert failed(http(f"http://127.0.0.1:{port}/")).kind == "unreachable"


def test_a_server_that_comes_back_is_found(server: Server) -> None:
    detector = made(server, retries=0)
    detector.score(TEXTS)
    detector.link._connection.sock.shutdown(socket.SHUT_RDWR)  # as if the server had closed an idle connection
    np.testing.assert_array_equal(detector.score(TEXTS), SCORES)
    detector.close()
    np.testing.assert_array_equal(detector.score(TEXTS), SCORES)


def test_an_answer_without_end_is_garbage(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.modes = ["huge", "huge"]
    np.testing.assert_array_equal(made(server).score(TEXTS), np.ones(4, np.float32))
    monkeypatch.setattr(module, "LONGEST_ANSWER", 2_000_000)
    assert failed(made(server)).kind == "garbage"


def test_proxies_are_not_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    np.testing.assert_array_equal(made(server).score(TEXTS), SCORES)


def test_headers_come_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORER_KEY", "marolin")
    detector = made(server, headers={"X-Key": "SCORER_KEY"})
    assert b"marolin" not in pickle.dumps(detector)
    detector.score(TEXTS)
    assert server.headers[0]["X-Key"] == "marolin"


def test_a_copy_makes_a_connection_of_its_own_and_does_not_train_again(
    server: Server, training: TrainingSet, conversations: ConversationBatch
) -> None:
    detector = made(server, reads="conversations", train=True)
    assert isinstance(detector, Trainable)
    detector.fit(training)
    detector.risk(conversations)
    copy = pickle.loads(pickle.dumps(detector))
    copy.risk(conversations)
    assert [bool(asked["id"]) for asked in server.seen] == [False, False, True, True]
    assert len(server.connections) == 2
    detector.restart()
    detector.risk(conversations)
    assert [bool(asked["id"]) for asked in server.seen[4:]] == [False, False, True]


def test_a_copy_begins_a_stream_of_its_own(server: Server, events: EventBatch) -> None:
    detector = made(server, reads="events")
    detector.watch(events)
    pickle.loads(pickle.dumps(detector)).watch(events)
    detector.watch(events)
    streams = [asked["stream"] for asked in server.seen]
    assert streams[0] == streams[2] != streams[1]
    detector.restart()
    detector.watch(events)
    assert server.seen[3]["stream"] not in streams


def test_the_keyword_detector_scores_the_same_over_http(
    start: Callable[[str], Server], lexicon: str, training: TrainingSet
) -> None:
    detector = made(start(lexicon), train=True, batch=2)
    inside = Keyword(coverage=1.0).fit(training).score(training.texts)
    np.testing.assert_array_equal(detector.fit(training).score(training.texts), inside)
    assert set(inside.tolist()) == {0.0, 1.0}


def test_the_rate_holds_over_processes(server: Server) -> None:
    code = (
        "from simharness.detection.ways.http import http\n"
        f"detector = http({server.url!r}, requests_per_second=20.0)\n"
        "for _ in range(6): detector.score(['velmo'])\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    times = np.sort(server.times)
    assert times.size == 12
    assert times[-1] - times[0] >= 11 / 20 - 0.1


def test_waiting_for_the_rate_is_no_hang(server: Server) -> None:
    detector = made(server, requests_per_second=4.0, batch=1)
    detector.timeout = 0.2
    np.testing.assert_array_equal(detector.score(TEXTS), SCORES)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"url": "localhost:8080"}, "For example http"),
        ({"url": "ftp://example.org/"}, "http or https"),
        ({"url": "file:///etc/passwd"}, "http or https"),
        ({"url": "http://"}, "For example http"),
        ({"url": 8080}, "For example http"),
        ({"url": "http://user:velmo@example.org/"}, "environment variable"),
        ({"retries": -1}, "an integer >= 0"),
        ({"batch": 0}, "an integer >= 1"),
        ({"requests_per_second": 0}, "above 0"),
        ({"requests_per_second": "2"}, "above 0"),
        ({"reads": "event"}, "Did you mean 'events'?"),
        ({"headers": {"X-Key": "NO_SUCH_VARIABLE"}}, "not set"),
        ({"headers": {"Content-Length": "HOME"}}, "no header that can be set"),
        ({"headers": {"X Key": "HOME"}}, "no header that can be set"),
        ({"headers": {"X-Key": "TWO_LINES"}}, "characters"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWO_LINES", "a\r\nb")
    with pytest.raises(UsageError) as caught:
        http(**{"url": "http://example.org/", **options})
    assert says in str(caught.value)
    assert "velmo" not in str(caught.value)
