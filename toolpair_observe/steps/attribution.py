"""Which of several steps made a change: the one whose own output shows it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.steps.blamed import BlameChange
from toolpair_observe.steps.difference import first
from toolpair_observe.steps.outline import Outline, is_reply, key_of, text_key_of
from toolpair_observe.steps.states import readable
from toolpair_observe.steps.updates import Update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.steps.breach import Breach
    from toolpair_observe.steps.difference import Difference
    from toolpair_observe.steps.runs import Root, Step

_BEFORE_THE_MODEL: Final = (".before_agent", ".before_model")
_AFTER_THE_MODEL: Final = ".after_model"


class Change:
    """What happened between a sound and a broken state.

    Args:
        root: The root run.
        breach: What is wrong.
        difference: What distinguishes the states.
        before: The sound one.
        after: The broken one.
    """

    def __init__(
        self,
        root: Root,
        breach: Breach,
        difference: Difference,
        before: Sequence[Any],
        after: Sequence[Any],
    ) -> None:
        self.difference = difference
        self._root = root
        self._breach = breach
        self._before = before
        self._after = after

    def shows_in(self, step: Step) -> bool:
        """Whether what a step returned makes this change."""
        update = Update(step.output)
        if self.difference.change is BlameChange.REMOVED:
            return self._is_removed_by(update)
        return not self._culprit_keys.isdisjoint(update.keys)

    def _is_removed_by(self, update: Update) -> bool:
        culprits = self.difference.culprits
        if update.removes_all or not culprits.isdisjoint(update.removed):
            return True
        # A node of a graph without a reducer returns the list anew, without what it removed.
        kept = {key_of(each) for each in self._before} - culprits
        return not kept.isdisjoint(update.keys) and culprits.isdisjoint(update.keys)

    @cached_property
    def _culprit_keys(self) -> frozenset[int]:
        culprits = self.difference.culprits
        messages = [each for each in self._after if key_of(each) in culprits]
        return culprits | {text_key_of(each) for each in messages}

    @cached_property
    def block(self) -> frozenset[int]:
        """The ids of the calls of the AI message that the breach is about."""
        outline = Outline(self._after)
        places = [place for place, _ in outline.bearers(self._breach.hashes, is_call=True)]
        return outline.ids_at(places[0]) if places else frozenset()

    def runs_tools(self, step: Step) -> bool:
        """Whether a step ran, or answered, calls of the block that is not answered."""
        if any(
            tool.step_id == step.run_id and hash(tool.tool_call_id) in self.block
            for tool in [*self._root.tools.values()]
        ):
            return True
        return not self.block.isdisjoint(Update(step.output).answers)

    @cached_property
    def is_told_by_outputs(self) -> bool:
        """Whether anything is known of what steps returned."""
        return self._root.tells_outputs

    def makes_the_calls(self, step: Step) -> bool:
        """Whether the calls of the breach are among what a step returned."""
        if not self.is_told_by_outputs:
            following = next(
                (
                    each.messages
                    for each in self._root.steps_of(step.graph_id)
                    if each.began > step.began and each.messages is not None
                ),
                self._after,
            )
            return not self._has_calls(step.messages) and self._has_calls(following)
        outline = Outline(self._after)
        places = [place for place, _ in outline.bearers(self._breach.hashes, is_call=True)]
        keys = {outline.key_at(each) for each in places}
        keys |= {text_key_of(self._after[each]) for each in places}
        return not keys.isdisjoint(Update(step.output).keys)

    def _has_calls(self, state: Sequence[Any] | None) -> bool:
        """Whether a state has the calls of the breach; one that is not known may have them."""
        if state is None:
            return True
        return bool(Outline(readable(state)).bearers(self._breach.hashes, is_call=True))

    def settled(self, step: Step | None) -> Difference:
        """Return what the step did: calls that no model made were put in by it."""
        if self.difference.change is not BlameChange.NOT_APPENDED or step is None:
            return self.difference
        if not self.makes_the_calls(step) or self.is_of_a_model(step):
            return self.difference
        outline = Outline(self._after)
        places = [place for place, _ in outline.bearers(self._breach.hashes, is_call=True)]
        return replace(
            self.difference,
            change=BlameChange.INSERTED,
            inserted=first(self.difference.inserted, places),
        )

    def is_of_a_model(self, step: Step) -> bool:
        """Whether a model made the calls, as far as their message and their tools tell."""
        calls = [
            each
            for each in self._after
            if getattr(each, "tool_calls", None)
            and any(call.get("id") in self._breach.ids for call in each.tool_calls)
        ]
        if any(map(is_reply, calls)):
            return True
        return self.has_run(step)

    def has_run(self, step: Step) -> bool:
        """Whether a step ran tools."""
        return any(tool.step_id == step.run_id for tool in [*self._root.tools.values()])


def attribute(steps: list[Step], change: Change, *, is_sent: bool) -> Step | None:
    """Return the step that made a change, or None where that can't be told.

    Args:
        steps: Those that ran between a sound and a broken state, in the order of their starts.
        change: What they did together.
        is_sent: Whether the broken state was sent to its node, so that none of them may have made
            it.
    """
    if change.difference.change is None:
        return steps[0] if len(steps) == 1 and not is_sent else None
    if change.difference.change is BlameChange.NOT_APPENDED:
        return _who_did_not_answer(steps, change)
    showing = [step for step in steps if change.shows_in(step)]
    if showing:
        return showing[-1]
    if not change.is_told_by_outputs:
        steps = _that_may_have(steps, change)
    return steps[0] if len(steps) == 1 and not is_sent else None


def _that_may_have(steps: list[Step], change: Change) -> list[Step]:
    """Return the steps that may have made a change, where nothing tells what they returned."""
    if change.difference.change is BlameChange.REMOVED:
        # One that was given a call alone, and ran it, has put in a result at most.
        return [step for step in steps if step.messages is not None or not change.has_run(step)]
    running = [step for step in steps if change.runs_tools(step)]
    return running[-1:] or steps


def _who_did_not_answer(steps: list[Step], change: Change) -> Step | None:
    answering = [step for step in steps if change.runs_tools(step)]
    if answering:
        return answering[-1]
    makers = [place for place, step in enumerate(steps) if change.makes_the_calls(step)]
    if makers:
        behind = steps[makers[-1] + 1 :]
        if not behind or not change.is_of_a_model(steps[makers[-1]]):
            return steps[makers[-1]]
        steps = behind
    others = [step for step in steps if not step.name.endswith(_BEFORE_THE_MODEL)]
    routed = [step for step in others if not step.name.endswith(_AFTER_THE_MODEL)]
    return next(iter(routed or others[-1:] or steps), None)
