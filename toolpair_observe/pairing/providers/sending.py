"""The steps of a profile run over a history, and what is left numbered as it leaves."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from toolpair_observe.pairing.facts import NO_FACTS
from toolpair_observe.pairing.pair import pair
from toolpair_observe.pairing.providers.wire import Wire
from toolpair_observe.pairing.transcript import Call, Entry, Result, Transcript
from toolpair_observe.pairing.turns import Turn
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolpair_observe.pairing.facts import Facts
    from toolpair_observe.pairing.left_out import LeftOut
    from toolpair_observe.pairing.providers.wire import Step
    from toolpair_observe.pairing.turns import Pairing


def send(
    transcript: Transcript,
    given: Pairing,
    facts: Facts,
    turns: Iterable[Turn],
    steps: tuple[Step, ...],
) -> Wire:
    """Run the steps over `turns` and number what is left."""
    wire = run(transcript, given, facts, turns, steps)
    for listed in (wire.left or [], wire.turns):
        for position, turn in enumerate(listed):
            turn.position = position + turn.behind
    if transcript.left_out is not None:
        _count_left_out(wire, transcript.left_out, steps)
    return wire


def run(
    transcript: Transcript,
    given: Pairing,
    facts: Facts,
    turns: Iterable[Turn],
    steps: Iterable[Step],
) -> Wire:
    """Run the steps over `turns`: all there is to do where none of them changes a turn."""
    wire = Wire(transcript, given, facts, list(turns), resumes=facts.server_state)
    for step in steps:
        step.run(wire)
    return wire


def _count_left_out(wire: Wire, left_out: LeftOut, steps: tuple[Step, ...]) -> None:
    """Number the turns as they would be if the steps had seen the whole history."""
    for listed, joins_results in zip((wire.left or [], wire.turns), _joins(steps), strict=True):
        for turn in listed:
            turn.position += left_out.turns_before(turn.index, joins_results=joins_results)


@lru_cache(maxsize=256)
def _joins(steps: tuple[Step, ...]) -> tuple[bool, bool]:
    """Try whether the steps join the results of one AI message, in what leaves and in the end.

    Of what is left out nothing else can be joined: its speakers take turns.
    """
    ids = ("a", "b")
    calls = [Call(0, each, "tool", frozenset({Carrier.TOOL_CALL})) for each in ids]
    entries = [Entry(0, Role.AI, calls=calls)]
    turns = [Turn(0, 0, Role.AI, calls=calls)]
    for index, each in enumerate(ids, 1):
        results = [Result(index, each, "tool", Carrier.TOOL_MESSAGE)]
        entries.append(Entry(index, Role.TOOL, results=results, has_text=False))
        turns.append(Turn(index, index, Role.TOOL, results=results, has_text=False, last=index))
    wire = run(Transcript(entries), pair(turns), NO_FACTS, turns, steps)
    return len(wire.left or ()) < len(entries), len(wire.turns) < len(entries)
