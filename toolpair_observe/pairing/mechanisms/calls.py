"""What a call needs right behind its message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.mechanisms.mechanism import Mechanism, mechanism
from toolpair_observe.pairing.turns import Finding
from toolpair_observe.pairing.words import Case, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolpair_observe.pairing.transcript import Call, Result
    from toolpair_observe.pairing.turns import Turn


class _Block:
    """An AI turn with calls, the results right behind it, and what follows them."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.results: list[Result] = []
        self.then: Turn | None = None

    @property
    def unanswered(self) -> list[Call]:
        """The calls whose id no result of the block names."""
        named = {result.id for result in self.results}
        return [call for call in self.turn.calls if call.null_id or call.id not in named]

    def missing(self) -> Iterator[Finding]:
        case = Case.MISSING_SOME if self.results else Case.MISSING_ALL
        if not self.results and self.then is None:
            case = Case.MISSING_AT_END
        for call in self.unanswered:
            yield Finding(case, call, None, self.turn.position)

    def uncounted(self) -> Iterator[Finding]:
        """The finding that there are fewer results than calls."""
        case = Case.MISSING_SOME if self.results else Case.MISSING_ALL
        for call in (self.unanswered or self.turn.calls)[:1]:
            yield Finding(case, call, None, self.turn.position)


def _blocks(turns: Sequence[Turn]) -> Iterator[_Block]:
    block: _Block | None = None
    for turn in turns:
        if block is not None:
            block.results += turn.results
        if turn.results and not turn.calls and not turn.has_text:
            continue
        if block is not None:
            block.then = turn
            yield block
        block = _Block(turn) if turn.calls else None
    if block is not None:
        yield block


def _before_human(block: _Block) -> bool:
    return block.then is not None and block.then.role is Role.HUMAN


def _before_ai(block: _Block) -> bool:
    return block.then is not None and block.then.role is Role.AI


def _before_next(block: _Block) -> bool:
    return block.then is not None


def _in_part(block: _Block) -> bool:
    return bool(block.results)


def _always(_: _Block) -> bool:
    return True


def _answered(name: str, says: str, is_due: Callable[[_Block], bool]) -> Mechanism:
    """Make a mechanism of when a call needs a result that names it."""

    @mechanism(name, says)
    def find(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
        for block in _blocks(turns):
            if is_due(block):
                yield from block.missing()

    return find


def _counted(name: str, says: str, is_due: Callable[[_Block], bool]) -> Mechanism:
    """Make a mechanism of when there have to be as many results as calls."""

    @mechanism(name, says)
    def find(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
        for block in _blocks(turns):
            if is_due(block) and len(block.results) < len(block.turn.calls):
                yield from block.uncounted()

    return find


@mechanism("calls-answered-behind", "Every call has a result behind it", is_of_all=True)
def _answered_behind(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    last = {result.id: place for place, turn in enumerate(turns) for result in turn.results}
    return _unanswered(turns, lambda call, place: last.get(call.id, -1) >= place)


@mechanism(
    "calls-answered-anywhere", "Every call has a result, be it before or behind it", is_of_all=True
)
def _answered_anywhere(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    named = {result.id for turn in turns for result in turn.results}
    return _unanswered(turns, lambda call, _place: call.id in named)


def _unanswered(
    turns: Sequence[Turn], is_answered: Callable[[Call, int], bool]
) -> Iterator[Finding]:
    for place, turn in enumerate(turns):
        case = Case.MISSING_ALL if place + 1 < len(turns) else Case.MISSING_AT_END
        for call in turn.calls:
            if call.null_id or not is_answered(call, place):
                yield Finding(case, call, None, turn.position)


CALLS: Final = (
    _answered_behind,
    _answered_anywhere,
    _answered(
        "calls-answered-before-human",
        "Calls are answered before a human message follows",
        _before_human,
    ),
    _answered(
        "calls-answered-before-ai", "Calls are answered before an AI message follows", _before_ai
    ),
    _answered(
        "calls-answered-before-next",
        "Calls are answered before another message follows",
        _before_next,
    ),
    _answered(
        "calls-answered-in-part", "Where one call of a message is answered, all are", _in_part
    ),
    _answered("calls-answered", "Every call is answered right behind its message", _always),
    _counted(
        "results-counted-before-ai",
        "As many results as calls stand before an AI message follows",
        _before_ai,
    ),
    _counted(
        "results-counted-before-next",
        "As many results as calls stand before another message follows",
        _before_next,
    ),
    _counted("results-counted", "As many results as calls stand right behind a message", _always),
)
