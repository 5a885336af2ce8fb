"""The way to a server: its address, the proxy before it, and whose certificates count."""

from __future__ import annotations

import base64
import contextlib
import os
import ssl
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.reporters.langsmith.donor import Donor

_PORTS: Final = {"http": 80, "https": 443}


class BadUrlError(ValueError):
    """A URL that nothing can be sent to. The text does not quote it."""


class BadProxyError(BadUrlError):
    """A proxy that nothing can be sent through: neither SOCKS nor one that is spoken to in TLS."""


class Server(NamedTuple):
    """A server's URL, without the user and the password that may stand in it.

    Attributes:
        scheme: `http` or `https`.
        host: The host.
        port: The port.
        path: The path, without a slash at its end.
        authorization: What the `Authorization` header says of user and password; `""` for none.
    """

    scheme: str
    host: str
    port: int
    path: str
    authorization: str

    @property
    def netloc(self) -> str:
        """Host and port, the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL for people, without user and password."""
        return f"{self.scheme}://{self.netloc}{self.path}"


def server_of(url: str) -> Server:
    """Read a URL.

    Raises:
        BadUrlError: It is none that requests can be sent to.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadUrlError from None
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    text = f"{host}{parts.path}"
    if scheme not in _PORTS or not host or not text.isprintable() or " " in text:
        raise BadUrlError
    host = host if host.isascii() else _ascii(host)
    port = _PORTS[scheme] if port is None else port
    return Server(scheme, host, port, parts.path.rstrip("/"), _basic_of(parts))


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise BadUrlError from None


def _basic_of(parts: SplitResult) -> str:
    if parts.username is None and parts.password is None:
        return ""
    return basic(unquote(parts.username or ""), unquote(parts.password or ""))


def basic(user: str, password: str) -> str:
    """Return the value of an `Authorization` header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Route:
    """How requests get to a server.

    Attributes:
        origin: Scheme, host and port of the server.
        address: Host and port of the server.
        host_header: The same, for the `Host` header.
        tls: What the connection is secured with, or None where it is not.
        proxy: Host and port of the proxy, or None.
        proxy_headers: What the proxy wants to know of us.
        proxy_url: The proxy's URL; `""` where there is none.
    """

    origin: str
    address: tuple[str, int]
    host_header: str
    tls: ssl.SSLContext | None
    proxy: tuple[str, int] | None = None
    proxy_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy_url: str = field(default="", repr=False)

    @property
    def is_forwarded(self) -> bool:
        """Whether the proxy reads the requests and sends them on itself."""
        return self.proxy is not None and self.tls is None

    @property
    def forwarding_headers(self) -> Mapping[str, str]:
        """What stands in each request for the proxy to read."""
        return self.proxy_headers if self.is_forwarded else {}


def route_to(server: Server, donor: Donor) -> Route:
    """Return the way to a server.

    Args:
        server: The server.
        donor: Whose proxies and certificates apply.

    Raises:
        BadProxyError: The proxy is none that can be used.
    """
    proxy, headers, proxy_url = None, {}, _proxy_url(server, donor)
    if proxy_url:
        through = _proxy(proxy_url)
        proxy = (through.host, through.port)
        headers = {"Proxy-Authorization": through.authorization} if through.authorization else {}
    return Route(
        origin=f"{server.scheme}://{server.netloc}",
        address=(server.host, server.port),
        host_header=server.netloc,
        tls=_tls(donor) if server.scheme == "https" else None,
        proxy=proxy,
        proxy_headers=headers,
        proxy_url=proxy_url,
    )


def _proxy(url: str) -> Server:
    try:
        proxy = server_of(url)
    except BadUrlError:
        raise BadProxyError from None
    if proxy.scheme != "http":
        raise BadProxyError
    return proxy


def _proxy_url(server: Server, donor: Donor) -> str:
    """Return the proxy for a server, looked for as `requests` does; `""` for none."""
    proxies: dict[str, Any] = dict(donor.proxies)
    if donor.trust_env:
        if urllib.request.proxy_bypass(f"{server.host}:{server.port}"):
            return ""
        proxies |= urllib.request.getproxies()
    keys = (f"{server.scheme}://{server.host}", server.scheme, f"all://{server.host}", "all")
    url = next((str(proxies[key]) for key in keys if proxies.get(key)), "")
    return f"http://{url}" if url and "://" not in url else url


def _tls(donor: Donor) -> ssl.SSLContext:
    context = _trusting(donor)
    if donor.verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if donor.certificate:
        context.load_cert_chain(*donor.certificate)
    return context


def _trusting(donor: Donor) -> ssl.SSLContext:
    """Trust the authorities that are named, or else the system's and those of `certifi`."""
    bundle = donor.verify if isinstance(donor.verify, str) else _bundle_named(donor)
    if bundle and Path(bundle).is_dir():
        return ssl.create_default_context(capath=bundle)
    if bundle:
        return ssl.create_default_context(cafile=bundle)
    context = ssl.create_default_context()
    # Some systems have no authorities of their own, and langchain-core brings these along.
    with contextlib.suppress(ImportError):
        import certifi  # noqa: PLC0415 -- not needed without TLS

        context.load_verify_locations(cafile=certifi.where())
    return context


def _bundle_named(donor: Donor) -> str:
    """Return the bundle that the environment names for the client of the application, too."""
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if donor.trust_env else ()
    return next((os.environ[name] for name in names if os.environ.get(name)), "")
