"""Results that somebody made up, as the states of a run show it, whatever their words are.

A call that stands unanswered in a state, with something other than results behind it, has missed
its turn: no tool is going to run it any more. Where the next state or the model's own request has
an answer in its place all the same, the step between the two made it up.

Every request is looked at, so a look goes no further back than to the last one: at the results
that the model sees for the first time, and at what was put in between older messages meanwhile.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.pairing.masked import (
    UNKNOWN_MENDER,
    MaskedEvidence,
    MaskedKind,
    MaskedResult,
)
from toolpair_observe.steps.runs import forget_first
from toolpair_observe.steps.states import goes_on, readable
from toolpair_observe.steps.updates import Update

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from toolpair_observe.steps.runs import Root, Step

MOST_TOLD: Final = 1_024
"""Made-up results of a root run that are known to have been told: its last ones."""
MOST_ASKED: Final = 64
"""Graphs of a root run whose last request is known."""
# A call that a new result answers stands near the end of a state.
_WINDOW: Final = 32
_AI: Final = frozenset({"ai", "AIMessageChunk"})


class _Standing(NamedTuple):
    """A result in its place right behind its call.

    Attributes:
        place: Its position in the request.
        call_place: That of the AI message.
        name: The tool.
        is_malformed: Whether the call's arguments could not be read.
        is_fresh: Whether no AI message stands behind it.
    """

    place: int
    call_place: int
    name: str | None
    is_malformed: bool
    is_fresh: bool


class _MadeUp(NamedTuple):
    """A made-up result.

    Attributes:
        step: The step that made it up, None where several may have.
        is_kept: Whether the thread has it from then on, rather than this one request.
    """

    step: str | None
    is_kept: bool


def masked_by_steps(
    messages: Sequence[Any],
    told: tuple[MaskedResult, ...],
    root: Root,
    parent_id: UUID | None,
    rename: Callable[[str], str],
) -> tuple[MaskedResult, ...]:
    """Return the results of a request that somebody made up.

    Args:
        messages: The request.
        told: Those that its own texts and marks show.
        root: The root run that it is part of.
        parent_id: The run that asks.
        rename: Returns what is carried in place of an id.

    Returns:
        `told` itself where the states show nothing more.
    """
    own = root.step_around(parent_id)
    if own is None:
        return told
    levels = list(_levels(root, own))
    found = _fresh_ones(messages, levels, root) | _older_ones(messages, levels, root)
    _note_asked(root, own)
    if found:
        ran = {
            tool.tool_call_id for tool in [*root.tools.values()] if tool.is_over and not tool.error
        }
        found = {call_id: made for call_id, made in found.items() if call_id not in ran}
    return _merged(messages, told, found, root, rename) if found else told


def _note_asked(root: Root, own: Step) -> None:
    # A root run may go on for ever, and have a graph run for each tool that is an agent.
    root.asked.pop(own.graph_id, None)
    root.asked[own.graph_id] = own.run_id
    if len(root.asked) > MOST_ASKED:
        forget_first(root.asked)


class _Level:
    """The steps of one graph up to a request, and the states that they began with.

    Args:
        own: The step that asks, or that the graph which asks is part of.
        before: All steps that started before it, in that order.

    Attributes:
        own: The same.
    """

    def __init__(self, own: Step, before: list[Step]) -> None:
        self.own = own
        self._before = before

    @cached_property
    def earlier(self) -> list[Step]:
        """The steps before it whose states lead to it, the last one first."""
        return [each for each in reversed(self._before) if _leads_to(each, self.own)]

    def states(self) -> Iterator[tuple[Step, Sequence[Any]]]:
        """Yield the steps and their states, the last one first: mostly no more is asked for."""
        own = self.own
        if own.messages is not None:
            yield own, _as_objects(own.messages)
        for step in reversed(self._before):
            if step.messages is not None and _leads_to(step, own):
                yield step, _as_objects(step.messages)


def _as_objects(state: Sequence[Any]) -> Sequence[Any]:
    """Return a state whose messages have attributes: some applications keep dicts."""
    # A loop: `any` over a generator costs each state several times as much.
    for each in state[-_WINDOW:]:
        if isinstance(each, dict):
            return readable(state)
    return state


def _levels(root: Root, own: Step | None) -> Iterator[_Level]:
    """Yield the levels of graphs that a step is part of, its own first."""
    steps = [*root.steps.values()]
    while own is not None and own in steps:
        yield _Level(own, steps[: steps.index(own)])
        own = root.step_around(own.graph_id)


def _leads_to(step: Step, other: Step) -> bool:
    """Whether the state that a step leaves is one that another of the same graph goes on from."""
    return step.graph_id == other.graph_id and _is_before(step, other) and not step.is_sent


def _is_before(step: Step, other: Step) -> bool:
    """Whether a step is over when another begins; those of one superstep run side by side."""
    return step.number is None or other.number is None or step.number < other.number


def _fresh_ones(messages: Sequence[Any], levels: list[_Level], root: Root) -> dict[str, _MadeUp]:
    """Return the made-up results behind the last AI message, by their calls."""
    pending, invalid = _fresh_results(messages)
    found: dict[str, _MadeUp] = {}
    if not pending:
        return found
    is_request = True
    for level in levels:
        for step, state in level.states():
            stands = _look_back(state, pending)
            # What nobody could have run is made up even where nothing stands behind its call, by
            # whoever answers it on the way to the model, or when the tools have run.
            is_late = is_request or stands.is_begun
            missed = stands.missed | (stands.waiting & invalid if is_late else set())
            for call_id in missed:
                name = _maker(call_id, step, level, root)
                found[call_id] = _MadeUp(name, is_kept=not is_request)
            # A call that waits has just been made, and so has one that is not there.
            pending = stands.answered
            if not pending:
                return found
            is_request = False
    return found


def _fresh_results(messages: Sequence[Any]) -> tuple[set[str], set[str]]:
    """Return the results right behind the last AI message, and those of malformed calls."""
    block: set[str] = set()
    for message in reversed(messages):
        kind = message.type
        if kind == "tool":
            block.add(message.tool_call_id)
        elif kind in _AI:
            invalid = {each.get("id") for each in message.invalid_tool_calls}
            return block & (invalid | {each.get("id") for each in message.tool_calls}), invalid
        else:
            block = set()
    return set(), set()


class _Stands(NamedTuple):
    """How some calls stand in a state.

    Attributes:
        answered: Those with a result.
        waiting: Those with nothing but results behind them.
        missed: Those without a result that something else stands behind.
        is_begun: Whether nothing but results stands behind the last calls, and some do.
    """

    answered: set[str]
    waiting: set[str]
    missed: set[str]
    is_begun: bool = False


def _look_back(state: Sequence[Any], calls: set[str]) -> _Stands:
    """Say how calls stand near the end of a state."""
    results: set[str] = set()
    open_calls = set(calls)
    waiting: set[str] = set()
    missed: set[str] = set()
    is_behind = is_begun = False
    least = len(state) - _WINDOW - 2 * len(calls)
    for place in range(len(state) - 1, max(least, 0) - 1, -1):
        message = state[place]
        kind = getattr(message, "type", None)
        if kind == "tool":
            results.add(message.tool_call_id)
            open_calls.discard(message.tool_call_id)
        else:
            if kind in _AI:
                made = {
                    each.get("id") for each in (*message.tool_calls, *message.invalid_tool_calls)
                }
                (missed if is_behind else waiting).update(open_calls & made)
                is_begun |= bool(results) and not is_behind
                open_calls -= made
            is_behind = True
        if not open_calls:
            break
    return _Stands(calls & results, waiting, missed, is_begun)


def _older_ones(messages: Sequence[Any], levels: list[_Level], root: Root) -> dict[str, _MadeUp]:
    """Return what was put in between older messages since the last request, by its calls."""
    found: dict[str, _MadeUp] = {}
    after, is_request = messages, True
    for level in levels:
        last = root.asked.get(level.own.graph_id)
        for step, state in level.states():
            if not goes_on(state, after):
                for call_id in _missed_in(state) & _answers_in(after):
                    made = _MadeUp(_maker(call_id, step, level, root), is_kept=not is_request)
                    found.setdefault(call_id, made)
            after, is_request = state, False
            if step.run_id == last and step is not level.own:
                break
    return found


def _missed_in(state: Sequence[Any]) -> set[str]:
    """Return the calls without a result that something other than results stands behind."""
    answered = _answers_in(state)
    missed: set[str] = set()
    last: set[str] = set()
    for message in state:
        kind = getattr(message, "type", None)
        if kind == "tool":
            continue
        missed |= last
        last = set()
        if kind in _AI:
            calls = (*message.tool_calls, *message.invalid_tool_calls)
            last = {each["id"] for each in calls if each.get("id")} - answered
    return missed


def _answers_in(messages: Sequence[Any]) -> set[str]:
    return {each.tool_call_id for each in messages if getattr(each, "type", None) == "tool"}


def _maker(call_id: str, step: Step, level: _Level, root: Root) -> str | None:
    """Name who answered a call that was open when a step began.

    Args:
        call_id: The call.
        step: The last step that began with the open call.
        level: Its graph.
        root: The root run.
    """
    # What a step hands to the next one beside the thread is in its output alone.
    answer = hash(call_id)
    beside = [
        each
        for each in level.earlier
        if each is step or each.number == step.number or step is level.own
    ]
    showing = [each for each in beside if answer in Update(each.output).answers]
    if showing:
        return showing[0].name
    if step is level.own and not root.tells_outputs:
        step = _giver(call_id, level) or step
    is_alone = not any(
        each is not step and each.number == step.number and each.number is not None
        for each in level.earlier
    )
    return step.name if is_alone else None


def _giver(call_id: str, level: _Level) -> Step | None:
    """Return who answered a call in a list that the asking node has beside the thread."""

    def has_answer(step: Step) -> bool:
        return any(call_id in _answers_in(_as_objects(each)) for each in step.others.values())

    if not has_answer(level.own):
        return None
    return next((each for each in level.earlier if not has_answer(each)), None)


def _standing(messages: Sequence[Any]) -> dict[str, _Standing]:
    """Return the results of a request that stand right behind their calls, by these."""
    found: dict[str, _Standing] = {}
    calls: dict[str, tuple[str | None, bool]] = {}
    call_place = last_ai = -1
    for index, message in enumerate(messages):
        kind = message.type
        if kind == "tool":
            if message.tool_call_id in calls:
                name, is_malformed = calls[message.tool_call_id]
                standing = _Standing(index, call_place, name, is_malformed, is_fresh=True)
                found[message.tool_call_id] = standing
            continue
        calls = {}
        if kind in _AI:
            call_place = last_ai = index
            for each in message.tool_calls:
                calls[each["id"]] = each.get("name"), False
            for each in message.invalid_tool_calls:
                calls[each["id"]] = each.get("name"), True
    return {
        call_id: each if each.place > last_ai else each._replace(is_fresh=False)
        for call_id, each in found.items()
    }


def _merged(
    messages: Sequence[Any],
    told: tuple[MaskedResult, ...],
    found: dict[str, _MadeUp],
    root: Root,
    rename: Callable[[str], str],
) -> tuple[MaskedResult, ...]:
    """Join what states show with what texts and marks do, which know a name for it."""
    known = {each.message_index: each for each in told}
    for call_id, standing in _standing(messages).items():
        made = found.get(call_id)
        if made is None:
            continue
        is_new = call_id not in root.told
        if not is_new and not standing.is_fresh:
            continue
        root.told[call_id] = None
        if len(root.told) > MOST_TOLD:
            forget_first(root.told)
        named = known.get(standing.place)
        known[standing.place] = MaskedResult(
            message_index=standing.place,
            call_message_index=standing.call_place,
            tool_call_id=rename(call_id),
            tool_name=standing.name,
            kind=MaskedKind.MALFORMED if standing.is_malformed else MaskedKind.MISSING,
            by=named.by if named is not None else UNKNOWN_MENDER,
            evidence=MaskedEvidence.STATE,
            fresh=is_new and (standing.is_fresh or made.is_kept),
            step=made.step,
        )
    return tuple(known[index] for index in sorted(known))
