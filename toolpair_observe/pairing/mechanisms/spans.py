"""What has to stand between two AI messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.first_look import Trait
from toolpair_observe.pairing.mechanisms.mechanism import mechanism
from toolpair_observe.pairing.turns import Finding
from toolpair_observe.pairing.words import Case, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolpair_observe.pairing.transcript import Result
    from toolpair_observe.pairing.turns import Turn


class _Span:
    """An AI message with all results until the next one, whoever speaks in between.

    mistral-common's validator counts so, and does not look at the first message of a history.
    """

    def __init__(self, turn: Turn | None) -> None:
        self.calls = turn.calls if turn is not None else []
        self.results: list[tuple[Turn, Result]] = []

    def named(self) -> Iterator[Finding]:
        """Find results that name no call of the message, or one that is answered."""
        wanted = {call.id for call in self.calls}
        seen: set[str] = set()
        for turn, result in self.results:
            if result.id not in wanted or result.id in seen:
                yield Finding(Case.ORPHAN_AMONG_RESULTS, None, result, turn.position)
            seen.add(result.id)

    def missed(self) -> Iterator[Finding]:
        """Find calls that no result names."""
        named = {result.id for _, result in self.results}
        for call in self.calls:
            if call.id not in named:
                yield Finding(Case.MISSING_ALL, call, None, call.index)

    def counted(self) -> Iterator[Finding]:
        """Find that there are more or fewer results than calls."""
        if len(self.results) > len(self.calls):
            for turn, result in self.results[len(self.calls) :]:
                yield Finding(Case.ORPHAN_AMONG_RESULTS, None, result, turn.position)
        elif len(self.results) < len(self.calls):
            for call in self.calls[len(self.results) :]:
                yield Finding(Case.MISSING_ALL, call, None, call.index)


def _spans(turns: Sequence[Turn]) -> Iterator[_Span]:
    span = _Span(None)
    for turn in turns[1:]:
        span.results += [(turn, result) for result in turn.results]
        if turn.role is Role.AI:
            yield span
            span = _Span(turn)
    yield span


@mechanism(
    "results-counted-until-ai",
    "As many results as calls come before the next AI message, whatever stands between; the first "
    "message does not count",
    Trait.NO_HUMAN_FIRST,
)
def _counted_until_ai(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    for span in list(_spans(turns))[:-1]:
        yield from span.counted()


@mechanism(
    "results-counted-until-end",
    "As many results as calls come before the next AI message or the end, whatever stands between; "
    "the first message does not count",
    Trait.NO_HUMAN_FIRST,
)
def _counted_until_end(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    for span in _spans(turns):
        yield from span.counted()


@mechanism(
    "calls-answered-until-ai",
    "Calls are answered before the next AI message, whatever stands between; the first message "
    "does not count",
)
def _answered_until_ai(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    for span in list(_spans(turns))[:-1]:
        yield from span.missed()


@mechanism(
    "calls-answered-until-end",
    "Calls are answered before the next AI message or the end, whatever stands between; the first "
    "message does not count",
)
def _answered_until_end(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    for span in _spans(turns):
        yield from span.missed()


@mechanism(
    "result-names-call-of-last-ai",
    "A result names a call of the last AI message that has no other result; the first message does "
    "not count",
    Trait.NO_HUMAN_FIRST,
)
def _names_call_of_last_ai(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    for span in _spans(turns):
        yield from span.named()


SPANS: Final = (
    _counted_until_ai,
    _counted_until_end,
    _answered_until_ai,
    _answered_until_end,
    _names_call_of_last_ai,
)
