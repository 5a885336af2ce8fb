"""Which result answers which call, among the messages that a report keeps.

It is worked out when somebody looks, and not when a request is checked.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolpair_observe.pairing.shown import shown
from toolpair_observe.pairing.words import ViolationKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.pairing.report import Violation
    from toolpair_observe.pairing.timeline import Stop


@dataclass(slots=True, eq=False)
class ShownCall:
    """A call that is shown.

    Attributes:
        index: Position of its message.
        identifier: Its id.
        lane: The lane of its rail, None while it has none.
        is_answered: Whether its result is shown.
        is_cut: Whether its result can be among those that are left out of the lines.
        is_first: Whether it is the first one of its message that has its id, and others may.
    """

    index: int
    identifier: str
    lane: int | None = None
    is_answered: bool = False
    is_cut: bool = False
    is_first: bool = False


def tie(
    stops: Sequence[Stop], violations: Sequence[Violation]
) -> tuple[dict[int, list[ShownCall]], dict[tuple[int, int], ShownCall]]:
    """Tie each result to the call that the check has tied it to, where both are shown.

    A result answers a call of the AI message that it and other results follow. Where messages
    between them are left out, its call may be one of those. A result in another place answers the
    call that its breach names.

    Returns:
        The calls of each message, and the call of each result by its message and place in it.
    """
    named = _named(violations)
    waiting: dict[tuple[int, str], deque[ShownCall]] = defaultdict(deque)
    calls: dict[int, list[ShownCall]] = {}
    ties: dict[tuple[int, int], ShownCall] = {}
    block, following = None, 0
    for stop in stops:
        if stop.index != following or not stop.results:
            block = None
        following = stop.index + 1
        for place, identifier in enumerate(stop.results):
            here = stop.index, identifier
            caller = None if block is None else (block, identifier)
            if named[here]:
                caller = named[here].popleft()
            if caller is not None and waiting.get(caller):
                call = ties[stop.index, place] = waiting[caller].popleft()
                call.is_answered = True
        calls[stop.index] = _calls_of(stop)
        for call in calls[stop.index]:
            waiting[call.index, call.identifier].append(call)
        if stop.calls:
            block = stop.index
    return calls, ties


def _named(
    violations: Sequence[Violation],
) -> dict[tuple[int, str], deque[tuple[int, str]]]:
    """Return the calls of results in another place, by the message and the id of the result.

    A call is its message and its id.
    """
    named: dict[tuple[int, str], deque[tuple[int, str]]] = defaultdict(deque)
    for found in violations:
        caller = found.call_message_index
        if (
            found.kind is ViolationKind.MISPLACED_RESULT
            and caller is not None
            and caller != found.message_index  # else it is about the call
        ):
            identifier = shown(found.tool_call_id)
            call = caller, shown(found.call_id) or identifier
            named[found.message_index, identifier].append(call)
    return named


def _calls_of(stop: Stop) -> list[ShownCall]:
    calls = [ShownCall(stop.index, identifier) for _, identifier in stop.calls]
    made = Counter(call.identifier for call in calls)
    seen: set[str] = set()
    for call in calls:
        is_twin = made[call.identifier] > 1 or stop.more_calls > 0
        call.is_first = is_twin and call.identifier not in seen
        seen.add(call.identifier)
    return calls
