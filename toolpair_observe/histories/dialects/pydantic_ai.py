"""Messages of pydantic-ai, as its `ModelMessagesTypeAdapter` writes them.

A request has the results, what a person said, and instructions as parts of their own. Each is sent
as a message of its own, so that a list is taken apart into one message for each part of a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import Dialect, field_is, known_keys
from toolpair_observe.histories.dialects.neutral import (
    answered_by,
    call_at,
    objects,
    parts_at,
    refuse,
    result_at,
    said_by,
)
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.masked import MaskedEvidence, MaskedKind
from toolpair_observe.pairing.masked_content import MadeUp
from toolpair_observe.pairing.signs import Sign
from toolpair_observe.pairing.transcript import Entry, Transcript
from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

_KINDS: Final = frozenset({"request", "response"})
_KEYS: Final = frozenset(
    {
        "failed_attempts",
        "metadata",
        "parts",
        "provider_details",
        "usage",
        "vendor_details",
        "workspace_ref",
    }
)
_SPEAKERS: Final = {
    "retry-feedback": Role.HUMAN,
    "system-prompt": Role.SYSTEM,
    "user-prompt": Role.HUMAN,
}
# What the library notes of its own changes to instructions, tools and settings.
_NOTES: Final = frozenset(
    {
        "capability-load-delta",
        "instruction",
        "instruction-baseline",
        "instruction-delta",
        "instruction-digest",
        "model-settings-delta",
        "tool-availability-delta",
    }
)
_SAID: Final = frozenset({"compaction", "file", "speech", "text", "thinking"})
_HOSTED_CALLS: Final = frozenset({"builtin-tool-call", "native-tool-call"})
_HOSTED_RESULTS: Final = frozenset({"builtin-tool-return", "native-tool-return"})
_SIGNS: Final = {
    "denied": Sign.REFUSED,
    "failed": Sign.FAILED,
    "interrupted": Sign.CANCELLED,
    "retried": Sign.FAILED,
}
# The library marks so what it puts where a run was interrupted.
_INTERRUPTED: Final = MadeUp("pydantic-ai", MaskedKind.MISSING, MaskedEvidence.MARK)


def _claims(message: object) -> bool:
    if not isinstance(message, dict) or as_text(message.get("kind")) not in _KINDS:
        return False
    parts = message.get("parts")
    return isinstance(parts, list) and (
        not parts or any(isinstance(part, dict) and "part_kind" in part for part in parts)
    )


_is_ai: Final = field_is("kind", "response")


def _unfold(messages: Sequence[Any]) -> Sequence[Any]:
    """Return the responses as they are, and a request for each part that a request sends."""
    turns: list[Any] = []
    for index, fields in objects(messages):
        where = f"message {index}"
        kind = as_text(fields.get("kind"))
        if kind not in _KINDS:
            refuse("kind", fields.get("kind"), where)
        known_keys(fields, _KEYS, where)
        parts = parts_at(fields, "parts", where)
        if kind == "response":
            turns.append(fields)
            continue
        for place, part in enumerate(parts):
            if not _is_known_of_request(part):
                refuse("part", part.get("part_kind"), f"{where}: parts[{place}]")
            if part.get("part_kind") not in _NOTES:
                turns.append({"kind": kind, "part": part})
    return turns


def _is_known_of_request(part: dict[str, Any]) -> bool:
    kind = as_text(part.get("part_kind"))
    return kind in _SPEAKERS or kind in _NOTES or kind in {"tool-return", "retry-prompt"}


def _read(messages: Sequence[Any]) -> Transcript:
    return Transcript(
        [
            _read_response(index, each) if _is_ai(each) else _read_part(index, each["part"])
            for index, each in enumerate(messages)
        ]
    )


def _read_part(index: int, part: dict[str, Any]) -> Entry:
    kind = part["part_kind"]
    name = as_text(part.get("tool_name"))
    # A retry that names no tool is about the model's text.
    if kind == "tool-return" or (kind == "retry-prompt" and name):
        result = result_at(index, part.get("tool_call_id"), name)
        entry = answered_by(index, [result], part)
        if result.sign is None:
            outcome = "retried" if kind == "retry-prompt" else as_text(part.get("outcome"))
            result.sign = _SIGNS.get(outcome)
        if part.get("outcome") == "interrupted":
            result.made_up = _INTERRUPTED
        return entry
    return said_by(index, _SPEAKERS.get(kind, Role.HUMAN), part)


def _read_response(index: int, fields: dict[str, Any]) -> Entry:
    parts = parts_at(fields, "parts", f"message {index}")
    entry = Entry(index, Role.AI, blocks=len(parts), has_text=False)
    entry.cut_short = fields.get("finish_reason") == "length" or as_text(fields.get("state")) in {
        "incomplete",
        "interrupted",
    }
    for place, part in enumerate(parts):
        kind = as_text(part.get("part_kind"))
        if kind == "tool-call":
            call = call_at(index, part.get("tool_call_id"), part.get("tool_name"))
            call.block = place
            entry.calls.append(call)
            entry.says_more_after_calls = entry.more_than_text_after_calls = False
        elif kind in _SAID:
            entry.has_text |= part.get("content") != ""
            entry.says_more_after_calls |= bool(entry.calls)
            entry.more_than_text_after_calls |= bool(entry.calls) and kind != "text"
        elif kind in _HOSTED_CALLS:
            entry.server_uses.append(
                call_at(index, part.get("tool_call_id"), part.get("tool_name"))
            )
        elif kind in _HOSTED_RESULTS:
            entry.server_results.append(as_text(part.get("tool_call_id")))
        elif kind not in _NOTES:
            refuse("part", part.get("part_kind"), f"response {index}: parts[{place}]")
    return entry


PYDANTIC_AI: Final = Dialect(
    name="pydantic-ai", claims=_claims, read=_read, is_ai=_is_ai, unfold=_unfold
)
