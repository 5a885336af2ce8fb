"""What the session of an application's own client lends to our requests.

The session is one of `requests` today. It is read by names and not by its class: with another HTTP
library behind the client, what is there still applies, and what is not there does not.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from types import SimpleNamespace
from typing import Any, Final

from toolpair_observe.reporters.langsmith.route import basic

# These describe the library that sends, and not the application.
_OF_THE_LIBRARY: Final = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "host", "user-agent"}
)

Auth = tuple[str, str] | Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Donor:
    """Proxies, certificates and credentials of a session.

    Attributes:
        headers: The headers of every request.
        proxies: A proxy for each scheme or host.
        trust_env: Whether the environment may name proxies and certificates.
        verify: Whether certificates are verified, or the file that says whom to trust.
        certificate: Files of the client's own certificate and key.
        auth: User and password, or what adds credentials to a request.
        cookies: The cookies.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    trust_env: bool = True
    verify: bool | str = True
    certificate: tuple[str, ...] = field(default=(), repr=False)
    auth: Auth | None = field(default=None, repr=False)
    cookies: CookieJar | None = field(default=None, repr=False)

    def sign(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> None:
        """Add the session's credentials and cookies to the headers of a request."""
        if isinstance(self.auth, tuple):
            headers["Authorization"] = basic(*self.auth)
        elif self.auth is not None:
            asked = SimpleNamespace(method=method, url=url, headers=headers, body=body)
            headers |= dict(self.auth(asked).headers)
        if self.cookies is not None:
            asks = urllib.request.Request(url, headers=headers)  # noqa: S310 -- never opened
            self.cookies.add_cookie_header(asks)
            if cookie := asks.get_header("Cookie"):
                headers["Cookie"] = cookie


NOBODY: Final = Donor()


def donor_of(session: object) -> Donor:
    """Read a session; what it does not have, or has in another form, is left out."""
    if session is None:
        return NOBODY
    cookies = getattr(session, "cookies", None)
    return Donor(
        headers=_texts(getattr(session, "headers", None), leave_out=_OF_THE_LIBRARY),
        proxies=_texts(getattr(session, "proxies", None)),
        trust_env=getattr(session, "trust_env", True) is not False,
        verify=_verify(getattr(session, "verify", True)),
        certificate=_files(getattr(session, "cert", None)),
        auth=_auth(getattr(session, "auth", None)),
        cookies=cookies if isinstance(cookies, CookieJar) else None,
    )


def _texts(mapping: object, leave_out: frozenset[str] = frozenset()) -> dict[str, str]:
    if not isinstance(mapping, Mapping):
        return {}
    return {
        name: value
        for name, value in mapping.items()
        if isinstance(name, str) and isinstance(value, str) and name.lower() not in leave_out
    }


def _verify(value: object) -> bool | str:
    return value if isinstance(value, bool | str) else True


def _files(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(map(str, value)) if isinstance(value, tuple) else ()


def _auth(value: Any) -> Auth | None:  # noqa: ANN401 -- the application's
    pair = 2
    if isinstance(value, tuple | list) and len(value) == pair:
        return str(value[0]), str(value[1])
    return value if callable(value) else None
