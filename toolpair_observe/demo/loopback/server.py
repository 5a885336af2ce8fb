"""The base of the demo's servers: a free loopback port, a thread, JSON answers."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from http import HTTPStatus

MAX_BODY_BYTES: Final = 32 * 1024 * 1024
_POLL_SECONDS: Final = 0.05


class LoopbackServer:
    """An HTTP server that answers on its own thread while its context lasts."""

    def __init__(self, handler: Callable[..., BaseHTTPRequestHandler], name: str) -> None:
        """Bind a free port.

        Args:
            handler: Makes the handler of a connection.
            name: Name of the thread.
        """
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": _POLL_SECONDS},
            name=name,
            daemon=True,
        )

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Start serving."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class JsonHandler(BaseHTTPRequestHandler):
    """Answers with JSON and logs nothing."""

    protocol_version = "HTTP/1.1"
    # A small answer must not wait for the acknowledgment of its own headers.
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def send_json(self, status: HTTPStatus, content: object) -> None:
        """Send `content` as JSON."""
        self.send_payload(status, "application/json", json.dumps(content).encode())

    def send_payload(self, status: HTTPStatus, content_type: str, payload: bytes) -> None:
        """Send bytes of any type."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
