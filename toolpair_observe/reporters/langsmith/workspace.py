"""Requests to one LangSmith workspace, with the credentials of its destination and no others.

The application's own client says where and with what, but nothing is sent through it: its session
retries for minutes, follows redirects with the key, and logs failures with a traceback.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlencode, urlsplit

from toolpair_observe import foreign
from toolpair_observe._version import __version__
from toolpair_observe.reporters.langsmith.address import API_KEY, TENANT, Destination
from toolpair_observe.reporters.langsmith.donor import donor_of
from toolpair_observe.reporters.langsmith.route import Server, route_to, server_of
from toolpair_observe.reporters.langsmith.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolpair_observe.reporters.langsmith.transport import Answer

_OWN_HEADERS: Final = {
    "User-Agent": f"toolpair-observe/{__version__}",
    "Accept": "application/json",
    "Connection": "keep-alive",
}
_HIDDEN: Final = "***"
# Shorter ones stand in many a text by chance.
_SHORTEST_SECRET: Final = 4


class Workspace:
    """Sends requests to a destination, on one thread.

    Args:
        destination: The endpoint and its credentials.
        timeout: Seconds that a request may take in all.
        max_bytes: How long an answer may be.

    Attributes:
        server: The endpoint, without user and password.

    Raises:
        BadUrlError: The endpoint or its proxy is none that can be used.
    """

    def __init__(self, destination: Destination, *, timeout: float, max_bytes: int) -> None:
        self.server: Server = server_of(destination.api_url)
        self._destination = destination
        self._donor = donor_of(destination.session)
        self._route = route_to(self.server, self._donor)
        self._transport = Transport(self._route, timeout=timeout, max_bytes=max_bytes)
        urls = (destination.api_url, self._route.proxy_url)
        self._secrets: set[str] = {word for url in urls for word in _in_url(url)}

    def request(self, method: str, path: str, body: object = None, **params: str | int) -> Answer:
        """Send a request.

        Args:
            method: The method.
            path: The path below the endpoint's own.
            body: What to send as JSON; None for nothing.
            **params: The query.

        Raises:
            TransportError: There is no answer, or it is too long or too slow.
        """
        target = self.server.path + path + (f"?{urlencode(params)}" if params else "")
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers(method, target, data)
        return self._transport.request(method, target, headers, data)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    @property
    def has_credentials(self) -> bool:
        """Whether requests say who asks."""
        names = {name.lower() for name in self._headers("GET", self.server.path, None)}
        return not names.isdisjoint((API_KEY, "authorization", "cookie", "x-service-key"))

    def without_secrets(self, text: str) -> str:
        """Hide what a server may quote of our requests: keys, passwords and headers."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return text

    def _headers(self, method: str, target: str, body: bytes | None) -> dict[str, str]:
        destination = self._destination
        own = _merged([*self._donor.headers.items(), *_OWN_HEADERS.items(), *destination.headers])
        own |= self._credentials()
        if body is not None:
            own["Content-Type"] = "application/json"
        if self.server.authorization and self._donor.auth is None:
            own["Authorization"] = self.server.authorization
        self._donor.sign(method, self._route.origin + target, own, body)
        self._remember({**own, **self._route.proxy_headers})
        return _merged(own.items())

    def _credentials(self) -> dict[str, str]:
        destination = self._destination
        headers: dict[str, str] = {}
        if destination.api_key:
            headers[API_KEY] = destination.api_key
        elif destination.profile is not None:
            # May ask for a new token, for at most some seconds.
            headers |= foreign.PROFILE_HEADERS.of(destination.profile)()
        if destination.workspace_id:
            headers[TENANT] = destination.workspace_id
        return headers

    def _remember(self, headers: Mapping[str, str]) -> None:
        harmless = {*_OWN_HEADERS, "Content-Type"}
        values = (value for name, value in headers.items() if name not in harmless)
        words = (word for value in values for word in (value, value.rpartition(" ")[2]))
        self._secrets |= {word for word in words if len(word) >= _SHORTEST_SECRET}


def _merged(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return each header once, whatever the case of its name; the last one counts."""
    last = {name.lower(): (name, value) for name, value in headers}
    return dict(last.values())


def _in_url(url: str) -> set[str]:
    """Return the password of a URL, or its user where that is all, as it stands and decoded."""
    user, _, password = urlsplit(url).netloc.rpartition("@")[0].partition(":")
    secret = password or user
    return {word for word in (secret, unquote(secret)) if len(word) >= _SHORTEST_SECRET}
