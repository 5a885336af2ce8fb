"""The endpoint's own words of a refusal, without what they may not show.

Servers quote the request, a key that was wrong, an address or an account in their errors. What is
kept goes into a file that is committed, so it is cut where anything is quoted at length, and
whatever looks like a secret or an id is blanked.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus

from toolpair_observe.pairing.shown import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_core.messages import BaseMessage

MOST_CHARACTERS: Final = 300
BLANK: Final = "…"

_MOST_READ: Final = 16_384
# Far more than is kept, and so little that no pattern takes long for it.
_MOST_LOOKED_AT: Final = 2_000
_DEEPEST: Final = 6
_SHORTEST_PIECE: Final = 4
_WORDS_OF_A_QUOTE: Final = 3
# So much of a secret is no word that it shares with others: servers quote a part of one, too.
_START_OF_A_SECRET: Final = 12
# What may stand between the characters of a secret: the end of a line, or a sign of escaping.
_BETWEEN: Final = r"(?:[\s\\]|(?<=\\)[nrt])*+"
# Where a body says what is wrong, the best first: `raw` is what a gateway was answered itself.
_SAYS: Final = (
    "raw",
    "metadata",
    "error",
    "message",
    "Message",
    "detail",
    "details",
    "errors",
    "msg",
    "reason",
)
_CUT: Final = re.compile(
    r"[\r\n\u2028\u2029\x0b\x0c\x85{}<]|\[\s*(?=['\"])|['\"](?:role|content)['\"]"
)
_SECRETS: Final = (
    # Schemes of the Authorization header, and members that are called like secrets.
    re.compile(r"\b(?:bearer|basic|token|apikey)\s+[\w.~+/=\-]{6,}", re.IGNORECASE),
    re.compile(
        r"(?<![\w\-])[\w\-]*(?:api[\s_\-]?key|secret|password|passwd|authorization|access[\s_\-]?token)"
        r"(?:[\w\-]*)['\"]?\s*[:=]\s*['\"]?[^\s'\",;]+",
        re.IGNORECASE,
    ),
    # Anything with a user in front of a host, query strings, and e-mail addresses.
    re.compile(r"\b[a-z][a-z0-9+.\-]*://\S*[@?]\S*", re.IGNORECASE),
    re.compile(r"(?<!\S)[^\s@]*@\S*\.\w+"),
    # What a server has masked, of which both ends are left.
    re.compile(r"[\w\-+/]*+\*{3,}[\w\-+/*]*"),
    # Keys and ids with a prefix.
    re.compile(
        r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|gho|glpat|org|proj|req|request|user|acct|key|lsv2|nvapi"
        r"|AIza|AKIA|ASIA|eyJ)[\-_]?(?=[\w\-.*]*[\d*])[\w\-.*]{4,}"
    ),
    # Runs that no word is: with digits, or long with both cases.
    re.compile(r"(?<![\w/+\-])(?=[\w/+\-]*\d)(?=[\w/+\-]*[A-Za-z])[\w/+=\-]{20,}"),
    re.compile(r"\b(?=[A-Za-z/+]*[a-z])(?=[A-Za-z/+]*[A-Z])[A-Za-z/+]{32,}={0,2}"),
    re.compile(r"\b[0-9a-fA-F]{16,}\b"),
)


def words_in(body: object) -> str:
    """Return what an error's body says: its message, whatever the form.

    Args:
        body: A decoded body, or text, which may be JSON.
    """
    return _said(body, _DEEPEST)


def _said(body: object, depth: int) -> str:
    if depth == 0:
        return ""
    if isinstance(body, bytes | bytearray):
        body = bytes(body[:_MOST_READ]).decode("utf-8", "replace")
    if isinstance(body, str):
        body = body[:_MOST_READ].strip()
        decoded = _decoded(body)
        return _of_a_wrapper(body, depth) if decoded is None else _said(decoded, depth - 1)
    if isinstance(body, dict):
        # The place before the words, as some validators have it, is no word of theirs.
        inside = (_said(body[name], depth - 1) for name in _SAYS if name in body)
        return max(inside, key=_is_telling, default="")
    if isinstance(body, list | tuple):
        return next(filter(None, (_said(each, depth - 1) for each in body[:4])), "")
    return ""


def _of_a_wrapper(text: str, depth: int) -> str:
    """Return what a text says that may end with the body that a gateway was answered itself."""
    start = text.find("{")
    if start < 0:
        return text
    try:
        inner, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return text
    is_error = isinstance(inner, dict) and ("error" in inner or "message" in inner)
    return (_said(inner, depth - 1) if is_error else "") or text


def _is_telling(text: str) -> int:
    """How much words tell: nothing, a generic phrase, or more."""
    return min(len(text.split()), 2)


def _decoded(text: str) -> Any:  # noqa: ANN401 -- any JSON
    if not text.startswith(("{", "[", '"')):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def blanked(words: str, messages: Sequence[BaseMessage], secrets: Iterable[str] = ()) -> str:
    """Return words as they may be kept: one line, cut, without ids, secrets and what was sent.

    Args:
        words: What the endpoint said.
        messages: What was sent.
        secrets: Texts that nothing may show.
    """
    text = words
    if len(text) > _MOST_LOOKED_AT:
        # Half of a secret would not be known for one.
        text = text[:_MOST_LOOKED_AT].rpartition(" ")[0] or BLANK
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_PIECE:
            text = _without_secret(text, secret)
    for content in _contents(messages):
        quote = " ".join(content.split()[:_WORDS_OF_A_QUOTE])
        text = text.partition(quote)[0] if len(quote) >= _SHORTEST_PIECE else text
    text = _CUT.split(text, maxsplit=1)[0]
    for piece in sorted(_pieces(messages), key=len, reverse=True):
        if len(piece) >= _SHORTEST_PIECE:
            text = _without(text, piece)
    for pattern in _SECRETS:
        text = pattern.sub(BLANK, text)
    text = line(" ".join(text.split(" ")).strip(" :,;'\"([-"))
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}{BLANK}"


def _without_secret(text: str, secret: str) -> str:
    """Blank a secret in each form that it is quoted in, and then what begins like one of them."""
    forms = sorted(map(_characters, _forms(secret)), key=len, reverse=True)
    wholes = [_BETWEEN.join(form) for form in forms if form]
    starts = [
        _BETWEEN.join(form[:_START_OF_A_SECRET]) + r"[^\s'\",;]*"
        for form in forms
        if len(form) > _START_OF_A_SECRET
    ]
    for pattern in (*wholes, *starts):
        text = re.sub(pattern, BLANK, text, flags=re.IGNORECASE)
    return text


def _characters(form: str) -> list[str]:
    return [re.escape(each) for each in form if not (each.isspace() or each == "\\")]


def _forms(secret: str) -> set[str]:
    data = secret.encode("utf-8", "replace")
    return {
        secret,
        json.dumps(secret)[1:-1],
        repr(data)[2:-1],
        quote(data, safe=""),
        quote_plus(data),
        base64.b64encode(data).decode().rstrip("="),
        base64.urlsafe_b64encode(data).decode().rstrip("="),
        data.hex(),
    }


def _without(text: str, piece: str) -> str:
    return re.sub(re.escape(piece), BLANK, text, flags=re.IGNORECASE)


def _contents(messages: Sequence[BaseMessage]) -> list[str]:
    return [each.content for each in messages if isinstance(each.content, str)]


def _pieces(messages: Sequence[BaseMessage]) -> set[str]:
    """Ids, names and arguments that were sent."""
    pieces: set[object] = set()
    for each in messages:
        pieces |= {getattr(each, "tool_call_id", None), each.name}
        calls = [*getattr(each, "tool_calls", ()), *getattr(each, "invalid_tool_calls", ())]
        for call in calls:
            pieces |= {call["id"], call["name"]}
            pieces |= set(call["args"].values() if isinstance(call["args"], dict) else ())
    return {each for each in pieces if isinstance(each, str)}
