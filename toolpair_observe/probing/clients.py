"""Copies of a model's clients that ask once, follow no redirect, and read no answer without end.

A client of the user's keeps its connections, its certificates, its proxy and its keys; a copy
shares them, so nothing has to be built anew, and nothing of the user's is changed. Known are what
Stainless generates (OpenAI, Anthropic, Groq and others), Google's, Amazon's, and httpx itself with
whatever holds it at once (Ollama, Mistral). Any other client (Cohere, LiteLLM, OpenRouter, Hugging
Face) is asked as it is: it may try again and follow redirects by itself, as it does for its user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe import foreign
from toolpair_observe.probing.record import CURRENT, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HTTPX: Final = frozenset({"httpx", "httpx2"})
_WITHOUT_LENGTH: Final = frozenset({"content-length", "content-encoding", "transfer-encoding"})
# One of these makes a thousand bytes of one at most, one inside the other a million; of others
# nothing is known.
_CODINGS: Final = frozenset({"", "identity", "gzip", "deflate"})
_PIECE: Final = 65_536


def asking_once(client: object) -> object | None:
    """Return a copy of a client that asks once, or None where it is none that is known."""
    beneath = foreign.CLIENT_BENEATH.of(client)
    copy: object = None
    if _is_httpx(client):
        copy = _httpx(client)
    elif _is_httpx(beneath):
        copy = _around(client, beneath)
    elif _is_httpx(foreign.CLIENT_BENEATH.of(beneath)):
        # A resource such as `openai.OpenAI().chat.completions`.
        resource: Any = type(client)
        copy = resource(asking_once(beneath))
    elif _is_httpx(foreign.GOOGLE_HTTP.of(foreign.GOOGLE_API.of(client))):
        copy = _google(client)
    elif foreign.BOTO_ENDPOINT.of(client) is not None and hasattr(client, "meta"):
        copy = _boto(client)
    return copy


def _httpx(client: object) -> object:
    copy = _twin(client, {}, _OneHttpx)
    # Setting them copies them: what an answer sets is nothing of the original's.
    copy.cookies = copy.cookies
    copy.headers = copy.headers
    copy.headers["accept-encoding"] = "gzip, deflate"
    return copy


def _around(client: Any, http: object) -> object:  # noqa: ANN401 -- another library's
    once = asking_once(http)
    if not callable(getattr(client, "with_options", None)):
        return _twin(client, {foreign.CLIENT_BENEATH.name: once})
    copy: object = client.with_options(max_retries=0, http_client=once)
    return copy


def _google(client: object) -> object:
    api = foreign.GOOGLE_API.of(client)
    http = asking_once(foreign.GOOGLE_HTTP.of(api))
    once = {foreign.GOOGLE_API.name: _twin(api, {foreign.GOOGLE_HTTP.name: http})}
    models = _twin(foreign.GOOGLE_MODELS.of(client), once)
    return _twin(client, {**once, foreign.GOOGLE_MODELS.name: models})


def _boto(client: object) -> object:
    endpoint = foreign.BOTO_ENDPOINT.of(client)
    once = {
        foreign.BOTO_RETRY.name: lambda *_, **__: False,
        foreign.BOTO_SEND.name: lambda request: _sent_by_boto(endpoint, request),
    }
    return _twin(client, {foreign.BOTO_ENDPOINT.name: _twin(endpoint, once)})


def _sent_by_boto(endpoint: Any, request: Any) -> Any:  # noqa: ANN401 -- another library's
    record = CURRENT.get()
    if record is None:
        return endpoint.http_session.send(request)
    record.note_sent({name: str(value) for name, value in dict(request.headers).items()})
    # Else the session reads the body to its end, wherever that is.
    request.stream_output = True
    response = endpoint.http_session.send(request)
    body = record.read(response.raw.stream(_PIECE))
    record.note_answer(response.status_code, dict(response.headers), body)
    response.raw = _Said(body)
    return response


class _Said:
    """A body that was read, in the place of the connection that it came by."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        """Yield the body."""
        yield self._body


class _Kept:
    """A copy that leaves open what it shares with the original."""

    def close(self) -> None:
        """Leave it to the original."""

    def __del__(self) -> None:
        """Leave it to the original."""


class _OneHttpx(_Kept):
    """An httpx client that follows no redirect, reads no answer without end, and takes notes."""

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 -- as httpx has it
        """Send a request, and return its answer, read."""
        beneath: Any = super()
        record = CURRENT.get()
        options = {**options, "follow_redirects": False}
        if record is None:
            return beneath.send(request, **options)
        record.note_sent({**request.url.params, **request.headers})
        phases = ("connect", "read", "write", "pool")
        request.extensions["timeout"] = dict.fromkeys(phases, max(record.deadline.left, 0.001))
        response = beneath.send(request, **{**options, "stream": True})
        try:
            if response.headers.get("content-encoding", "").lower() not in _CODINGS:
                msg = "the answer is coded in a way that was not asked for"
                raise UnreadableError(msg)
            body = record.read(response.iter_bytes())
            record.note_answer(response.status_code, dict(response.headers), body)
        finally:
            response.close()
        headers = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name.lower() not in _WITHOUT_LENGTH
        ]
        read = type(response)(
            response.status_code,
            headers=headers,
            content=body,
            request=request,
            extensions=response.extensions,
        )
        read.elapsed = response.elapsed
        return read


def _is_httpx(client: object) -> bool:
    return any(
        each.__module__.partition(".")[0] in _HTTPX and each.__name__ == "Client"
        for each in type(client).__mro__
    )


def _twin(thing: object, changes: Mapping[str, object], kind: type = _Kept) -> Any:  # noqa: ANN401
    """Return a copy that shares all but the changes, and that closes nothing when it goes."""
    made: type[object] = type(type(thing).__name__, (kind, type(thing)), {})
    copy = object.__new__(made)
    vars(copy).update({**vars(thing), **changes})
    return copy
