"""Message templates and placeholders, which stand for messages in a stored prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import NotUnderstoodError, json_type
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolpair_observe.pairing.transcript import Entry

PLACEHOLDER: Final = "MessagesPlaceholder"
TEMPLATES: Final[Mapping[str, Role]] = {
    "AIMessagePromptTemplate": Role.AI,
    "ChatMessagePromptTemplate": Role.CHAT,
    "HumanMessagePromptTemplate": Role.HUMAN,
    "SystemMessagePromptTemplate": Role.SYSTEM,
}
"""The templates that become one message, and its role."""

_IMAGE: Final = {"type": "image_url"}


def is_placeholder_role(role: str) -> bool:
    """Whether the first part of a `[role, text]` pair makes a placeholder of it."""
    return role == "placeholder"


def template_fields(fields: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the fields of the message that a template becomes.

    Raises:
        NotUnderstoodError: A part of the template is of an unknown kind.
    """
    prompt = fields.get("prompt")
    if isinstance(prompt, list):
        content: Any = [_part(part, f"{where}: prompt[{at}]") for at, part in enumerate(prompt)]
    else:
        content = _part(prompt, f"{where}: prompt")
    others = {key: value for key, value in fields.items() if key not in _TEMPLATE_KEYS}
    return {**others, "content": content}


_TEMPLATE_KEYS: Final = frozenset({"input_variables", "prompt"})


def _part(part: object, where: str) -> str | dict[str, Any]:
    path = part.get("id") if isinstance(part, dict) else None
    fields = part.get("kwargs") if isinstance(part, dict) else None
    if not isinstance(path, list) or not path or not isinstance(fields, dict):
        msg = f"{where}: expected a template, got {json_type(part)}"
        raise NotUnderstoodError(msg)
    template = fields.get("template")
    if path[-1] == "PromptTemplate" and isinstance(template, str):
        return template
    if path[-1] == "ImagePromptTemplate":
        return _IMAGE
    if path[-1] == "DictPromptTemplate" and isinstance(template, dict):
        return template
    msg = f"{where}: a template of the unknown class {quoted(path[-1])}"
    raise NotUnderstoodError(msg)


def fill_holes(entries: Sequence[Entry], holes: Sequence[int]) -> None:
    """Refuse a list in which a pair may span a placeholder.

    Args:
        entries: The messages; a placeholder's says nothing.
        holes: The positions of the placeholders.

    Raises:
        NotUnderstoodError: Before a placeholder a call waits for its result, or behind one stands a
            result whose call may be in it.
    """
    for hole in holes:
        if _waits(entries, hole) or _answers(entries, hole):
            msg = (
                f"message {hole}: a placeholder stands between tool calls and results: "
                "what it is filled with decides"
            )
            raise NotUnderstoodError(msg)


def _waits(entries: Sequence[Entry], hole: int) -> bool:
    """Whether the messages right before the placeholder leave a call without a result."""
    answered: set[str] = set()
    for index in range(hole - 1, -1, -1):
        entry = entries[index]
        if entry.calls:
            return any(call.id not in answered for call in entry.calls)
        if not entry.results:
            return False
        answered.update(result.id for result in entry.results)
    return False


def _answers(entries: Sequence[Entry], hole: int) -> bool:
    """Whether a result stands right behind the placeholder."""
    return hole + 1 < len(entries) and bool(entries[hole + 1].results)
