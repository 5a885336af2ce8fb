"""The short form of prompt files: a message is its role, and under it what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import Dialect
from toolpair_observe.histories.dialects.neutral import objects, refuse, said_by
from toolpair_observe.pairing.transcript import Transcript
from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.pairing.transcript import Entry

_ROLES: Final = {
    "ai": Role.AI,
    "assistant": Role.AI,
    "developer": Role.SYSTEM,
    "human": Role.HUMAN,
    "system": Role.SYSTEM,
    "user": Role.HUMAN,
}


def _role(message: object) -> Role | None:
    if not isinstance(message, dict) or len(message) != 1:
        return None
    key = next(iter(message))
    return _ROLES.get(key) if isinstance(key, str) else None


def _claims(message: object) -> bool:
    return _role(message) is not None and isinstance(next(iter(message.values())), str)  # type: ignore[attr-defined]


def _is_ai(message: Any) -> bool:  # noqa: ANN401 - a message of any shape
    return _role(message) is Role.AI


def _read(messages: Sequence[Any]) -> Transcript:
    return Transcript([_read_one(index, each) for index, each in objects(messages)])


def _read_one(index: int, message: dict[str, Any]) -> Entry:
    role = _role(message)
    if role is None:
        refuse("message of more than a role's name", message, f"message {index}")
    text = next(iter(message.values()))
    if not isinstance(text, str):
        refuse("content", text, f"message {index}")
    return said_by(index, role, {"content": text})


SHORT_FORM: Final = Dialect(name="short-form", claims=_claims, read=_read, is_ai=_is_ai)
