"""The provider's own text for a breach, with the ids and positions that it would name."""

from __future__ import annotations

from functools import cached_property, lru_cache
from string import Formatter
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.shown import said, shown
from toolpair_observe.pairing.words import Effect, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from toolpair_observe.pairing.predict import Breach
    from toolpair_observe.pairing.shown import ShowId
    from toolpair_observe.pairing.transcript import Call, Result, Transcript
    from toolpair_observe.pairing.turns import Finding, Pairing, Turn

# A provider names every id; a person reads a few.
_MOST_IDS = 16


class Places:
    """Where messages, calls and results stand in what is sent.

    Args:
        transcript: The history as it was given.
        sent: The turns that leave.
        filled: Positions of the messages that get a filler for content.
    """

    def __init__(
        self, transcript: Transcript, sent: Sequence[Turn], filled: Collection[int]
    ) -> None:
        self._entries = transcript.entries
        self._sent = sent
        self._filled = filled

    def position(self, index: int, otherwise: int) -> int:
        """Position of the turn that holds the message at `index`."""
        turn = self._turn_of.get(index)
        return otherwise if turn is None else turn.position

    def block_of_call(self, call: Call) -> int:
        """Position of the call's block within its turn."""
        if call.block is not None:
            return self._blocks_before(call.index) + call.block
        # What stands in no content is put behind it.
        behind = self._entries[call.index].blocks + self._number_outside.get(call, 0)
        return self._blocks_before(call.index) + behind

    def number_of_call(self, call: Call) -> int:
        """Position of the call among the calls of its turn."""
        return self._number.get(call, 0)

    def block_of_result(self, result: Result) -> int:
        """Position of the result's block within its turn."""
        turn = self._turn_of.get(result.index)
        if turn is not None and turn.results_lead:
            return self._number.get(result, 0)
        return self._blocks_before(result.index) + result.block

    def _blocks_before(self, index: int) -> int:
        """How many blocks stand before the message in its turn."""
        turn = self._turn_of.get(index)
        first = index if turn is None else turn.index
        return self._blocks_until[index] - self._blocks_until[first]

    # Each is made once, where a text asks for it: many breaches of a history stay cheap.

    @cached_property
    def _turn_of(self) -> dict[int, Turn]:
        held: dict[int, Turn] = {}
        for turn in self._sent:
            for index in range(turn.index, turn.last + 1):
                held.setdefault(index, turn)
        return held

    @cached_property
    def _number(self) -> dict[Call | Result, int]:
        numbers: dict[Call | Result, int] = {}
        for turn in self._sent:
            numbers.update((call, number) for number, call in enumerate(turn.calls))
            numbers.update((result, number) for number, result in enumerate(turn.results))
        return numbers

    @cached_property
    def _number_outside(self) -> dict[Call, int]:
        return {
            call: number
            for entry in self._entries
            for number, call in enumerate(c for c in entry.calls if c.block is None)
        }

    @cached_property
    def _blocks_until(self) -> dict[int, int]:
        until: dict[int, int] = {}
        total = 0
        for entry in self._entries:
            until[entry.index] = total
            if entry.role is not Role.SYSTEM:
                total += entry.blocks or int(entry.index in self._filled)
        return until


def expected_error(breach: Breach, given: Pairing, places: Places, show_id: ShowId) -> str:
    """Return the text of the breach's worst effect, `""` where none is known.

    Args:
        breach: The breach.
        given: The pairing of the history as it was given.
        places: Where things stand in what is sent.
        show_id: How ids are shown.
    """
    if breach.notes:
        for effect in (Effect.LOCAL_ERROR, Effect.REJECT):
            for note in breach.notes:
                if note.effect is effect:
                    return said(note.text, show_id)
    met = breach.rule
    if met is None:
        return ""
    finding, rule = met
    told = {
        name: _VALUES[name](finding, given, places, show_id) for name in _placeholders(rule.text)
    }
    return rule.text.format(**told)


@lru_cache(maxsize=512)
def _placeholders(text: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in Formatter().parse(text) if name)


def _id(finding: Finding, _: Pairing, __: Places, show_id: ShowId) -> str:
    return show_id(_own_id(finding))


def _own_id(finding: Finding) -> str:
    bearer = finding.call or finding.result
    return bearer.id if bearer else ""


def _ids(finding: Finding, _: Pairing, __: Places, show_id: ShowId) -> str:
    unanswered = finding.block.unanswered[:_MOST_IDS] if finding.block else []
    return ", ".join(map(show_id, [one.id for one in unanswered] or [_own_id(finding)]))


def _result_id(finding: Finding, _: Pairing, __: Places, show_id: ShowId) -> str:
    return show_id(finding.result.id) if finding.result else ""


def _call_position(finding: Finding, _: Pairing, places: Places, __: ShowId) -> int:
    if finding.call is None:
        return finding.position
    return places.position(finding.call.index, finding.position)


def _next_position(finding: Finding, given: Pairing, places: Places, show_id: ShowId) -> int:
    return _call_position(finding, given, places, show_id) + 1


def _position(finding: Finding, given: Pairing, places: Places, show_id: ShowId) -> int:
    if finding.result is None:
        return _call_position(finding, given, places, show_id)
    return places.position(finding.result.index, finding.position)


def _first_position(finding: Finding, given: Pairing, places: Places, _: ShowId) -> int:
    answer = given.answer.get(finding.call) if finding.call else None
    return places.position(answer.index, finding.position) if answer else finding.position


def _call_block(finding: Finding, _: Pairing, places: Places, __: ShowId) -> int:
    return places.block_of_call(finding.call) if finding.call else 0


def _result_block(finding: Finding, _: Pairing, places: Places, __: ShowId) -> int:
    return places.block_of_result(finding.result) if finding.result else 0


def _name(finding: Finding, _: Pairing, __: Places, ___: ShowId) -> str:
    return shown(finding.call.name or "") if finding.call else ""


def _length(finding: Finding, _: Pairing, __: Places, ___: ShowId) -> int:
    return len(_own_id(finding))


def _id_field(finding: Finding, _: Pairing, places: Places, __: ShowId) -> str:
    if finding.result is not None:
        return "tool_call_id"
    return f"tool_calls[{places.number_of_call(finding.call) if finding.call else 0}].id"


# What the placeholders in a rule's text stand for. Some take a look at all that is sent.
_VALUES: Final[Mapping[str, Callable[[Finding, Pairing, Places, ShowId], object]]] = {
    "id": _id,
    "ids": _ids,
    "result_id": _result_id,
    "position": _position,
    "call_position": _call_position,
    "next_position": _next_position,
    "first_position": _first_position,
    "call_block": _call_block,
    "result_block": _result_block,
    "name": _name,
    "length": _length,
    "id_field": _id_field,
}
