"""A loopback HTTP server that keeps what a client sends and refuses every request."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSAL = {
    "error": {"code": 400, "message": "refused", "status": "INVALID_ARGUMENT", "type": "refused"},
    "message": "refused",
    "type": "error",
}


class Loopback:
    """What arrived, in order, and where to send it.

    Attributes:
        url: Where the server listens, without a trailing slash.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._requests: list[tuple[str, bytes]] = []

    def keep(self, path: str, body: bytes) -> None:
        """Remember one request."""
        self._requests.append((path, body))

    def take(self) -> list[tuple[str, Any]]:
        """Return the requests since the last call as `(path, decoded body)` and forget them."""
        taken, self._requests = self._requests, []
        return [(path, json.loads(body)) for path, body in taken if body]


class _Refuse(BaseHTTPRequestHandler):
    loopback: Loopback
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self._read_body()
        self.loopback.keep(self.path, body)
        answer = json.dumps(REFUSAL).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer)
        self.close_connection = True

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep the test output quiet."""


@contextmanager
def refusing_server() -> Iterator[Loopback]:
    """Serve on a free loopback port until the block ends."""
    handler = type("Refuse", (_Refuse,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    loopback = Loopback(f"http://127.0.0.1:{server.server_port}")
    handler.loopback = loopback
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
