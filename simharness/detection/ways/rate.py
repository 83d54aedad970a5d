"""A rate of requests kept by all processes of this machine together, through a locked file in the temporary folder."""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import tempfile
import time
from pathlib import Path

_TIME = struct.Struct("<d")


class RateLimit:
    """At most so many requests a second to one address, evenly spaced. ``per_second`` None: no limit."""

    def __init__(self, address: str, per_second: float | None) -> None:
        self.address = address
        self.per_second = per_second

    def wait(self) -> float:
        """Wait for the next request's turn; the seconds that took."""
        if self.per_second is None:
            return 0.0
        begun = time.monotonic()
        file = os.open(self._path(), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)  # held while waiting, so that turns are taken one after the other
            gap = 1.0 / self.per_second
            stored = os.pread(file, _TIME.size, 0)
            last = _TIME.unpack(stored)[0] if len(stored) == _TIME.size else -gap
            now = time.monotonic()
            # A time to come was written before the machine was started again, or is no time at all.
            time.sleep(min(max(0.0, last + gap - now), gap) if last <= now else 0.0)
            os.pwrite(file, _TIME.pack(time.monotonic()), 0)
        finally:
            os.close(file)
        return time.monotonic() - begun

    def _path(self) -> Path:
        name = hashlib.sha256(self.address.encode()).hexdigest()[:24]
        return Path(tempfile.gettempdir()) / f"simharness-rate-{os.getuid()}-{name}"
