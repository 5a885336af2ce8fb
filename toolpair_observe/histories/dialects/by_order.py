"""Calls and results of forms that have no ids, or not all: they pair by the tool's name and order.

Each pair shares a made-up id, and what has one keeps it. A turn is the calls of AI messages in a
row, and all results until the model calls again. In it

- a result answers the first open call of its tool, and else, once all names are told, the first
  open call. Of a turn of several messages the last one comes first, unless there are results for
  all.
- one result too many answers a call of its tool once more, or comes late for an earlier call that
  nothing answered, or answers none.

Calls and results of OpenAI's first form stay as they are: they never had ids, and no profile asks
for one.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.transcript import Result, Transcript
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from toolpair_observe.histories.dialects.dialect import Dialect
    from toolpair_observe.pairing.transcript import Call, Entry

_NEVER_WITH_ID: Final = frozenset({Carrier.LEGACY_CALL})


def without_ids(dialect: Dialect) -> Dialect:
    """Return a dialect for lists whose calls and results have none of the ids they could have."""

    def read(messages: Sequence[Any]) -> Transcript:
        transcript = dialect.read(messages)
        pair_by_order(transcript.entries)
        return transcript

    return dialect._replace(read=read, has_ids=False, plain_calls=None, variant=None)


def pair_by_order(
    entries: Sequence[Entry], joined: Collection[int] = (), *, names_count: bool = False
) -> None:
    """Give the calls and results of a list that have no ids some by which they pair.

    Args:
        entries: The messages.
        joined: Positions of messages with one result, which may stand for those of all calls that
            are open; it does where there is no other result beside it.
        names_count: Whether a result of another tool than those that are open answers none of
            them, unless there are as many results left as calls.
    """
    ids = _Ids(entries)
    late = _Late()
    for turn in _turns(entries, joined):
        _settle(turn, late, ids, names_count=names_count)


class _Ids:
    """The ids that a list has, and new ones.

    Those have nine letters and digits, which suit every provider.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._called = {call.id for entry in entries for call in entry.calls if call.id}
        self._named = {result.id for entry in entries for result in entry.results if result.id}
        self._made = 0

    def make(self) -> str:
        """Return an id that nothing in the list has."""
        while True:
            self._made += 1
            made = f"c{self._made:08d}"
            if made not in self._called and made not in self._named:
                return made

    def is_open(self, call: Call) -> bool:
        """Whether no result names the call."""
        return call.id not in self._named

    def is_stray(self, result: Result) -> bool:
        """Whether a result names no call."""
        return result.id not in self._called


class _Turn:
    """The calls of AI messages in a row, and all results until the model calls again."""

    def __init__(self) -> None:
        self.results: list[Result] = []
        self._calls: list[Call] = []
        self._calls_before_last = 0
        self._results_in_a_row = 0  # the first of them

    def ask(self, calls: Sequence[Call]) -> None:
        """Take the calls of one message."""
        self._calls_before_last = len(self._calls)
        self._calls += calls

    def answer(self, entry: Entry, in_a_row: int, *, is_joined: bool) -> None:
        """Take the results of one message.

        Args:
            entry: The message.
            in_a_row: How many results stand there and in the messages right behind.
            is_joined: Whether its result may be those of all open calls, and stands alone.
        """
        if not self.results:
            self._results_in_a_row = in_a_row
        missing = len(self.calls) - len(self.results)
        if not self._is_enough:
            missing -= self._calls_before_last
        if is_joined and missing > 1:
            one = entry.results[0]
            entry.results = [
                Result(one.index, "", None, one.carrier, one.sign, block=place)
                for place in range(missing)
            ]
        self.results += [each for each in entry.results if each.carrier is not Carrier.FUNCTION]

    @property
    def calls(self) -> list[Call]:
        """The calls in the order in which they are answered."""
        if self._is_enough:
            return self._calls
        cut = self._calls_before_last
        return self._calls[cut:] + self._calls[:cut]

    @property
    def _is_enough(self) -> bool:
        return self._results_in_a_row >= len(self._calls)


def _turns(entries: Sequence[Entry], joined: Collection[int]) -> list[_Turn]:
    in_a_row = _results_in_a_row(entries)
    turns = [_Turn()]  # for results before the first call
    goes_on = False  # whether the row of AI messages has calls already
    for position, entry in enumerate(entries):
        goes_on = goes_on and entry.role is Role.AI
        calls = [call for call in entry.calls if call.carriers != _NEVER_WITH_ID]
        if calls:
            if not goes_on:
                turns.append(_Turn())
            turns[-1].ask(calls)
            goes_on = True
        if entry.results:
            is_alone = in_a_row[position] == 1 and (not position or not in_a_row[position - 1])
            turns[-1].answer(entry, in_a_row[position], is_joined=is_alone and position in joined)
    return turns


def _results_in_a_row(entries: Sequence[Entry]) -> list[int]:
    """Return for each position how many results stand there and in the messages right behind."""
    counts = [0] * (len(entries) + 1)
    for position in range(len(entries) - 1, -1, -1):
        here = len(entries[position].results)
        counts[position] = here + counts[position + 1] if here else 0
    return counts


class _Late:
    """The calls of earlier turns that nothing answered."""

    def __init__(self) -> None:
        self._all: list[Call] = []
        self._of: dict[str | None, list[Call]] = defaultdict(list)
        self._taken: set[Call] = set()

    def add(self, call: Call) -> None:
        self._all.append(call)
        self._of[call.name].append(call)

    def take(self, name: str | None) -> Call | None:
        """Take the last call of a tool, or the last one of all where none is named."""
        calls = self._of[name] if name else self._all
        while calls:
            call = calls.pop()
            if call not in self._taken:
                self._taken.add(call)
                return call
        return None


def _settle(turn: _Turn, late: _Late, ids: _Ids, *, names_count: bool) -> None:
    calls = [call for call in turn.calls if ids.is_open(call)]
    results = [result for result in turn.results if ids.is_stray(result)]
    pairs, left = _match_names(calls, results)
    answered = {call for call, _ in pairs}
    of_tool = {call.name: call for call, _ in pairs}
    unanswered = [call for call in calls if call not in answered]
    if not names_count or len(left) == len(unanswered) or not any(each.name for each in left):
        pairs += zip(unanswered, left, strict=False)
        unanswered, left = unanswered[len(left) :], left[len(unanswered) :]
    for call, result in pairs:
        if not (call.id and result.id):
            _name(call, call.id or result.id or ids.make())
            result.id = call.id
    for result in left:
        if not result.id:
            again = of_tool.get(result.name) if result.name else None
            answers = again or late.take(result.name)
            result.id = answers.id if answers else ids.make()
    for call in unanswered:
        _name(call, call.id or ids.make())
        late.add(call)


def _match_names(
    calls: Sequence[Call], results: Sequence[Result]
) -> tuple[list[tuple[Call, Result]], list[Result]]:
    """Return the first open call of its tool with each result, and the results without one."""
    waiting: dict[str, deque[Call]] = defaultdict(deque)
    for call in calls:
        if call.name:
            waiting[call.name].append(call)
    pairs: list[tuple[Call, Result]] = []
    left: list[Result] = []
    for result in results:
        queue = waiting.get(result.name or "")
        if queue and not (queue[0].id and result.id):
            pairs.append((queue.popleft(), result))
        else:
            left.append(result)
    return pairs, left


def _name(call: Call, call_id: str) -> None:
    call.id, call.null_id = call_id, False
