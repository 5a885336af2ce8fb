"""An HTTP/1.1 server on the loopback interface whose answers can be made to fail on purpose."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

from tests.loopback.server import STOP_SECONDS, LoopbackHandler, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server sends back."""

    status: int = 200
    body: object = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure to play instead of an answer.

    Attributes:
        status: Answer with this status.
        retry_after: Value of the `Retry-After` header, or None to send none.
        location: Value of the `Location` header, or None to send none.
        body: JSON body of the answer.
        kind: `"status"`, or `"hang"` (no answer until released) or `"reset"` (TCP RST).
        after_commit: Let the server do its work first, so that only the answer is lost.
    """

    status: int = 500
    retry_after: str | None = None
    body: object = field(default_factory=lambda: {"detail": "scripted fault"})
    kind: Literal["status", "hang", "reset"] = "status"
    after_commit: bool = False
    location: str | None = None

    @property
    def answer(self) -> Answer:
        """The answer that a fault of kind `"status"` gives."""
        headers = {"Retry-After": self.retry_after, "Location": self.location}
        sent = tuple((name, value) for name, value in headers.items() if value is not None)
        return Answer(self.status, self.body, sent)


@dataclass(slots=True)
class Request:
    """One request as it arrived.

    Attributes:
        method: The HTTP method.
        path: The path without query and without a leading `/api/v1`, `/api` or `/v1`.
        query: The query's parameters.
        headers: The headers, names in lower case.
        body: The body, reassembled from chunks where it came in chunks.
        status: The status that was answered, or `"hang"` or `"reset"`; None while in flight.
    """

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    status: int | str | None = None

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class FaultyServer(LoopbackServer):
    """A threading HTTP server with scriptable faults and a log of its requests.

    Subclasses implement `answer`. Waiting is done on one condition that every change notifies.

    Attributes:
        errors: Exceptions that `answer` raised; a test asserts that there are none.
    """

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.changed = threading.Condition(threading.RLock())
        self.errors: list[BaseException] = []
        self._log: list[Request] = []
        self._faults: dict[tuple[str | None, str], deque[tuple[Fault, int | None]]] = {}
        self._release = threading.Event()
        self._connections: set[socket.socket] = set()
        self._handlers: set[threading.Thread] = set()

    # Life

    def start(self) -> Self:
        """Listen; after a `stop` on the same port as before."""
        self._release.clear()
        return super().start()

    def stop(self) -> None:
        """Stop listening and cut every open connection; new ones are refused."""
        self._release.set()
        super().stop()
        with self.changed:
            handlers = list(self._handlers)
            for connection in self._connections:
                _cut(connection)
        for thread in handlers:
            thread.join(STOP_SECONDS)

    def failed(self, error: BaseException) -> None:
        """Keep an error of the handler's own for the test to see."""
        self.errors.append(error)

    # Faults

    def fail(
        self, path: str, fault: Fault, *, times: int | None = None, method: str | None = None
    ) -> None:
        """Play `fault` on `path`, `times` times or until `heal`; several calls queue up.

        Args:
            path: A path, or `"*"` for all.
            fault: What to play.
            times: How often, None for ever.
            method: Only on this method.
        """
        with self.changed:
            self._faults.setdefault((method, path), deque()).append((fault, times))

    def heal(self) -> None:
        """Forget every fault and let the hanging requests go."""
        with self.changed:
            self._faults.clear()
            self._release.set()
            self._release = threading.Event()

    def _next_fault(self, method: str, path: str) -> Fault | None:
        for key in ((method, path), (None, path), (method, "*"), (None, "*")):
            queue = self._faults.get(key)
            if not queue:
                continue
            fault, times = queue.popleft()
            if times is None:
                queue.appendleft((fault, None))
            elif times > 1:
                queue.appendleft((fault, times - 1))
            return fault
        return None

    # Views

    def requests(self, path: str | None = None, method: str | None = None) -> list[Request]:
        """The requests so far, in order of arrival."""
        with self.changed:
            return [
                request
                for request in self._log
                if path in (None, request.path) and method in (None, request.method)
            ]

    def wait_for(self, predicate: Callable[[], object], timeout: float = 10.0) -> None:
        """Wait until `predicate()` is true.

        Raises:
            AssertionError: If it is not within `timeout` seconds.
        """
        with self.changed:
            if not self.changed.wait_for(predicate, timeout):
                seen = [(r.method, r.path, r.status) for r in self._log[-20:]]
                msg = f"nothing to wait for after {timeout} s; last requests: {seen}"
                raise AssertionError(msg)

    # Answering

    def answer(self, request: Request) -> Answer:
        """Answer a request; called with `changed` held."""
        raise NotImplementedError

    def serve(self, handler: _Handler, request: Request) -> None:
        """Log, answer or fail one request."""
        answer = Answer()
        with self.changed:
            self._log.append(request)
            fault = self._next_fault(request.method, request.path)
            if fault is None or fault.after_commit:
                answer = self._safe_answer(request)
            if fault is not None:
                answer = fault.answer
            request.status = answer.status
            if fault is not None and fault.kind != "status":
                request.status = fault.kind
            release = self._release
            self.changed.notify_all()
        if request.status == "hang":
            release.wait()
            handler.close_connection = True
        elif request.status == "reset":
            handler.reset()
        else:
            handler.reply(answer)

    def _safe_answer(self, request: Request) -> Answer:
        try:
            return self.answer(request)
        except Exception as error:  # noqa: BLE001 - the test looks at `errors`
            self.errors.append(error)
            return Answer(500, {"detail": f"the loopback server failed: {error!r}"})

    def opened(self, connection: socket.socket) -> None:
        """Remember an open connection and its thread."""
        with self.changed:
            self._connections.add(connection)
            self._handlers.add(threading.current_thread())

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self.changed:
            self._connections.discard(connection)
            self._handlers.discard(threading.current_thread())
            self.changed.notify_all()


class _Handler(LoopbackHandler):
    def setup(self) -> None:
        super().setup()
        self.server.owner.opened(self.connection)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.owner.closed(self.connection)

    def _serve(self) -> None:
        url = urlsplit(self.path)
        path = url.path
        for prefix in ("/api/v1/", "/api/", "/v1/"):
            if path.startswith(prefix):
                path = "/" + path.removeprefix(prefix)
                break
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(
            self.command, path.rstrip("/"), parse_qs(url.query), headers, self.read_body()
        )
        self.server.owner.serve(self, request)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names

    def reply(self, answer: Answer) -> None:
        """Send an answer."""
        body = b"" if answer.body is None else json.dumps(answer.body, default=str).encode()
        headers = {"Content-Type": "application/json", **dict(answer.headers)}
        self.send(answer.status, body, headers)

    def reset(self) -> None:
        """End the connection with a TCP RST."""
        linger_for_nothing = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_nothing)
        self.close_connection = True
        # The socket only really closes, and so resets, once its file object is closed too.
        self.rfile.close()
        self.connection.close()


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The peer was faster.
        return
