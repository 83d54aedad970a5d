"""A detector that is an HTTP service: one POST a request (wire.py), within one deadline for the whole answer.

Redirects are not followed and proxy variables are not read: texts go to the address given and nowhere else.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPException
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simharness.detection.faults import DetectorFailed, FaultKind
from simharness.detection.ways.external import External, external, whole_number
from simharness.detection.ways.rate import RateLimit
from simharness.detection.ways.wire import Request
from simharness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.connection import HTTPConnection
    from urllib3.response import BaseHTTPResponse
    from urllib3.util import Url

LONGEST_ANSWER = 64 * 2**20  # bytes
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0  # before the first repetition, and doubled up to
PASSING = (429, 503)  # the service refused before it did anything
_OK, _REDIRECTS, _BROKEN = 200, range(300, 400), 500
_CHUNK = 2**16
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWN_HEADERS = ("host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding")


def http(
    url: str,
    reads: str = "texts",
    batch: int | None = 256,
    train: bool = False,
    retries: int = 2,
    requests_per_second: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> External:
    """A detector behind an address that takes POST requests.

    ``reads``: texts, conversations or events; ``batch`` of them a request (null: 512 texts or events, 64
    conversations). ``retries``: how often a request is sent again after a refused connection, a status of 429 or 5xx,
    or an answer that was cut off. ``requests_per_second``: kept by all processes of this machine together.
    ``headers``: name -> environment variable that holds its value, so that no secret is written into a scenario.
    Raises UsageError for options out of range.
    """
    address = _address(url)
    if requests_per_second is not None and not (
        isinstance(requests_per_second, int | float) and 0 < requests_per_second < float("inf")
    ):
        raise UsageError("requests_per_second", f"got {requests_per_second!r}", allowed="a number above 0")
    limit = RateLimit(url, requests_per_second)
    link = Service(address, _checked_headers(headers or {}), whole_number("retries", retries, least=0), limit)
    return external(link, reads, batch, train)


class Service:
    """The link to a service: one connection, kept while it holds."""

    remembers = True  # as far as can be known from here: it was started by somebody else
    sources: tuple[Path, ...] = ()

    def __init__(self, address: Url, headers: Mapping[str, str], retries: int, limit: RateLimit) -> None:
        self.address = address
        self.headers = dict(headers)
        self.retries = retries
        self.limit = limit
        self._connection: HTTPConnection | None = None

    @property
    def shown(self) -> str:
        """The address as errors show it: without a query, which may hold a key."""
        return f"{self.address.scheme}://{self.address.netloc}{self.address.path or '/'}"

    def settle(self, folder: Path) -> None:
        """Nothing to find: an address is not relative to a folder."""

    def close(self) -> None:
        """Close the connection; the next request makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def ask(self, request: Request, timeout: float, repeatable: bool) -> bytes:
        """The body of the answer within ``timeout`` seconds, without the time spent keeping to the rate.

        Raises DetectorFailed (unreachable, http_status, cut_off, hang, garbage).
        """
        deadline = time.monotonic() + timeout
        pause = FIRST_PAUSE_S
        for attempt in count(1):
            deadline += self.limit.wait()
            trip = _Trip(self, request, deadline, timeout)
            try:
                return trip.answer()
            except DetectorFailed as fault:
                self.close()
                wait = pause if trip.retry_after is None else trip.retry_after
                late = time.monotonic() + wait >= deadline
                if attempt > self.retries or late or not (trip.harmless or (trip.passing and repeatable)):
                    times = f" (attempt {attempt})" if attempt > 1 else ""
                    asked = f"; it asks to wait {wait:g} s" if trip.retry_after is not None else ""
                    raise DetectorFailed(fault.kind, f"{fault.problem}{asked}{times}") from None
            except BaseException:  # also Ctrl-C: an answer on its way would be taken for the next one
                self.close()
                raise
            time.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        raise AssertionError("count() does not end")

    def connection(self, timeout: float) -> HTTPConnection:
        """The connection if it still holds, or one to be made."""
        if self._connection is None or not self._connection.is_connected:
            from urllib3.connection import HTTPConnection, HTTPSConnection

            self.close()
            kind = HTTPSConnection if self.address.scheme == "https" else HTTPConnection
            assert self.address.hostname is not None
            self._connection = kind(self.address.hostname, self.address.port, timeout=timeout)
        return self._connection

    def sent_headers(self) -> dict[str, str]:
        """Headers with the values that the environment holds now."""
        values = {name: os.environ.get(variable, "") for name, variable in self.headers.items()}
        return {"Content-Type": "application/json", "Accept": "application/json", **values}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_connection": None}


class _Trip:
    """One request sent once. After a failure: whether sending it again can help, and can do no harm."""

    def __init__(self, service: Service, request: Request, deadline: float, timeout: float) -> None:
        self.service, self.request, self.deadline, self.timeout = service, request, deadline, timeout
        self.harmless = False  # the service did nothing with it
        self.passing = False  # the next attempt may go better
        self.retry_after: float | None = None
        self._late = False

    def answer(self) -> bytes:
        """The body of the answer. Raises DetectorFailed."""
        connection = self._connect()
        try:
            with self._watch(connection.sock):
                target = self.service.address.request_uri
                headers = self.service.sent_headers()
                connection.request("POST", target, body=self.request.body, headers=headers, preload_content=False)
                response = connection.getresponse()
                self._status(response)
                return self._body(response)
        except self._failures() as error:
            broken = isinstance(error, HTTPException) and not isinstance(error, ConnectionError)
            if self._over():
                raise self._hang() from None
            if broken:
                raise self._fault("garbage", "what came is not HTTP; expected an answer with status 200") from None
            self.passing = True
            raise self._fault("cut_off", "the connection ended before the answer did; expected all of it") from None

    def _connect(self) -> HTTPConnection:
        if self._over():
            raise self._hang()
        left = self.deadline - time.monotonic()
        connection = self.service.connection(left)
        try:
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(left)
        except self._failures() as error:
            if self._over():
                raise self._hang() from None
            self.passing = self.harmless = True
            raise self._fault("unreachable", f"cannot connect ({type(error).__name__}); is it running?") from None
        return connection

    def _status(self, response: BaseHTTPResponse) -> None:
        status = response.status
        if status == _OK:
            return
        self.harmless = status in PASSING
        self.passing = self.harmless or status >= _BROKEN
        if self.harmless:
            self.retry_after = _retry_after(response)
        moved = "; redirects are not followed, give the address itself" if status in _REDIRECTS else ""
        raise self._fault("http_status", f"answered with status {status}; expected 200{moved}")

    def _body(self, response: BaseHTTPResponse) -> bytes:
        body = bytearray()
        for part in response.stream(_CHUNK, decode_content=False):
            body += part
            if len(body) > LONGEST_ANSWER:
                raise self._fault("garbage", f"the answer is longer than {LONGEST_ANSWER} bytes")
        if self._over():  # what the watch cut short can look whole where no length was stated
            raise self._hang()
        return bytes(body)

    @contextmanager
    def _watch(self, sock: socket.socket) -> Iterator[None]:
        """Shut the connection at the deadline: a timeout of the socket starts anew with every byte that drips in."""

        def shut() -> None:
            self._late = True
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(0.0, self.deadline - time.monotonic()), shut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _over(self) -> bool:
        return self._late or time.monotonic() >= self.deadline

    def _hang(self) -> DetectorFailed:
        return self._fault("hang", f"no whole answer within {self.timeout:g} s")

    def _fault(self, kind: FaultKind, problem: str) -> DetectorFailed:
        return DetectorFailed(kind, f"{self.service.shown}: {self.request.what}: {problem}")

    @staticmethod
    def _failures() -> tuple[type[Exception], ...]:
        from urllib3.exceptions import HTTPError

        return OSError, HTTPException, HTTPError


def _retry_after(response: BaseHTTPResponse) -> float | None:
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    stated = response.headers.get("Retry-After")
    try:
        return None if stated is None else Retry().parse_retry_after(stated)
    except InvalidHeader:
        return None


def _address(url: object) -> Url:
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    allowed = "http or https, ://, a host, and as needed :port and /path"
    try:
        address = parse_url(url) if isinstance(url, str) else None
    except LocationParseError:
        address = None
    if address is None or address.scheme not in ("http", "https") or not address.host:
        raise UsageError("url", f"got {url!r}", allowed=allowed, hint="For example http://127.0.0.1:8080/score.")
    if address.auth:
        raise UsageError(
            "url", "holds a user or password", allowed=allowed, hint="Name an environment variable under headers."
        )
    return address._replace(fragment=None)


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    for name, variable in headers.items():
        where = f"headers.{name}"
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise UsageError(where, "is no header that can be set", allowed="a name of a header the request needs")
        value = os.environ.get(variable) if isinstance(variable, str) else None
        if value is None:
            hint = "Headers name the variable that holds their value; set it before the run."
            raise UsageError(where, "the environment variable it names is not set", hint=hint)
        if not value.isascii() or not value.isprintable():
            raise UsageError(where, f"the value of {variable} has characters that no header may have")
    return dict(headers)
