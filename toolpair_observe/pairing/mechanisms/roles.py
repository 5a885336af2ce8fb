"""Who may speak where, and how many calls a message makes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.first_look import Trait
from toolpair_observe.pairing.mechanisms.mechanism import mechanism
from toolpair_observe.pairing.turns import Finding
from toolpair_observe.pairing.words import Case, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolpair_observe.pairing.turns import Turn


@mechanism("one-call", "A message makes one call at most", Trait.SEVERAL_CALLS)
def _one_call(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    for turn in turns:
        if len(turn.calls) > 1:
            yield Finding(Case.SEVERAL_CALLS, turn.calls[1], None, turn.position)


@mechanism(
    "one-call-later",
    "A message makes one call at most, but for the first one behind system messages",
    Trait.SEVERAL_CALLS,
)
def _one_call_later(turns: Sequence[Turn], value: int) -> Iterator[Finding]:
    first = next((place for place, t in enumerate(turns) if t.role is not Role.SYSTEM), 0)
    return _one_call.find(turns[first + 1 :], value)


@mechanism(
    "roles-alternate",
    "Human messages and AI texts take turns, a human one first; calls and results do not count",
    Trait.ANYTHING,
)
def _roles_alternate(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    return _alternate([turn for turn in turns if turn.role is not Role.SYSTEM])


@mechanism(
    "roles-alternate-with-system",
    "Human messages and AI texts take turns, a human one first; calls and results do not count, "
    "and a system message behind the head does as an AI text",
    Trait.ANYTHING,
)
def _roles_alternate_with_system(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    return _alternate(turns[1:] if turns and turns[0].role is Role.SYSTEM else turns)


def _alternate(turns: Sequence[Turn]) -> Iterator[Finding]:
    is_humans = True
    between: Turn | None = None
    for turn in turns:
        if turn.calls or turn.results:
            between = turn
            continue
        if (turn.role is Role.HUMAN) != is_humans:
            yield _out_of_turn(turn, between)
        else:
            is_humans = not is_humans
        between = None


@mechanism("no-system", "No message is a system one", Trait.ANYTHING)
def _no_system(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    for turn in turns:
        if turn.role is Role.SYSTEM:
            yield _out_of_turn(turn, None)


@mechanism("system-first", "A system message stands at the head alone", Trait.LATE_SYSTEM)
def _system_first(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    before: Turn | None = None
    for turn in turns:
        if turn.role is Role.SYSTEM and before is not None:
            yield _out_of_turn(turn, before)
        before = turn


@mechanism("human-needed", "Some message is a human one", Trait.NO_HUMAN_FIRST, is_of_all=True)
def _human_needed(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    if turns and not any(turn.role is Role.HUMAN for turn in turns):
        yield _out_of_turn(turns[-1], turns[0])


@mechanism(
    "human-first", "The first message but for system ones is a human one", Trait.NO_HUMAN_FIRST
)
def _human_first(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    first = next((turn for turn in turns if turn.role is not Role.SYSTEM), None)
    if first is not None and first.role is not Role.HUMAN:
        yield _out_of_turn(first, first)


@mechanism(
    "human-if-alone", "A message that stands alone is a human or system one", Trait.NO_HUMAN_FIRST
)
def _human_if_alone(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    if len(turns) == 1 and turns[0].role not in (Role.HUMAN, Role.SYSTEM):
        yield _out_of_turn(turns[0], turns[0])


@mechanism("no-human-after-result", "No human message follows a result", Trait.HUMAN_AFTER_RESULT)
def _no_human_after_result(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    for before, turn in pairwise(turns):
        if before.results and turn.role is Role.HUMAN and not turn.results:
            yield _out_of_turn(turn, before)


@mechanism(
    "no-system-after-result", "No system message follows a result", Trait.SYSTEM_AFTER_RESULT
)
def _no_system_after_result(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    for before, turn in pairwise(turns):
        if before.results and turn.role is Role.SYSTEM:
            yield _out_of_turn(turn, before)


@mechanism("system-before-others", "System messages stand before all others", Trait.LATE_SYSTEM)
def _system_before_others(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    before: Turn | None = None
    for turn in turns:
        if turn.role is not Role.SYSTEM:
            before = turn
        elif before is not None:
            yield _out_of_turn(turn, before)


@mechanism(
    "no-system-behind-ai",
    "No system message follows an AI message or a result",
    Trait.LATE_SYSTEM,
)
def _no_system_behind_ai(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    for before, turn in pairwise(turns):
        if turn.role is Role.SYSTEM and (before.results or before.role is Role.AI):
            yield _out_of_turn(turn, before)


@mechanism("no-ai-last", "The last message is no AI message", Trait.ANYTHING)
def _no_ai_last(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    if turns and turns[-1].role is Role.AI and not turns[-1].results:
        yield _out_of_turn(turns[-1], turns[-1])


@mechanism("no-system-last", "The last message is no system message", Trait.ANYTHING)
def _no_system_last(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    if turns and turns[-1].role is Role.SYSTEM:
        yield _out_of_turn(turns[-1], turns[-2] if len(turns) > 1 else None)


def _out_of_turn(turn: Turn, near: Turn | None) -> Finding:
    """The finding of a message that may not stand there, with the call or result it is due to."""
    result = near.results[-1] if near is not None and near.results else None
    call = near.calls[-1] if near is not None and near.calls and result is None else None
    case = Case.ROLE_REFUSED
    if result is not None and turn.role is Role.HUMAN:
        case = Case.HUMAN_AFTER_TOOL
    elif result is not None and turn.role is Role.SYSTEM:
        case = Case.SYSTEM_AFTER_TOOL
    return Finding(case, call, result, turn.position, message=turn.index)


NO_SYSTEM_BEHIND_AI: Final = _no_system_behind_ai
ROLES: Final = (
    _one_call,
    _one_call_later,
    _roles_alternate,
    _roles_alternate_with_system,
    _no_system,
    _system_first,
    _human_needed,
    _human_first,
    _human_if_alone,
    _no_human_after_result,
    _no_system_after_result,
    _system_before_others,
    _no_system_behind_ai,
    _no_ai_last,
    _no_system_last,
)
