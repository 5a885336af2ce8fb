"""LangSmith's side of tracing, as far as runs go: what was begun, and what was ended how.

It speaks the batch protocol of the real `langsmith.Client` and keeps the last state of each run.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_INFO = {
    "version": "0.9.0",
    "batch_ingest_config": {
        "use_multipart_endpoint": False,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 4,
        "scale_down_nempty_trigger": 4,
        "size_limit": 100,
        "size_limit_bytes": 20_000_000,
    },
}


class RunRecorder:
    """A loopback endpoint for `langsmith.Client(api_url=recorder.url, api_key="test")`."""

    def __init__(self) -> None:
        self._runs: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.recorder = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """What a client takes as its API URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def runs(self) -> list[dict[str, Any]]:
        """The runs posted since the last `reset`, each with what later patches said of it."""
        with self._lock:
            return [dict(run) for run in self._runs.values()]

    def reset(self) -> None:
        """Forget the runs seen so far."""
        with self._lock:
            self._runs.clear()

    def take(self, batch: dict[str, Any]) -> None:
        """Merge what a batch says of each run."""
        with self._lock:
            for run in (*batch.get("post", ()), *batch.get("patch", ())):
                known = self._runs.setdefault(run["id"], {})
                known.update({key: value for key, value in run.items() if value is not None})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    recorder: RunRecorder


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer(_INFO)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/runs/batch"):
            self.server.recorder.take(json.loads(body))
        self._answer({})

    def _answer(self, content: dict[str, Any]) -> None:
        payload = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        """Keep the test output quiet."""
