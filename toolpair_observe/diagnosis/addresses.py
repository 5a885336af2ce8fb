"""Addresses as people may see them: without user, password, query and any token in the path."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

_PORTS: Final = {"http": 80, "https": 443}
_HOME: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# What servers of LangSmith and of OpenTelemetry have in their paths. Anything else may be a token.
_KNOWN_STEPS: Final = frozenset(
    {"api", "v1", "v2", "langsmith", "otel", "otlp", "traces", "metrics", "logs"}
)


class Address(NamedTuple):
    """Where a server is.

    Attributes:
        scheme: `http`, `https`, or `""` where the address has none.
        host: The host.
        port: The port.
        path: The path, without a slash at its end.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def place(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine."""
        return self.host in _HOME

    @property
    def url(self) -> str:
        """The address to send to, with all of its path. It is not to be shown."""
        return f"{self._server}{self.path}"

    @property
    def _server(self) -> str:
        scheme = f"{self.scheme}://" if self.scheme else ""
        is_usual = _PORTS.get(self.scheme) == self.port and ":" not in self.host
        return f"{scheme}{self.host if is_usual else self.place}"

    def __str__(self) -> str:
        is_known = set(self.path.split("/")[1:]) <= _KNOWN_STEPS
        return f"{self._server}{self.path if is_known else '/…'}"


def address_of(url: object, default_port: int | None = None) -> Address | None:
    """Read an address, with or without a scheme; None where nothing can be sent there.

    Args:
        url: The address.
        default_port: The port where neither the address nor its scheme names one.
    """
    if not isinstance(url, str) or not url.strip() or has_open_password(url):
        return None
    try:
        parts = urlsplit(url.strip() if "://" in url else f"//{url.strip()}")
        port = parts.port or _PORTS.get(parts.scheme, default_port)
    except ValueError:
        return None
    if not parts.hostname or port is None or parts.scheme not in {"", "grpc", *_PORTS}:
        return None
    return Address(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))


def has_open_password(url: str) -> bool:
    """Whether a password with a `/`, `?` or `#` in it is not escaped, so that no host is known.

    What looks like the host is a part of the user or of the password then.
    """
    before, _, _ = url.rpartition("@")
    return any(mark in before.rpartition("://")[2] for mark in "/?#")
