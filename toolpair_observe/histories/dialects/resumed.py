"""Lists that go on where a part ends that the provider keeps: its calls are not in the list."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.histories.dialects.dialect import Dialect
    from toolpair_observe.pairing.transcript import Transcript


@lru_cache(maxsize=16)
def resumed(dialect: Dialect) -> Dialect:
    """Return a dialect that leaves out the results before the list's first answer.

    Their calls lie with the provider. Any later result answers a call of the list.
    """

    def read(messages: Sequence[Any]) -> Transcript:
        transcript = dialect.read(messages)
        for entry in transcript.entries:
            if entry.role is Role.AI:
                break
            entry.results = []
        return transcript

    return dialect._replace(read=read, plain_calls=None)
