"""Was a request refused as wrong, and not for its rate, its key, its size or a server's state?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from toolpair_observe.pairing.late_pattern import LatePattern

if TYPE_CHECKING:
    from toolpair_observe.pairing.refusals.error_text import Reading

_REFUSED = frozenset({400, 422})
_SERVER_ERRORS = range(500, 600)

# A provider's own word for a 400, which gateways keep when they answer with another status.
_CALLED_INVALID = LatePattern(
    r"invalid_?request|invalid_?argument|validationexception", re.IGNORECASE
)
# How a server says that the chat template raised, whichever status it answers with.
_TEMPLATE_RAISED = LatePattern(
    r"jinja exception|template error:|rendering prompt with jinja|raise_exception", re.IGNORECASE
)
_TEXT_STATUS = LatePattern(
    r"(?:\b(?:error code|status(?:[_ ]code)?|code|https?(?:/\d(?:\.\d)?)?|error response|error)"
    r"[\s:=<(-]{1,3}|^[\[<(]?)(?:4\d\d|5\d\d)\b|(?<![.\[\d])\b(?:400|422)(?=: )",
    re.IGNORECASE | re.MULTILINE,
)


def is_refusal(reading: Reading, *, template: bool = False) -> bool:
    """Whether the request was refused as wrong.

    Args:
        reading: What an exception says.
        template: Whether its words are raised by code between the API and the model, which some
            servers answer with a 5xx.
    """
    if reading.status in _REFUSED:
        return True
    named = _statuses_named_in(reading.texts)
    if reading.status is not None:
        named.add(reading.status)
        if reading.status not in _SERVER_ERRORS:
            return False
    if not named or named & _REFUSED:
        return True
    if named.isdisjoint(_SERVER_ERRORS):
        return False
    return template or any(map(is_from_template, reading.texts))


def is_from_template(text: str) -> bool:
    """Whether a server says that it is the chat template which raised."""
    return _TEMPLATE_RAISED.search(text) is not None


def _statuses_named_in(texts: tuple[str, ...]) -> set[int]:
    matches = (match for text in texts for match in _TEXT_STATUS.finditer(text))
    named = {int(match[0][-3:]) for match in matches}
    if any(_CALLED_INVALID.search(text) for text in texts):
        named.add(min(_REFUSED))
    return named
