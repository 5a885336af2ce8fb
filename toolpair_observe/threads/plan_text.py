"""A plan of a mend as text for people: before, after, and every result with where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.pairing.shown import line, shown
from toolpair_observe.threads.text import config_of, found_line, nodes, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.pairing.shown import ShowId
    from toolpair_observe.threads.plan import MendPlan


def explain(plan: MendPlan, name_id: ShowId = str) -> str:
    """Return what a mend does, or why it does nothing.

    Args:
        plan: The plan.
        name_id: Returns what stands in place of an id.
    """
    return "\n".join(map(line, _lines(plan, name_id)))


def rollback_line(plan: MendPlan, name_id: ShowId = str) -> str:
    """Return the line of Python that makes the old head the head again."""
    config = config_of(plan.thread_id, plan.namespace, name_id, plan.checkpoint_id)
    return f'graph.update_state({config}, None, as_node="__copy__")'


def _lines(plan: MendPlan, name_id: ShowId) -> Iterator[str]:
    yield (
        f"{place_of(plan.thread_id, plan.namespace, name_id)}: {plan.verdict.value}, {_state(plan)}"
    )
    channel = f", channel {shown(plan.channel)}" if plan.channel else ""
    yield f"  head:   checkpoint {shown(plan.checkpoint_id)}{channel}"
    if plan.before is not None:
        yield f"  before: {plan.before.summary()}"
    if plan.after is not None:
        yield f"  after:  {plan.after.summary()}"
    yield from _listed("real results that come back", _found(plan, name_id))
    yield from _listed("error results made up, since none is stored", _made_up(plan, name_id))
    calls = [f"call {shown(name_id(each))}" for each in plan.restored_calls]
    yield from _listed("call messages that come back for results that had lost them", calls)
    if plan.after is not None:
        yield f"  a resume runs {nodes(plan.next_before)} before, {nodes(plan.next_after)} after"
        if plan.as_node is not None:
            yield f"  written in the name of {shown(plan.as_node)}"


def _state(plan: MendPlan) -> str:
    if plan.refused:
        return f"left alone: {plan.refused}"
    if plan.new_checkpoint_id:
        return f"mended as checkpoint {shown(plan.new_checkpoint_id)}"
    return "nothing has been written yet" if plan.can_be_applied else "nothing to mend"


def _found(plan: MendPlan, name_id: ShowId) -> list[str]:
    return [found_line(each, name_id) for each in plan.found]


def _made_up(plan: MendPlan, name_id: ShowId) -> list[str]:
    return [
        f"call {shown(name_id(each.tool_call_id))}"
        + (f" of tool {shown(each.tool_name)}" if each.tool_name else "")
        for each in plan.made_up
    ]


def _listed(title: str, entries: list[str]) -> Iterator[str]:
    if entries:
        yield f"  {title}: {len(entries):,}"
        yield from (f"    {entry}" for entry in entries)
