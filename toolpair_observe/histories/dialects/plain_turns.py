"""What some profiles mind of plain messages beside their pairs: who speaks first, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.pairing.first_look import Plain


class Speakers(NamedTuple):
    """How a form names who speaks.

    Attributes:
        key: The key that holds it.
        human: The word for a person.
        system: The words for the system.
    """

    key: str
    human: str
    system: frozenset[str]


def stand_as_asked(messages: Sequence[Any], plain: Plain, speakers: Speakers) -> bool:
    """Whether plain messages have nothing of what is minded between them.

    Args:
        messages: The messages.
        plain: What they must not have.
        speakers: How they name who speaks.
    """
    key, human, system = speakers
    if plain.human_first:
        roles = (message[key] for message in messages)
        if next((role for role in roles if role not in system), None) != human:
            return False
    if plain.no_late_system and any(message[key] in system for message in messages[1:]):
        return False
    return not plain.one_call or all(len(m.get("tool_calls") or ()) <= 1 for m in messages)
