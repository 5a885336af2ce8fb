"""What the loopback servers have in common: a port, a thread, and no noise."""

from __future__ import annotations

import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

POLL_SECONDS = 0.02
STOP_SECONDS = 5.0


class LoopbackServer:
    """An HTTP server that answers on separate threads while its context lasts.

    A server that was stopped can be started again and then has the same port.
    """

    def __init__(self, handler: type[LoopbackHandler]) -> None:
        self._handler = handler
        self._port = 0
        self._http: _Http | None = None
        self._acceptor: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base URL; it is known once the server has been started."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Listen."""
        self._http = _Http(("127.0.0.1", self._port), self._handler)
        self._http.owner = self
        self._port = self._http.server_port
        self._acceptor = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": POLL_SECONDS}, daemon=True
        )
        self._acceptor.start()
        return self

    def stop(self) -> None:
        """Stop listening; new connections are refused."""
        if self._http is None or self._acceptor is None:
            return
        self._http.shutdown()
        self._http.server_close()
        self._acceptor.join(STOP_SECONDS)
        self._http = self._acceptor = None

    def failed(self, error: BaseException) -> None:
        """Show an error of the handler's own."""
        traceback.print_exception(error)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    owner: LoopbackServer

    def handle_error(self, request: object, client_address: object) -> None:
        error = sys.exception()
        # A client that is gone is no mistake of the server.
        if error is not None and not isinstance(error, OSError):
            self.owner.failed(error)


class LoopbackHandler(BaseHTTPRequestHandler):
    """Reads a whole body, answers at once, and keeps the tests' output clean."""

    protocol_version = "HTTP/1.1"
    # A small answer must not wait for the acknowledgment of its own headers.
    disable_nagle_algorithm = True
    server: _Http

    def read_body(self) -> bytes:
        """Return the request's body, reassembled where it comes in chunks."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._read_chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _read_chunks(self) -> list[bytes]:
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return chunks

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Answer; the length is added to the headers."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
