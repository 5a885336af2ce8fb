"""Results that the model reads as those of other calls, because nothing in the prompt tells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolpair_observe.pairing.transcript import Call, Result
    from toolpair_observe.pairing.turns import Block, Pairing
    from toolpair_observe.templates.sent import Sent

    _Pairs = Sequence[tuple[Result, Call, Call]]


def misread(
    sent: list[Sent], pairing: Pairing, prompt: str, draw: Callable[[list[Sent]], str]
) -> Iterator[tuple[Result, Call]]:
    """Yield results that stand in another order than their calls, with the calls they look like.

    They are given each other's ids, so that they stand in order. If the prompt is the same, the
    order alone decides, and the model takes the first result for that of the first call. Calls of
    one tool and of several are tried apart, because some templates show the tool's name.
    """
    place = {m.result: number for number, m in enumerate(sent) if m.result is not None}
    swapped = [pairs for block in pairing.blocks if (pairs := _swapped(block, pairing, place))]
    groups: tuple[list[_Pairs], list[_Pairs]] = ([], [])
    for pairs in swapped:
        groups[len({call.name for _, _, call in pairs}) == 1].append(pairs)
    for group in groups:
        if not group:
            continue
        ordered = list(sent)
        for result, _, looks_like in (each for pairs in group for each in pairs):
            number = place[result]
            ordered[number] = replace(sent[number], answers=looks_like.id)
        if draw(ordered) == prompt:
            for result, call, looks_like in (each for pairs in group for each in pairs):
                if call is not looks_like:
                    yield result, looks_like


def _swapped(block: Block, pairing: Pairing, place: dict[Result, int]) -> _Pairs:
    """The block's results, each with its call and the call at whose place it stands."""
    calls = [call for call in block.turn.calls if pairing.answer.get(call) in place]
    results = sorted((pairing.answer[call] for call in calls), key=place.__getitem__)
    owner = {pairing.answer[call]: call for call in calls}
    pairs = [(result, owner[result], call) for result, call in zip(results, calls, strict=True)]
    return pairs if any(call is not other for _, call, other in pairs) else ()
