"""What an exception says: its texts and its HTTP status, read without touching the network.

Every client wraps a provider's answer in a class of its own, with the answer in `body`, in
`response`, in `details`, or only in the exception's text; LangChain and gateways wrap it again.
`readings` unwraps all of them into bounded plain text. Which wording means what is the business of
`recognize`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolpair_observe.pairing.late_pattern import LatePattern
from toolpair_observe.pairing.report import PairingReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_HEAD_CHARS = 16_384
MAX_TAIL_CHARS = 4_096
# No rule's pattern crosses a line break, so none can match across the cut.
CUT = "\n"

_MAX_CHAIN = 12
_MAX_GROUP = 16
_MAX_BODY_STRINGS = 64
_MAX_BODY_NODES = 512

# Errors of Python code on its way to a request: their text is about that code's own data.
_CODE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    TypeError,
)
_TEXT_ATTRIBUTES = ("body", "message", "details", "error", "server_message")
_STATUS_ATTRIBUTES = ("status_code", "code", "status", "http_status")
_RESPONSE_ATTRIBUTES = ("response", "raw_response")
# Parts of an error body that repeat the request or the model's own words.
_ECHO_KEYS = frozenset({"contents", "failed_generation", "input", "messages", "prompt", "request"})

# A block quotes the provider. Who wraps one may keep its text alone.
_OF_A_BLOCK = LatePattern(r"INVALID_TOOL_RESULTS: \w+ at message \d")

_QUOTES = "'\"`´‘’‚‛“”„‟«»‹›「」『』＂＇｀"  # noqa: RUF001
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\x00"
_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_PLAIN = _FULL_WIDTH | dict.fromkeys(map(ord, _QUOTES + _INVISIBLE))
_ESCAPE = LatePattern(r"(?<!\\)\\++(?:u([0-9a-fA-F]{4})|[nrt])?")
_ENTITY = LatePattern(r"&(?:apos|quot|#0?39|#x27|#34|#x22|#96|#x60);", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one exception, with its causes, says.

    Attributes:
        texts: Normalized texts, outermost first: quotes and escapes are gone, white space is
            single blanks, the middle of a long text is cut out.
        status: The HTTP status that the outermost exception having one carries; None where no
            exception has one.
    """

    texts: tuple[str, ...]
    status: int | None


def readings(error: BaseException | str) -> Iterator[Reading]:
    """Yield what `error` says: one reading, or one per member of an exception group."""
    if isinstance(error, str):
        if not _OF_A_BLOCK.search(error):
            yield Reading((normalize(error),), None)
        return
    for leaf in _leaves(error):
        reading = _read_chain(leaf)
        if reading is not None:
            yield reading


def normalize(text: str) -> str:
    """Return `text` bounded in length and without what wrappers change in it."""
    if len(text) <= MAX_HEAD_CHARS + MAX_TAIL_CHARS:
        return _plain(text)
    return _plain(text[:MAX_HEAD_CHARS]) + CUT + _plain(text[-MAX_TAIL_CHARS:])


def _plain(text: str) -> str:
    if "\\" in text:
        text = _ESCAPE.sub(_unescape, text)
    if "&" in text:
        text = _ENTITY.sub("", text)
    return " ".join(text.translate(_PLAIN).split())


def _unescape(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return " " if match[0][-1] in "nrt" else ""


def _leaves(error: BaseException) -> Iterator[BaseException]:
    waiting = [error]
    for _ in range(_MAX_GROUP):
        if not waiting:
            return
        current = waiting.pop()
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(reversed(current.exceptions[:_MAX_GROUP]))
        else:
            yield current


def _read_chain(error: BaseException) -> Reading | None:
    """Read `error` and what it was raised from; None where no provider answered."""
    texts: dict[str, None] = {}
    status: int | None = None
    current: BaseException | None = error
    by_accident = False
    for _ in range(_MAX_CHAIN):
        if not isinstance(current, Exception):
            break
        if _is_block(current):
            if not by_accident or _quotes(current, texts):
                return None
            break
        if not isinstance(current, _CODE_ERRORS):
            said = map(normalize, _texts_of(current))
            texts.update(dict.fromkeys(filter(_is_of_a_provider, said)))
            status = status or _status_of(current)
        following = current.__cause__ or _exception_attribute(current)
        by_accident = following is None
        if by_accident and status is None and not current.__suppress_context__:
            # An error that has its own status speaks for itself: what was being handled when it
            # was raised may be the error of another request.
            following = current.__context__
        current = following
    return Reading(tuple(texts), status) if texts else None


def stems_from_block(error: BaseException) -> bool:
    """Whether `error` is what strict mode raised, was raised from it, or repeats its text.

    What was being handled when `error` was raised is not asked: it may be of another request.
    """
    current: BaseException | None = error
    for _ in range(_MAX_CHAIN):
        if not isinstance(current, Exception):
            return False
        if _is_block(current) or any(map(_OF_A_BLOCK.search, _texts_of(current))):
            return True
        current = current.__cause__ or _exception_attribute(current)
    return False


def _is_block(error: Exception) -> bool:
    return isinstance(_attribute(error, "report"), PairingReport)


def _quotes(block: Exception, texts: Iterable[str]) -> bool:
    """Whether texts repeat what a block says that the provider would answer."""
    report = _attribute(block, "report")
    breaches = report.violations[:_MAX_GROUP] if isinstance(report, PairingReport) else ()
    words = [normalize(breach.expected_error) for breach in breaches if breach.expected_error]
    return any(each in text for text in texts for each in words)


def _is_of_a_provider(text: str) -> bool:
    return bool(text) and not _OF_A_BLOCK.search(text)


def _exception_attribute(error: Exception) -> BaseException | None:
    original = _attribute(error, "original_exception")
    return original if isinstance(original, BaseException) else None


def _texts_of(error: Exception) -> Iterator[str]:
    try:
        yield str(error)
    except Exception:  # noqa: BLE001 - a foreign __str__ may do anything
        yield ""
    for name in _TEXT_ATTRIBUTES:
        yield from _strings_in(_attribute(error, name))
    for name in _RESPONSE_ATTRIBUTES:
        yield from _response_texts(_attribute(error, name))


def _response_texts(response: object) -> Iterator[str]:
    if isinstance(response, dict):
        yield from _strings_in(response)
        return
    try:
        # The public `content` and `text` of some clients read the stream, which may block.
        content = vars(response).get("_content")
    except TypeError:
        return
    yield from _strings_in(content)


def _strings_in(value: object) -> Iterator[str]:
    """Yield what `value`, an error body, says: itself, or its strings joined."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes | bytearray):
        yield _decode(value)
    elif isinstance(value, dict | list | tuple):
        yield " ; ".join(_walk(value))


def _decode(value: bytes | bytearray) -> str:
    if len(value) > MAX_HEAD_CHARS + MAX_TAIL_CHARS:
        value = value[:MAX_HEAD_CHARS] + CUT.encode() + value[-MAX_TAIL_CHARS:]
    return value.decode("utf-8", errors="replace")


def _walk(body: object) -> Iterator[str]:
    waiting: list[object] = [body]
    strings = 0
    for _ in range(_MAX_BODY_NODES):
        if not waiting or strings == _MAX_BODY_STRINGS:
            return
        value = waiting.pop()
        if isinstance(value, str):
            strings += 1
            yield value[: MAX_HEAD_CHARS + MAX_TAIL_CHARS]
        elif isinstance(value, dict):
            kept = [
                item
                for key, item in list(value.items())[:_MAX_BODY_STRINGS]
                if key not in _ECHO_KEYS
            ]
            waiting.extend(reversed(kept))
        elif isinstance(value, list | tuple):
            waiting.extend(reversed(value[:_MAX_BODY_STRINGS]))


def _status_of(error: Exception) -> int | None:
    for name in _STATUS_ATTRIBUTES:
        status = _as_status(_attribute(error, name))
        if status is not None:
            return status
    for name in _RESPONSE_ATTRIBUTES:
        response = _attribute(error, name)
        found = _botocore_status(response) if isinstance(response, dict) else None
        status = found or _as_status(_attribute(response, "status_code"))
        if status is not None:
            return status
    return None


def _botocore_status(response: dict[str, object]) -> int | None:
    metadata = response.get("ResponseMetadata")
    return _as_status(metadata.get("HTTPStatusCode")) if isinstance(metadata, dict) else None


def _as_status(value: object) -> int | None:
    """Return `value` as the status of a refused request, or None where it is no such thing."""
    if isinstance(value, str) and len(value) == 3 and value.isdecimal():  # noqa: PLR2004
        value = int(value)
    if isinstance(value, int) and 400 <= value <= 599:  # noqa: PLR2004
        return int(value)
    return None


def _attribute(owner: object, name: str) -> object:
    try:
        return getattr(owner, name, None)
    except Exception:  # noqa: BLE001 - a foreign property may do anything
        return None
