"""UI messages of Vercel's AI SDK: a call and its result are one part with a state.

They are taken apart into model messages, as the SDK does before it asks a model: one for each step
of the model, and one with the results of the step's calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects import ai_sdk
from toolpair_observe.histories.dialects.dialect import Dialect, known_keys
from toolpair_observe.histories.dialects.neutral import objects, parts_at, refuse
from toolpair_observe.pairing.fields import as_dict, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROLES: Final = frozenset({"assistant", "data", "system", "user"})
_KEYS: Final = frozenset(
    {
        "annotations",
        "attachments",
        "content",
        "createdAt",
        "data",
        "experimental_attachments",
        "metadata",
        "parts",
        "revisionId",
        "toolInvocations",
    }
)
_STEP: Final = "step-start"
# Parts that are shown, and of which the model gets text or files at most.
_PASSIVE: Final = frozenset(
    {
        "custom",
        "file",
        "image",
        "reasoning",
        "reasoning-file",
        "source",
        "source-document",
        "source-url",
        "steering-message",
        "text",
    }
)
# What the model itself said: after a call that was answered it is another step.
_SAID: Final = frozenset({"reasoning", "text"})
_OPEN: Final = frozenset({"input-streaming", "input-available", "call", "partial-call"})
_ASKED: Final = frozenset({"approval-requested", "approval-responded"})
_DONE: Final = frozenset({"output-available", "output-error", "output-denied", "result"})


def _claims(message: object) -> bool:
    if not isinstance(message, dict) or as_text(message.get("role")) not in _ROLES:
        return False
    if isinstance(message.get("toolInvocations"), list):
        return True
    parts = message.get("parts")
    if not isinstance(parts, list):
        return False
    if not parts:
        return isinstance(message.get("id"), str)
    return any(isinstance(part, dict) and _is_telling(part) for part in parts)


def _is_telling(part: dict[str, Any]) -> bool:
    kind = as_text(part.get("type"))
    if kind in ("text", "reasoning"):
        # The parts of OpenTelemetry's conventions have `content` there.
        return "text" in part or "reasoning" in part
    if kind == "file":
        return "url" in part or "mimeType" in part
    return kind == _STEP or kind.startswith(("source", "data-")) or _is_tool(kind)


def _is_tool(kind: str) -> bool:
    return kind == "dynamic-tool" or kind.startswith("tool-")


def _unfold(messages: Sequence[Any]) -> Sequence[Any]:
    turns: list[Any] = []
    for index, fields in objects(messages):
        where = f"message {index}"
        role = as_text(fields.get("role"))
        if role not in _ROLES:
            refuse("role", fields.get("role"), where)
        known_keys(fields, _KEYS, where)
        if role == "data":
            continue  # for the page alone
        parts = list(_parts_of(fields, where))
        if role == "assistant":
            for step in _steps(parts):
                turns += _turns(step)
        else:
            turns.append({"role": role, "content": _text(fields, parts, where)})
    return ai_sdk.unfold(turns)


def _parts_of(fields: dict[str, Any], where: str) -> Iterator[dict[str, Any]]:
    """Yield the parts; of a message from before there were parts, what would be in them."""
    parts = parts_at(fields, "parts", where) if fields.get("parts") is not None else None
    if parts is not None and (not fields.get("toolInvocations") or any(map(_is_call, parts))):
        for place, part in enumerate(parts):
            kind = as_text(part.get("type"))
            if _is_tool(kind):
                yield _flat(part, f"{where}: parts[{place}]")
            elif kind in _PASSIVE or kind == _STEP or kind.startswith("data-"):
                yield part
            else:
                refuse("part", part.get("type"), f"{where}: parts[{place}]")
        return
    if fields.get("toolInvocations") is not None:
        for place, part in enumerate(parts_at(fields, "toolInvocations", where)):
            yield _flat({"toolInvocation": part}, f"{where}: toolInvocations[{place}]")
    content = fields.get("content")
    if content:
        if not isinstance(content, str):
            refuse("content", content, where)
        yield {"type": "text", "text": content}


def _is_call(part: dict[str, Any]) -> bool:
    return _is_tool(as_text(part.get("type")))


def _flat(part: dict[str, Any], where: str) -> dict[str, Any]:
    """Return a call's part with id, name and state at hand, in whichever release's form it is."""
    inner = as_dict(part, "toolInvocation") or part
    state = as_text(inner.get("state"))
    if state not in _OPEN | _ASKED | _DONE:
        refuse("state", inner.get("state"), where)
    kind = as_text(part.get("type"))
    name = inner.get("toolName") or kind.removeprefix("tool-")
    return {
        "type": "tool",
        "toolCallId": inner.get("toolCallId"),
        "toolName": name,
        "state": state,
        "providerExecuted": inner.get("providerExecuted"),
        "approval": as_dict(inner, "approval"),
        "step": inner.get("step"),
        "said": inner.get("errorText") or inner.get("output") or inner.get("result"),
    }


def _steps(parts: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the parts of each step of the model.

    Releases without `step-start` number the steps, or leave it at text behind an answered call.
    """
    marked = any(part.get("type") == _STEP for part in parts)
    step: list[dict[str, Any]] = []
    called: dict[str, Any] | None = None
    for part in parts:
        kind = part.get("type")
        if kind == _STEP:
            begins = True
        elif marked or called is None:
            begins = False
        elif kind == "tool":
            begins = part["step"] != called["step"]
        else:
            begins = kind in _SAID and called["state"] in _DONE
        if begins and step:
            yield step
            step = []
            called = None
        if kind != _STEP:
            step.append(part)
        if kind == "tool" and part["providerExecuted"] is not True:
            called = part
    if step:
        yield step


def _turns(step: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for part in step:
        if part.get("type") != "tool":
            # Of other parts nothing but that they stand there matters.
            text = part.get("text", "x")
            said.append({"type": "text", "text": text if isinstance(text, str) else "x"})
            continue
        named = {"toolCallId": part["toolCallId"], "toolName": part["toolName"]}
        hosted = part["providerExecuted"] is True
        said.append({"type": "tool-call", "providerExecuted": hosted, **named})
        if part["state"] in _DONE:
            failed = part["state"] == "output-error"
            answer = {"result": part["said"], "isError": failed, **named}
            (said if hosted else results).append({"type": "tool-result", **answer})
        elif part["state"] in _ASKED:
            said.append({"type": "tool-approval-request", "approvalId": "", **named})
    yield {"role": "assistant", "content": said}
    if results:
        yield {"role": "tool", "content": results}


def _text(fields: dict[str, Any], parts: list[dict[str, Any]], where: str) -> str:
    """Return the text of a message that is not the model's; it makes no calls."""
    for part in parts:
        if part.get("type") == "tool":
            refuse("part", "tool", f"{where}, of role {as_text(fields.get('role'))}")
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    return texts[0] if texts else "x"


UI_MESSAGE: Final = Dialect(
    name="ui-message",
    claims=_claims,
    read=ai_sdk.read,
    is_ai=ai_sdk.is_ai,
    unfold=_unfold,
)
