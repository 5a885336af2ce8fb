"""A LangSmith endpoint on the loopback interface: it takes runs and feedback, and keeps nothing."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qs, urlsplit
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY: Final = "loopback"
REVOKED_KEY: Final = "loopback-revoked"

# Told to the client so that it need not ask.
INFO: Final[Mapping[str, Any]] = {
    "version": "0.12.0",
    "instance_flags": {"zstd_compression_enabled": True},
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
        "scale_up_nthreads_limit": 1,
        "scale_up_qsize_trigger": 1000,
    },
}

_POLL_SECONDS: Final = 0.05


class LoopbackLangSmith:
    """A server for `langsmith.Client(api_url, api_key=KEY)`.

    Used as a context manager. Feedback under `REVOKED_KEY` is refused.
    """

    def __init__(self) -> None:
        """Bind a free port."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": _POLL_SECONDS},
            name="loopback-langsmith",
            daemon=True,
        )

    @property
    def api_url(self) -> str:
        """What a client takes as its endpoint."""
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A small answer must not wait for the acknowledgement of its own headers.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer a question for the server's own facts, or for a project."""
        path = urlsplit(self.path)
        if path.path == "/sessions":
            names = parse_qs(path.query).get("name", ["default"])
            self._send(HTTPStatus.OK, [_project(name) for name in names])
        else:
            self._send(HTTPStatus.OK, dict(INFO))

    def do_POST(self) -> None:
        """Take runs, and feedback under a good key."""
        self._read_body()
        if self.path == "/feedback" and self.headers.get("x-api-key") == REVOKED_KEY:
            self._send(HTTPStatus.FORBIDDEN, {"detail": "Forbidden"})
        else:
            self._send(HTTPStatus.ACCEPTED, {})

    def do_PATCH(self) -> None:
        """Take the end of a run."""
        self.do_POST()

    def log_message(self, *_: object) -> None:
        """Keep the host's output quiet."""

    def _read_body(self) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _send(self, status: HTTPStatus, content: object) -> None:
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


def _project(name: str) -> dict[str, Any]:
    return {
        "id": str(uuid5(NAMESPACE_URL, name)),
        "tenant_id": str(uuid5(NAMESPACE_URL, "tenant")),
        "name": name,
        "start_time": datetime.now(UTC).isoformat(),
        "reference_dataset_id": None,
    }
