"""HTTP requests that always end, and that go where they are sent to and nowhere else.

The standard library's client follows no redirect, so that no key, header or body gets to another
host. Each request has one deadline for the connection, the proxy, the handshake, what is sent and
all of the answer: a timeout for each read is none, where a server sends a byte now and then. What
is read is bounded, too. An error names neither URL nor header: both may hold a password.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import selectors
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolpair_observe.deadline import Deadline
from toolpair_observe.pairing.shown import type_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.reporters.langsmith.route import Route

_MAX_PROXY_HEADERS: Final = 16_384
_OK: Final = 200
_REDIRECTS: Final = range(300, 400)


class TransportError(Exception):
    """No answer, or not all of it.

    Args:
        reason: What went wrong, as a metric label.
        is_final: Whether another attempt would fail in the same way.
    """

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        status: The status.
        retry_after: The header of that name, or `""`.
        body: The whole body.
    """

    status: int
    retry_after: str
    body: bytes

    @property
    def is_redirect(self) -> bool:
        """Whether the server wants the request elsewhere. It never goes there."""
        return self.status in _REDIRECTS


class Transport:
    """Requests to one server, over one connection that is kept. For one thread.

    Args:
        route: The way to the server.
        timeout: Seconds that a request may take in all.
        max_bytes: How long an answer may be.
    """

    def __init__(self, route: Route, *, timeout: float, max_bytes: int) -> None:
        self._route = route
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._connection: http.client.HTTPConnection | None = None
        self._socket: _TimedSocket | None = None

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Send a request and return its answer.

        Args:
            method: The method.
            target: Path and query.
            headers: All headers but those of the connection.
            body: The body.

        Raises:
            TransportError: There is no answer, or it is too long or too slow.
        """
        try:
            return self._exchange(method, target, headers, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            # Not chained: a traceback must not show what a text may quote.
            raise TransportError(_name(error)) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection. The next request opens another."""
        if self._connection is not None:
            self._connection.close()
        if self._socket is not None:
            self._socket.shut()
        self._connection = self._socket = None

    def _exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        connection = self._ready(Deadline(self._timeout))
        route = self._route
        connection.request(
            method,
            route.origin + target if route.is_forwarded else target,
            body,
            {"Host": route.host_header, **headers, **route.forwarding_headers},
        )
        response = connection.getresponse()
        content = response.read(self._max_bytes + 1)
        if len(content) > self._max_bytes:
            reason = "AnswerTooLong"
            raise TransportError(reason, is_final=True)
        if response.length:
            # Fewer bytes than were promised; `read` with a limit does not mind.
            raise http.client.IncompleteRead(content)
        return Answer(response.status, response.headers.get("Retry-After", ""), content)

    def _ready(self, deadline: Deadline) -> http.client.HTTPConnection:
        """Return an open connection whose operations end by `deadline`."""
        connection, kept = self._connection, self._socket
        if connection is None or kept is None or connection.sock is None or kept.has_ended():
            self.close()
            kept = _TimedSocket(_open(self._route, deadline), deadline)
            connection = http.client.HTTPConnection(*self._route.address)
            connection.auto_open = 0
            connection.sock = kept
            self._connection, self._socket = connection, kept
        kept.deadline = deadline
        return connection


class _TimedSocket:
    """A socket whose operations all end by one deadline, in the form that `http.client` uses."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self.deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._ready().sendall(data)

    def recv_into(self, buffer: memoryview) -> int:
        return self._ready().recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 -- always to read
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Do nothing: `http.client` closes before the answer is read, where it is the last one."""

    def shut(self) -> None:
        """Close the socket."""
        self._socket.close()

    def has_ended(self) -> bool:
        """Whether the server closed it, or sent what nobody asked for."""
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._socket, selectors.EVENT_READ)
                return bool(selector.select(0))
        except (OSError, ValueError):
            return True

    def _ready(self) -> socket.socket:
        self._socket.settimeout(_left(self.deadline))
        return self._socket


class _Reader(io.RawIOBase):
    """What a socket receives, as a file."""

    def __init__(self, timed: _TimedSocket) -> None:
        super().__init__()
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._timed.recv_into(buffer)


def _left(deadline: Deadline) -> float:
    """Return what is left; a socket takes 0 as a wish not to wait at all."""
    if deadline.is_over:
        raise TimeoutError
    return deadline.left or 1e-3


def _open(route: Route, deadline: Deadline) -> socket.socket:
    connected = _connect(route.proxy or route.address, deadline)
    try:
        if route.proxy is not None and not route.is_forwarded:
            _tunnel(connected, route, deadline)
        if route.tls is None:
            return connected
        connected.settimeout(_left(deadline))
        return route.tls.wrap_socket(connected, server_hostname=route.address[0])
    except BaseException:
        connected.close()
        raise


def _connect(address: tuple[str, int], deadline: Deadline) -> socket.socket:
    """Connect to the first of the host's addresses that answers, all within the deadline."""
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, where in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
        connected = socket.socket(family, kind, protocol)
        try:
            connected.settimeout(_left(deadline))
            connected.connect(where)
        except OSError as error:
            connected.close()
            failure = error
        else:
            with contextlib.suppress(OSError):
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connected
    raise failure


def _tunnel(connected: socket.socket, route: Route, deadline: Deadline) -> None:
    """Have a proxy pass on all that follows."""
    host, port = route.address
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
    lines += [f"{name}: {value}" for name, value in route.proxy_headers.items()]
    timed = _TimedSocket(connected, deadline)
    timed.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    said = b""
    while not said.endswith(b"\r\n\r\n"):
        byte = bytearray(1)
        if not timed.recv_into(memoryview(byte)) or len(said) > _MAX_PROXY_HEADERS:
            reason = "ProxyError"
            raise TransportError(reason)
        said += byte
    status = said.split(maxsplit=2)[1:2]
    if status != [b"%d" % _OK]:
        reason = f"ProxyError{status[0].decode('latin-1')[:3]}" if status else "ProxyError"
        raise TransportError(reason)


def _name(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return type_name(error)
    if isinstance(error, TimeoutError):
        return "Timeout"
    return "ConnectionError" if isinstance(error, OSError) else type_name(error)
