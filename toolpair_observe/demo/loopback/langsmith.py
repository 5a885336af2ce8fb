"""A LangSmith endpoint on the loopback interface: it accepts runs, and keeps the last feedback."""

from __future__ import annotations

import json
from collections import deque
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import NAMESPACE_URL, uuid5

from toolpair_observe.demo.loopback.server import JsonHandler, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY: Final = "loopback"
REVOKED_KEY: Final = "loopback-revoked"
_KEPT: Final = 100

# Given to the client, which otherwise requests it.
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


class LoopbackLangSmith(LoopbackServer):
    """A server for `langsmith.Client(api_url, api_key=KEY)`.

    Used as a context manager. Feedback under `REVOKED_KEY` is refused.

    Attributes:
        feedback: The last feedback that was accepted, the oldest first.
    """

    def __init__(self) -> None:
        """Bind a free port."""
        super().__init__(partial(_LangSmithHandler, self), "loopback-langsmith")
        # The live demo sends it for minutes, and nobody looks.
        self.feedback: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    @property
    def api_url(self) -> str:
        """The endpoint for a client."""
        return self.origin


class _LangSmithHandler(JsonHandler):
    def __init__(self, server: LoopbackLangSmith, *connection: Any) -> None:  # noqa: ANN401 -- the base class's
        self._langsmith = server
        super().__init__(*connection)

    def do_GET(self) -> None:  # noqa: N802 -- http.server looks for it
        """Return the server's facts, or a project."""
        path = urlsplit(self.path)
        if path.path == "/sessions":
            names = parse_qs(path.query).get("name", ["default"])
            self.send_json(HTTPStatus.OK, [_project(name) for name in names])
        else:
            self.send_json(HTTPStatus.OK, dict(INFO))

    def do_POST(self) -> None:  # noqa: N802 -- http.server looks for it
        """Accept runs, and feedback with a valid key."""
        body = self._read_body()
        is_feedback = self.path == "/feedback"
        if is_feedback and self.headers.get("x-api-key") == REVOKED_KEY:
            self.send_json(HTTPStatus.FORBIDDEN, {"detail": "Forbidden"})
            return
        if is_feedback:
            self._langsmith.feedback.append(json.loads(body))
        self.send_json(HTTPStatus.ACCEPTED, {})

    def do_PATCH(self) -> None:  # noqa: N802 -- http.server looks for it
        """Accept the end of a run."""
        self.do_POST()

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)


def _project(name: str) -> dict[str, Any]:
    return {
        "id": str(uuid5(NAMESPACE_URL, name)),
        "tenant_id": str(uuid5(NAMESPACE_URL, "tenant")),
        "name": name,
        "start_time": datetime.now(UTC).isoformat(),
        "reference_dataset_id": None,
    }
