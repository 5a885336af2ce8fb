"""What a result needs before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.first_look import Trait
from toolpair_observe.pairing.mechanisms.mechanism import Mechanism, mechanism
from toolpair_observe.pairing.turns import Finding
from toolpair_observe.pairing.words import Case, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolpair_observe.pairing.transcript import Result
    from toolpair_observe.pairing.turns import Turn


def _each_result(turns: Sequence[Turn]) -> Iterator[tuple[Turn, Result, _Before]]:
    """Yield each result with what stands before it."""
    before = _Before()
    for turn in turns:
        for result in turn.results:
            yield turn, result, before
            before.given += 1
            before.named.add(result.id)
        if turn.results and not turn.calls and not turn.has_text:
            continue
        before.take(turn)


class _Before:
    """What stands before a result.

    Attributes:
        speaker: Who spoke last, results aside.
        block: The AI turn with calls right behind which the result stands, other results aside.
        opener: The last AI turn with calls, if no AI turn without calls followed.
        asked: The ids of that turn's calls.
        given: How many results follow it so far.
        named: The ids that they name.
        called: The ids of every call so far.
    """

    def __init__(self) -> None:
        self.speaker: Role | None = None
        self.block: Turn | None = None
        self.opener: Turn | None = None
        self.asked: set[str] = set()
        self.given = 0
        self.named: set[str] = set()
        self.called: set[str] = set()

    def take(self, turn: Turn) -> None:
        self.speaker = turn.role
        self.given, self.named = 0, set()
        self.block = turn if turn.calls else None
        self.asked = {call.id for call in turn.calls}
        if turn.role is Role.AI:
            self.opener = self.block
        self.called |= self.asked


def _orphan(turn: Turn, result: Result, before: _Before) -> Finding:
    case = Case.ORPHAN_AFTER_HUMAN
    if before.speaker is None and not before.given:
        case = Case.ORPHAN_AT_START
    elif before.speaker in (None, Role.SYSTEM):
        case = Case.ORPHAN_FIRST
    elif before.block is not None:
        case = Case.ORPHAN_AMONG_RESULTS
    elif before.speaker is Role.AI:
        case = Case.ORPHAN_AFTER_AI
    return Finding(case, None, result, turn.position)


def _results(
    name: str, says: str, *, is_of_all: bool = False
) -> Callable[[Callable[[Result, _Before], bool]], Mechanism]:
    """Make a mechanism of what tells whether a result may stand where it does."""

    def made(is_met: Callable[[Result, _Before], bool]) -> Mechanism:
        @mechanism(name, says, is_of_all=is_of_all)
        def find(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
            for turn, result, before in _each_result(turns):
                if not is_met(result, before):
                    yield _orphan(turn, result, before)

        return find

    return made


@_results(
    "result-needs-open-call",
    "A result needs an AI message with calls since the last one without",
)
def _needs_open_call(_: Result, before: _Before) -> bool:
    return before.opener is not None


@_results(
    "result-needs-call-before",
    "A result needs an AI message with calls before it",
    is_of_all=True,
)
def _needs_call_before(_: Result, before: _Before) -> bool:
    return bool(before.called)


@_results("result-follows-ai", "A result follows an AI message or another result")
def _follows_ai(_: Result, before: _Before) -> bool:
    return before.speaker is Role.AI


@_results(
    "result-follows-calls", "A result follows an AI message with calls, or another result of it"
)
def _follows_calls(_: Result, before: _Before) -> bool:
    return before.block is not None


@_results("result-not-after-human", "A result does not follow a human or system message")
def _not_after_human(_: Result, before: _Before) -> bool:
    return before.speaker not in (Role.HUMAN, Role.SYSTEM)


@_results("result-not-first", "A result is not the first message")
def _not_first(_: Result, before: _Before) -> bool:
    return before.speaker is not None


@_results("no-more-results", "Behind a message stand no more results than it has calls")
def _no_more_results(_: Result, before: _Before) -> bool:
    return before.block is None or before.given < len(before.block.calls)


@_results("result-id-known", "A result names the id of some call before it")
def _id_known(result: Result, before: _Before) -> bool:
    return result.id in before.called


@mechanism(
    "result-id-anywhere", "A result names the id of some call, before or behind it", is_of_all=True
)
def _id_anywhere(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    called = {call.id for turn in turns for call in turn.calls}
    for turn, result, before in _each_result(turns):
        if result.id not in called:
            yield _orphan(turn, result, before)


@_results("result-id-of-message", "A result among others names a call of the message before them")
def _id_of_message(result: Result, before: _Before) -> bool:
    return before.block is None or result.id in before.asked


@_results("one-result-each", "No two results behind one message name the same call")
def _one_result_each(result: Result, before: _Before) -> bool:
    return result.id not in before.named


@mechanism("one-result-ever", "No two results of the history name the same call", Trait.REUSED_ID)
def _one_result_ever(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    seen: set[str] = set()
    for turn, result, before in _each_result(turns):
        if result.id in seen:
            yield _orphan(turn, result, before)
        seen.add(result.id)


@mechanism("results-lead", "The results of a message stand before all else in it")
def _results_lead(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    for turn in turns:
        for result in turn.behind_text:
            yield Finding(Case.TEXT_BEFORE_RESULT, None, result, turn.position)


RESULTS: Final = (
    _needs_open_call,
    _needs_call_before,
    _follows_ai,
    _follows_calls,
    _not_after_human,
    _not_first,
    _no_more_results,
    _id_known,
    _id_anywhere,
    _id_of_message,
    _one_result_each,
    _one_result_ever,
    _results_lead,
)
