"""ShareGPT's messages: `from` and `value`. Calls have no ids.

Several calls stand as a JSON list in one value, and then one observation holds all results. Others
put calls and results into the tags of Hermes, or write them as the lines of a ReAct agent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.by_order import pair_by_order
from toolpair_observe.histories.dialects.dialect import Dialect, known_keys
from toolpair_observe.histories.dialects.neutral import (
    answered_by,
    call_at,
    objects,
    refuse,
    result_at,
    said_by,
)
from toolpair_observe.histories.dialects.tags import (
    action_in,
    calls_in,
    has_results,
    json_calls,
    results_in,
)
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.transcript import Transcript
from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.pairing.transcript import Entry

_CALLERS: Final = frozenset({"function_call", "tool_call"})
_SPEAKERS: Final = {
    "assistant": Role.AI,
    "bard": Role.AI,
    "bing": Role.AI,
    "chatgpt": Role.AI,
    "gpt": Role.AI,
    "human": Role.HUMAN,
    "model": Role.AI,
    "system": Role.SYSTEM,
    "user": Role.HUMAN,
}
_ANSWERERS: Final = frozenset(
    {
        "function",
        "function_response",
        "function-response",
        "ipython",
        "observation",
        "tool",
        "tool_response",
    }
)
_KEYS: Final = frozenset({"images", "audios", "videos"})


def _claims(message: object) -> bool:
    return isinstance(message, dict) and "from" in message and "value" in message


def _is_ai(message: Any) -> bool:  # noqa: ANN401 - a message of any shape
    speaker = as_text(message.get("from")) if isinstance(message, dict) else ""
    return speaker in _CALLERS or _SPEAKERS.get(speaker) is Role.AI


def _read(messages: Sequence[Any]) -> Transcript:
    entries: list[Entry] = []
    joined: set[int] = set()
    rows = objects(messages)
    for index, fields in rows:
        follows = as_text(rows[index + 1][1].get("from")) if index + 1 < len(rows) else ""
        entries.append(_read_one(index, fields, joined, answered=follows in _ANSWERERS))
    pair_by_order(entries, joined)
    return Transcript(entries)


def _read_one(index: int, fields: dict[str, Any], joined: set[int], *, answered: bool) -> Entry:
    where = f"message {index}"
    known_keys(fields, _KEYS, where)
    speaker, text = as_text(fields.get("from")), fields.get("value")
    if text is None:
        text = ""
    elif not isinstance(text, str):
        refuse("value", text, where)
    head = {"content": text}
    role = _SPEAKERS.get(speaker)
    if speaker in _ANSWERERS or (role is Role.HUMAN and text.lstrip().startswith("<tool_resp")):
        several = results_in(text) if has_results(text) else 0
        if not several:
            joined.add(index)
        return answered_by(index, [result_at(index, None) for _ in range(several or 1)], head)
    if speaker in _CALLERS:
        entry = said_by(index, Role.AI, {})
        names = calls_in(text) or json_calls(text)
    elif role is not None:
        entry = said_by(index, role, head)
        names = calls_in(text) if role is Role.AI else []
        if role is Role.AI and answered and not names:
            action = action_in(text)
            names = [action] if action else []
    else:
        refuse("speaker", fields.get("from"), where)
    entry.calls = [call_at(index, None, name) for name in names]
    return entry


SHAREGPT: Final = Dialect(name="sharegpt", claims=_claims, read=_read, is_ai=_is_ai, has_ids=False)
