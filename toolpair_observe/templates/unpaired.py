"""Why a template refuses a history whose calls and results pair."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from toolpair_observe.pairing.words import Case
from toolpair_observe.templates.sent import Sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolpair_observe.pairing.providers.wire import Wire
    from toolpair_observe.pairing.shown import Words
    from toolpair_observe.pairing.transcript import Call, Result

_MADE_UP = "xtpo9999999"


class Tries(Protocol):
    """Renders a history to see whether the template raises."""

    def error_of(self, sent: list[Sent]) -> str | None:
        """Return what it raises, or None."""


@dataclass(frozen=True, slots=True)
class Mend:
    """What is refused, and how to take it out of a history.

    Attributes:
        case: What is refused.
        index: Position of the message.
        apply: Takes it out.
        call: The call concerned, or None.
        result: The result concerned, or None.
    """

    case: Case
    index: int
    apply: Callable[[list[Sent]], list[Sent]]
    call: Call | None = None
    result: Result | None = None

    def note(self, wire: Wire, text: Words) -> None:
        """Note that the server refuses it."""
        wire.refuse(self.case, text, self.index, self.call, self.result)


def boundary(sent: list[Sent], text: str, tries: Tries) -> int:
    """Return the place of a message at which the template starts to raise this, halving."""
    fine, raising = 0, len(sent)
    while raising - fine > 1:
        middle = (fine + raising) // 2
        if tries.error_of(sent[:middle]) == text:
            raising = middle
        else:
            fine = middle
    return raising - 1


def reason(sent: list[Sent], text: str, tries: Tries) -> Mend:
    """Return what the template refuses in a history that pairs, found by taking it out."""
    if tries.error_of([Sent(0, "user", _MADE_UP)]) == text:
        # Whatever is said: a variable may be missing, or the template not take tools.
        return Mend(Case.NOT_RENDERED, sent[0].index, _nothing)
    place = boundary(sent, text, tries)
    culprit = sent[place]
    first_call = next((call.call for call in culprit.calls), None)

    def helps(apply: Callable[[list[Sent]], list[Sent]]) -> bool:
        # Only as far as it raises now: what stands behind may be refused for reasons of its own.
        upto = sent[: place + 1]
        return apply(upto) != upto and tries.error_of(apply(upto)) != text

    if (culprit.calls or culprit.answers is not None) and helps(_with_short_ids):
        return Mend(Case.INVALID_ID, culprit.index, _with_short_ids, first_call, culprit.result)
    if len(culprit.calls) > 1:
        one_call = _one_call_at(culprit.index)
        if helps(one_call):
            second = culprit.calls[1].call
            return Mend(Case.SEVERAL_CALLS, culprit.index, one_call, second)
    if not _human_first(sent) and helps(_with_human_first):
        apply: Callable[[list[Sent]], list[Sent]] = _with_human_first
    else:
        apply = _without(culprit)
    return Mend(Case.ROLE_REFUSED, culprit.index, apply, first_call, culprit.result)


def _nothing(_: list[Sent]) -> list[Sent]:
    return []


def _human_first(sent: list[Sent]) -> bool:
    first = next((message.role for message in sent if message.role != "system"), None)
    return first == "user"


def _with_human_first(sent: list[Sent]) -> list[Sent]:
    place = next((n for n, message in enumerate(sent) if message.role != "system"), 0)
    return [*sent[:place], Sent(sent[place].index, "user", _MADE_UP), *sent[place:]]


def _with_short_ids(sent: list[Sent]) -> list[Sent]:
    """Give every call and its results nine letters and digits."""
    known: dict[str, str] = {}

    def short(given: str | None) -> str | None:
        return known.setdefault(given, f"id{len(known):07d}") if given else given

    return [
        replace(
            message,
            answers=short(message.answers),
            calls=tuple(replace(call, id=short(call.id)) for call in message.calls),
        )
        for message in sent
    ]


def _one_call_at(index: int) -> Callable[[list[Sent]], list[Sent]]:
    """Make what leaves a message its first call, and drops the results of the others."""

    def apply(sent: list[Sent]) -> list[Sent]:
        gone: set[str | None] = set()
        kept: list[Sent] = []
        for message in sent:
            if message.index == index and message.calls:
                gone = {call.id for call in message.calls[1:]}
                kept.append(message.has_calls(message.calls[:1]))
            elif message.answers is None or message.answers not in gone:
                kept.append(message)
            if message.answers is None and message.index != index:
                gone = set()
        return kept

    return apply


def _without(culprit: Sent) -> Callable[[list[Sent]], list[Sent]]:
    """Make what leaves a message out; a call or a result with all that it pairs with."""

    def apply(sent: list[Sent]) -> list[Sent]:
        place = next((n for n, each in enumerate(sent) if _same(each, culprit)), None)
        if place is None:
            return sent
        start, end = place, place + 1
        if culprit.role == "tool":
            while start and sent[start].role == "tool":
                start -= 1
        if culprit.calls or culprit.role == "tool":
            while end < len(sent) and sent[end].role == "tool":
                end += 1
        return sent[:start] + sent[end:]

    return apply


def _same(message: Sent, other: Sent) -> bool:
    return (message.index, message.role, message.result) == (
        other.index,
        other.role,
        other.result,
    )
