"""Ask servers, all at once and within one deadline.

A redirect is not followed: what stands in a request goes to the server that was named.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.error import HTTPError, URLError

from toolpair_observe.deadline import Deadline
from toolpair_observe.pairing.shown import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolpair_observe.diagnosis.addresses import Address
    from toolpair_observe.diagnosis.findings import Finding

SECONDS: Final = 5.0
_EACH_SECONDS: Final = 3.0


class Answer(NamedTuple):
    """What became of a question.

    Attributes:
        status: The HTTP status; 0 where there is none.
        failure: Why there is no answer; `""` where there is one.
    """

    status: int = 0
    failure: str = ""


class Question(NamedTuple):
    """What a server is asked.

    Attributes:
        ask: Asks.
        meaning: Says what an answer means; None for nothing.
    """

    ask: Callable[[], Answer]
    meaning: Callable[[Answer], Finding | None]


def ask_all(questions: Sequence[Question], seconds: float = SECONDS) -> list[Finding]:
    """Ask every question on a thread of its own; what takes too long has no answer.

    Args:
        questions: What to ask.
        seconds: How long to wait in all.
    """
    answers: dict[int, Answer] = {}

    def ask(number: int, question: Question) -> None:
        try:
            answers[number] = question.ask()
        except Exception as error:  # noqa: BLE001 -- a URL, a proxy or a resolver of any kind
            answers[number] = Answer(failure=type_name(error))

    deadline = Deadline(seconds)
    # Nothing bounds the resolver of a host's name, so a thread may outlive the deadline.
    threads = [
        threading.Thread(target=ask, args=each, name="doctor", daemon=True)
        for each in enumerate(questions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(deadline.left)
    silent = Answer(failure=f"no answer within {seconds:g} seconds")
    found = [each.meaning(answers.get(number, silent)) for number, each in enumerate(questions)]
    return [finding for finding in found if finding is not None]


def connect(address: Address) -> Answer:
    """Open a connection to a server, and close it."""
    try:
        with socket.create_connection((address.host, address.port), timeout=_EACH_SECONDS):
            return Answer()
    except OSError as error:
        return Answer(failure=_reason(error))


def get(url: str, headers: Mapping[str, str]) -> Answer:
    """Send a GET request; a redirect is an answer like any other.

    Args:
        url: An `http` or `https` URL.
        headers: The headers.
    """
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 -- `Address` is http
    opener = urllib.request.build_opener(
        _NoRedirect(), urllib.request.HTTPSHandler(context=_certificates())
    )
    try:
        with opener.open(request, timeout=_EACH_SECONDS) as response:
            return Answer(response.status)
    except HTTPError as error:
        with error:
            return Answer(error.code)
    except URLError as error:
        return Answer(failure=_reason(error.reason))
    except (OSError, HTTPException) as error:
        return Answer(failure=_reason(error))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 -- the base class's own
        """Go nowhere else."""


def _certificates() -> ssl.SSLContext:
    context = ssl.create_default_context()
    # Some systems have no authorities of their own.
    with contextlib.suppress(ImportError):
        import certifi  # noqa: PLC0415 -- where the client of LangSmith finds them

        context.load_verify_locations(cafile=certifi.where())
    return context


def _reason(error: object) -> str:
    """Say what went wrong without the words of the library, which may quote a URL."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "its name is not known here"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted here"
    if isinstance(error, ConnectionRefusedError):
        return "it refuses connections"
    return type_name(error)
