"""The provider's own text for a breach, with the ids and positions that it would name."""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from toolpair_observe.pairing.shown import said, shown
from toolpair_observe.pairing.words import Effect, Role

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

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
    def _blocks_until(self) -> list[int]:
        sizes = (
            0 if entry.role is Role.SYSTEM else entry.blocks or int(entry.index in self._filled)
            for entry in self._entries
        )
        return [0, *accumulate(sizes)]


def expected_error(breach: Breach, given: Pairing, places: Places, show_id: ShowId) -> str:
    """Return the text of the breach's worst effect, `""` where none is known.

    Args:
        breach: The breach.
        given: The pairing of the history as it was given.
        places: Where things stand in what is sent.
        show_id: How ids are shown.
    """
    for effect in (Effect.LOCAL_ERROR, Effect.REJECT):
        for note in breach.notes:
            if note.effect is effect:
                return said(note.text, show_id)
    if breach.rule is None:
        return ""
    finding, rule = breach.rule
    return rule.text.format(**_values(finding, given, places, show_id)) if rule.text else ""


def _values(finding: Finding, given: Pairing, places: Places, show_id: ShowId) -> dict[str, object]:
    call, result = finding.call, finding.result
    bearer = call or result
    own_id = bearer.id if bearer else ""
    position = finding.position
    asking = places.position(call.index, position) if call else position
    answering = places.position(result.index, position) if result else position
    answer = given.answer.get(call) if call else None
    unanswered = finding.block.unanswered[:_MOST_IDS] if finding.block else []
    return {
        "id": show_id(own_id),
        "ids": ", ".join(map(show_id, [one.id for one in unanswered] or [own_id])),
        "result_id": show_id(result.id) if result else "",
        "position": answering if result else asking,
        "call_position": asking,
        "next_position": asking + 1,
        "first_position": places.position(answer.index, position) if answer else position,
        "call_block": places.block_of_call(call) if call else 0,
        "result_block": places.block_of_result(result) if result else 0,
        "name": shown(call.name or "") if call else "",
        "length": len(own_id),
        "id_field": "tool_call_id"
        if result
        else f"tool_calls[{places.number_of_call(call) if call else 0}].id",
    }
