"""Blame by steps: back from a near miss to the last state that was sound.

The node that started with that state did it. Where the model's own node started with a sound one,
the change was made inside it; where the run itself began with a broken one, the run before left it
so, or the application changed it between the two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from toolpair_observe.steps.attribution import Change, attribute
from toolpair_observe.steps.blamed import BETWEEN_RUNS, MODEL, TOOLS, BlameChange
from toolpair_observe.steps.difference import Difference, compare, first
from toolpair_observe.steps.outline import Outline, ids_of, is_reply, key_of
from toolpair_observe.steps.states import readable
from toolpair_observe.steps.updates import Update

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from langchain_core.messages import BaseMessage

    from toolpair_observe.steps.breach import Breach
    from toolpair_observe.steps.last_runs import LastRun
    from toolpair_observe.steps.runs import Graph, Root, Step


@dataclass(frozen=True)
class Found:
    """Where a breach came from.

    Attributes:
        step: The node, or one of the names that stand for none; None where nothing tells.
        difference: What was done.
        is_elsewhere: Whether another process may have done it.
    """

    step: str | None
    difference: Difference
    is_elsewhere: bool = False


class Walk:
    """One look back from a request.

    Args:
        root: The root run that the request is part of.
        breach: What is wrong with it.
        messages: The request.
        before: Returns the run before, given the first state of this one.
    """

    def __init__(
        self,
        root: Root,
        breach: Breach,
        messages: Sequence[BaseMessage],
        before: Callable[[Sequence[Any]], LastRun | None],
    ) -> None:
        self._root = root
        self._breach = breach
        self._messages = messages
        self._before = before
        self._steps = [*root.steps.values()]

    def back_from(self, parent_id: UUID | None) -> Found | None:
        """Return where the breach of the request came from, or None where nothing tells.

        Args:
            parent_id: The run that asks.
        """
        own = self._root.step_around(parent_id)
        if own is None:
            # Many nodes side by side: the one that asks may be among those that are forgotten.
            return None if self._root.has_lost_steps else self._of_chain()
        if own.messages is None:
            return None
        if not self._stands_in(own.messages, may_wait=False):
            made = self._made_for_the_model(own)
            if made is not None:
                return made
            return Found(own.name, self._compare(readable(own.messages), self._messages))
        return self._back(own, readable(own.messages))

    def _made_for_the_model(self, own: Step) -> Found | None:
        """Name the step that wrote the list which the node reads beside its history."""
        for channel, messages in own.others.items():
            if not self._stands_in(messages, may_wait=False):
                continue
            earlier = [each for each in self._root.steps_of(own.graph_id) if _is_before(each, own)]
            step = self._writer_of(channel, own, earlier)
            if step is not None:
                difference = self._compare(readable(step.messages), readable(messages))
                return Found(step.name, difference)
        return None

    def _writer_of(self, channel: str, own: Step, earlier: list[Step]) -> Step | None:
        """Return the last step that wrote a channel of the state."""
        if self._root.tells_outputs:
            writers = [step for step in earlier if channel in Update(step.output).channels]
            return writers[-1] if writers else None

        def keys(step: Step) -> list[int]:
            return [key_of(message) for message in readable(step.others.get(channel))]

        return next((step for step in reversed(earlier) if keys(step) != keys(own)), None)

    def back_from_end(self) -> Found | None:
        """Return where the breach of the last state of the run came from, where its steps tell."""
        level = self._root.steps_of(self._root.run_id)
        known = [each for each in level if each.messages is not None]
        place = self._last_sound(known)
        return None if place is None else self._at(level, known, place, None, self._messages)

    def _of_chain(self) -> Found | None:
        """A chain without nodes: its input was sound, or the application gave it so."""
        given = self._root.messages
        if given is None:
            return None
        if not self._stands_in(given, may_wait=False):
            return Found(MODEL, self._compare(readable(given), self._messages))
        return self._from_run_before(readable(given))

    def _back(self, own: Step, state: Sequence[Any]) -> Found | None:
        """Walk back from a step that started with the breach."""
        level = self._root.steps_of(own.graph_id)
        earlier = [each for each in level if _is_before(each, own)]
        known = [each for each in earlier if each.messages is not None]
        place = self._last_sound(known)
        caller = self._root.steps.get(own.graph_id) if own.graph_id is not None else None
        if place is not None and caller is not None:
            return Found(caller.name, self._compare(readable(known[place].messages), state))
        if place is not None:
            return self._at(level, known, place, own, state)
        first_known = readable(known[0].messages) if known else state
        unknown = [each for each in earlier if each.messages is None]
        unknown = [each for each in unknown if not known or _is_before(each, known[0])]
        return self._outward(own, first_known or (), unknown)

    def _at(
        self,
        level: list[Step],
        known: list[Step],
        place: int,
        own: Step | None,
        state: Sequence[Any],
    ) -> Found | None:
        """Name the step of a graph behind its last sound state.

        Args:
            level: The steps of the graph.
            known: Those of them whose states are known, up to the broken one.
            place: The place of the last that started with a sound state.
            own: The step that started with the breach, None where the graph ended with it.
            state: The history with which it did.
        """
        sound = known[place]
        following = [each for each in known[place + 1 :] if _is_before(sound, each)]
        broken = following[0] if following else own
        after = readable(following[0].messages) if following else state
        difference = self._compare(readable(sound.messages), after)
        if difference.change is BlameChange.NOT_APPENDED:
            place = self._before_the_calls(known, place)
            if place < 0:
                unanswered = [each for each in level if broken is None or _is_before(each, broken)]
                return self._outward(sound, readable(known[0].messages), unanswered)
            sound = known[place]
            if Outline(readable(sound.messages)).bearers(self._breach.hashes, is_call=True):
                # The call was answered there: what waits behind has lost its result.
                broken, after = known[place + 1], readable(known[place + 1].messages)
                difference = self._compare(readable(sound.messages), after)
        between = [
            each
            for each in level
            if not _is_before(each, sound) and (broken is None or _is_before(each, broken))
        ]
        change = Change(self._root, self._breach, difference, readable(sound.messages), after)
        step = attribute(between, change, is_sent=broken is not None and broken.is_sent)
        if step is None:
            return Found(None, difference)
        return self._within(step, after) or Found(step.name, change.settled(step))

    def _before_the_calls(self, known: list[Step], place: int) -> int:
        """Return the place of the last state in which the calls of the breach don't wait yet."""
        hashes = self._breach.hashes
        while place >= 0 and Outline(readable(known[place].messages)).waiting() & hashes:
            place -= 1
        return place

    def _last_sound(self, known: list[Step]) -> int | None:
        """Return the place of the last step that started with a sound state, None if there is none.

        A breach stands from one step on, so halving finds that step.
        """
        low, high = -1, len(known)
        while high - low > 1:
            middle = (low + high) // 2
            if self._stands_in(readable(known[middle].messages), may_wait=True):
                high = middle
            else:
                low = middle
        return low if low >= 0 else None

    def _within(self, step: Step, after: Sequence[Any]) -> Found | None:
        """Look into the graph that a step ran, where that graph has left the breach."""
        graphs = {
            run_id: graph for run_id, graph in [*self._root.graphs.items()] if graph.step is step
        }
        inner = [each for each in self._steps if each.graph_id in graphs]
        if not inner:
            return None
        graph_id = inner[-1].graph_id
        graph = graphs[graph_id]  # type: ignore[index]  # it is one of the keys
        if not self._left_by(graph):
            return None
        level = [each for each in inner if each.graph_id == graph_id]
        known = [each for each in level if each.messages is not None]
        place = self._last_sound(known)
        if place is None:
            return None
        return self._at(level, known, place, None, after)

    def _left_by(self, graph: Graph) -> bool:
        """Whether a graph itself has left the breach, rather than the node that ran it."""
        if graph.returned is None:
            return True  # it handed over, or died
        return self._stands_in(graph.returned, may_wait=True)

    def _outward(self, own: Step, state: Sequence[Any], unknown: list[Step]) -> Found | None:
        """Walk on outside a graph whose first state was broken."""
        if self._root.has_lost_steps:
            return None
        graph = self._root.graphs.get(own.graph_id) if own.graph_id is not None else None
        if graph is None or graph.step is None:
            return self._from_run_before(state, unknown)
        if graph.given is not None and not self._stands_in(graph.given, may_wait=False):
            return self._of_kept_history(state, unknown)
        outer = graph.step
        if outer.messages is None or not self._stands_in(outer.messages, may_wait=False):
            return Found(outer.name, self._compare(readable(outer.messages), state))
        return self._back(outer, readable(outer.messages))

    def _of_kept_history(self, state: Sequence[Any], unknown: Sequence[Step]) -> Found | None:
        """A subgraph that keeps a history of its own began with the breach."""
        run = self._before(state)
        return None if run is None else self._from_run_before(state, unknown)

    def _from_run_before(self, state: Sequence[Any], unknown: Sequence[Step] = ()) -> Found | None:
        """The run began with the breach: the run before left it so, or the application made it."""
        run = self._before(state)
        outline = run.akin_to(state) if run is not None else None
        if run is None or outline is None:
            return self._from_input(state)
        if not run.had.isdisjoint(self._breach.ids):
            return None  # it stood before, and nothing told who it was
        for traced in run.traced:
            if traced.ids & self._breach.ids:
                return traced.found
        after = Outline(state, by_text=outline.by_text)
        difference = compare(outline, after, self._breach.hashes)
        ran_here = not self._breach.ids.isdisjoint(run.tools.by_call)
        if not ran_here and self._went_on_elsewhere(run, outline, after, state):
            return Found(None, difference, is_elsewhere=True)
        if difference.change is BlameChange.NOT_APPENDED:
            return self._left_open(run, outline, difference, unknown)
        return Found(BETWEEN_RUNS, difference)

    def _left_open(
        self, run: LastRun, outline: Outline, difference: Difference, unknown: Sequence[Step]
    ) -> Found:
        """Calls are open: tools of this run or of the one before did not answer them."""
        tools_ran = [step.name for step in unknown if self._ran_tools(step)]
        if tools_ran:
            return Found(tools_ran[-1], difference)
        was_open = outline.bearers(self._breach.hashes, is_call=True) or self._was_made_in(run)
        if not was_open and self._breach.ids.isdisjoint(run.tools.by_call):
            return Found(BETWEEN_RUNS, replace(difference, change=BlameChange.INSERTED))
        return Found(run.died_in or (TOOLS if run.error else BETWEEN_RUNS), difference)

    def _was_made_in(self, run: LastRun) -> bool:
        """Whether a model made the calls of the breach in the run before."""
        keys = {
            key_of(message)
            for message in self._messages
            if any(is_call and each in self._breach.ids for is_call, each in ids_of(message))
        }
        return not keys.isdisjoint(run.replies)

    def _went_on_elsewhere(
        self, run: LastRun, outline: Outline, after: Outline, state: Sequence[Any]
    ) -> bool:
        """Whether the thread has answers of a model that no run of this process left there."""
        left = {*outline.keys, *run.replies}
        keys = after.keys
        start = next((place for place, key in enumerate(keys) if key in left), len(keys))
        end = len(keys) - len(self._root.messages or ())
        return any(
            keys[place] not in left and is_reply(state[place]) for place in range(start, end)
        )

    def _ran_tools(self, step: Step) -> bool:
        return any(tool.step_id == step.run_id for tool in [*self._root.tools.values()])

    def _from_input(self, state: Sequence[Any]) -> Found | None:
        """Nothing is known of a run before: what this one was given tells, or nothing does."""
        given = self._root.messages
        after = Outline(state)
        start = len(state) - len(given) if given is not None else len(state)
        if self._root.thread_id is None:
            start = 0
        own = [place for place, _ in after.bearers(self._breach.hashes, is_call=True)]
        own += [place for place, _ in after.bearers(self._breach.hashes, is_call=False)]
        own += [place for place, key in after.places() if key == self._breach.key]
        if own and min(own) >= start:
            inserted = Difference(BlameChange.INSERTED, (), first(sorted(set(own))))
            return Found(BETWEEN_RUNS, inserted)
        return Found(None, Difference(None), is_elsewhere=True)

    def _stands_in(self, messages: Sequence[Any], *, may_wait: bool) -> bool:
        return self._breach.stands_in(messages, may_wait=may_wait)

    def _compare(self, before: Sequence[Any], after: Sequence[Any]) -> Difference:
        outline = Outline(after)
        difference = compare(Outline(before), outline, self._breach.hashes)
        if difference.change is not BlameChange.INSERTED:
            return difference
        # The call of a result without one was made and taken away between two states.
        has_call = outline.bearers(self._breach.hashes, is_call=True)
        ran = {tool.tool_call_id for tool in [*self._root.tools.values()]}
        is_lost = not has_call and not self._breach.ids.isdisjoint(ran)
        return replace(difference, change=BlameChange.REMOVED) if is_lost else difference


def _is_before(one: Step, other: Step) -> bool:
    """Whether what a step did is in the state that another of the same graph started with."""
    if one.number is None or one.number == other.number:
        # Nodes of one superstep read the same state; tasks are called one after the other.
        return one.is_called and one.ended is not None and one.ended < other.began
    return other.number is not None and one.number < other.number
