"""What became of one request on its way: noted by the copies of the clients that `clients` makes.

A request runs on a thread of its own, in a context of its own, so that one that was given up notes
nothing where the next one looks.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolpair_observe.deadline import Deadline

MOST_BYTES: Final = 4 * 1024 * 1024

# What clients send by themselves, which may be shown. Anything else is the user's.
_ORDINARY: Final = re.compile(
    r"(?:accept|alt|anthropic-(?:beta|version)|api-?version|connection|content-|host|user-agent"
    r"|x-stainless-|amz-sdk-|x-amz-date|x-goog-api-client|x-amzn-bedrock)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Record:
    """What became of one request.

    Attributes:
        deadline: Until when it has to be answered.
        sent: How many requests left.
        secrets: Values of their headers and queries that nothing may show.
        status: The HTTP status of the last answer, None where there is none.
        headers: The headers of that answer.
        body: Its body.
    """

    deadline: Deadline
    sent: int = 0
    secrets: set[str] = field(default_factory=set)
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def note_sent(self, headers: Mapping[str, str]) -> None:
        """Note that a request leaves, with these headers and members of its query."""
        self.sent += 1
        values = {value for name, value in headers.items() if not _ORDINARY.match(name)}
        # Behind the scheme of the Authorization header, and alone.
        self.secrets |= values | {value.rpartition(" ")[2] for value in values}
        self.status, self.headers, self.body = None, {}, b""

    def read(self, pieces: Iterable[bytes]) -> bytes:
        """Return the body of an answer.

        Raises:
            UnreadableError: It is too long, or takes too long.
        """
        body = bytearray()
        for piece in pieces:
            body += piece
            if len(body) > MOST_BYTES:
                msg = f"the answer is longer than {MOST_BYTES:,} bytes"
                raise UnreadableError(msg)
            if self.deadline.is_over:
                msg = "the answer did not end in time"
                raise UnreadableError(msg)
        return bytes(body)

    def note_answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Note an answer that was read to its end: of half of one nothing is known."""
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body


class UnreadableError(OSError):
    """An answer was not read to its end. A client takes it for a broken connection."""


CURRENT: Final[ContextVar[Record | None]] = ContextVar("toolpair_observe_probe", default=None)
