"""Units for the tests of the audit: histories as rows have them, judged by a profile."""

from __future__ import annotations

import json
from typing import Any

from toolpair_observe.histories.judging import Judged, judge_unit
from toolpair_observe.histories.limits import DEFAULT_LIMITS
from toolpair_observe.histories.unit import Conversation, Extent, Layer, Status, Unit
from toolpair_observe.pairing.providers.table import PROFILES

SECRET = "the launch code is 0000"


def asks(text: str = SECRET) -> dict[str, Any]:
    return {"type": "human", "content": text}


def calls(*ids: str) -> dict[str, Any]:
    made = [
        {"name": "look", "args": {"at": SECRET}, "id": each, "type": "tool_call"} for each in ids
    ]
    return {"type": "ai", "content": "", "tool_calls": made}


def says() -> dict[str, Any]:
    return {"type": "ai", "content": SECRET}


def answers(identifier: str) -> dict[str, Any]:
    return {"type": "tool", "content": SECRET, "tool_call_id": identifier}


SOUND = (asks(), calls("call_a"), answers("call_a"))
MISSING = (asks(), calls("call_a"), asks())
ORPHAN = (asks(), answers("call_z"))
# Google's integration drops the result that answers nothing.
LOST = (asks(), calls("call_a"), answers("call_a"), answers("call_z"))


def unit(messages=SOUND, *, line: int | None = 1, row: str = "", **known: Any) -> Unit:
    return Unit(
        **{
            "line": line,
            "row": row,
            "format": "messages",
            "layer": Layer.LANGCHAIN,
            "conversations": (Conversation(list(messages)),),
            **known,
        }
    )


def trajectory(messages, **known: Any) -> Unit:
    return unit(messages, extent=Extent.PREFIXES, **known)


def unread(reason: str, status: Status = Status.UNREADABLE, line: int | None = 1) -> Unit:
    return Unit(line=line, row="", format="file", status=status, reason=reason)


def judged(given: Unit | None = None, profile: str | None = "openai-chat") -> Judged:
    return judge_unit(
        unit() if given is None else given, DEFAULT_LIMITS, PROFILES[profile] if profile else None
    )


def as_lines(*values: object) -> bytes:
    """Return values as JSON Lines; a text stands for itself."""
    return b"".join(
        f"{each if isinstance(each, str) else json.dumps(each)}\n".encode() for each in values
    )
