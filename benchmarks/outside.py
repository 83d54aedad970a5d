"""The cheapest detector outside Python's own process that keeps to the protocol: what the paths themselves cost.

``python outside.py`` speaks JSON lines; ``python outside.py http`` serves POSTs on a free port, which it prints.
``Lengths`` and ``Places`` are Python objects as a team might hand them in.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def answer(asked: dict[str, Any]) -> str:
    """A score for every text: its length."""
    scores: list[Any]
    if "conversations" in asked:
        scores = [[len(message["text"]) for message in each["messages"]] for each in asked["conversations"]]
    else:
        scores = [len(text) for text in asked["texts"]]
    return json.dumps({"id": asked["id"], "scores": scores})


class Handler(BaseHTTPRequestHandler):
    """One POST, one answer, on a connection that is kept."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait for the first

    def do_POST(self) -> None:
        body = answer(json.loads(self.rfile.read(int(self.headers["Content-Length"])))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Lengths:
    """A score for every text: its length."""

    def score(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]


class Places:
    """Risk of whole conversations: which of the texts was sent, as cheap as an answer for every message can be."""

    def risk(self, batch: Any) -> Any:
        return batch.symbol >> 1


def main() -> None:
    """Serve until stdin ends, or until ended."""
    if sys.argv[1:] == ["http"]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
    for line in sys.stdin:
        print(answer(json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
