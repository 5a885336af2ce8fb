"""What became of tool calls, as the events of their tools tell."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe.steps.blamed import CallFate, Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from toolpair_observe.steps.runs import Root, ToolRun

INTERRUPTS: Final = frozenset({"GraphInterrupt", "NodeInterrupt"})
"""The classes by which LangGraph pauses a run."""
HANDOFF: Final = "ParentCommand"
"""The class by which a step hands over to another graph: no failure."""
_CANCELS: Final = frozenset({"CancelledError", "GeneratorExit", "KeyboardInterrupt"})


class Tools(NamedTuple):
    """The tool runs of a root run.

    Attributes:
        by_call: Those whose call is known, by its id; the last one of each.
        nameless: Those of which nothing tells the call: before langchain-core 1.4 that is every one
            that raised.
    """

    by_call: Mapping[str, ToolRun] = MappingProxyType({})
    nameless: Sequence[ToolRun] = ()

    @classmethod
    def of(cls, root: Root) -> Tools:
        """Return those of a root run."""
        runs = [*root.tools.values()]
        return cls(
            {tool.tool_call_id: tool for tool in runs if tool.tool_call_id},
            [tool for tool in runs if not tool.tool_call_id],
        )

    def and_earlier(self, earlier: Tools) -> Tools:
        """Return them with those of the run before."""
        return Tools({**earlier.by_call, **self.by_call}, [*earlier.nameless, *self.nameless])


def fate_of(tool: ToolRun) -> tuple[Fate, str | None]:
    """Return what became of a tool run that goes on no longer, and the class of its error."""
    if not tool.is_over:
        return Fate.CANCELLED, None  # its run was given up before it
    if tool.error in INTERRUPTS:
        return Fate.INTERRUPTED, None
    if tool.error in _CANCELS:
        return Fate.CANCELLED, None
    if tool.error and tool.error != HANDOFF:
        return Fate.RAISED, tool.error
    return Fate.FINISHED, None


def fates_of(
    calls: Iterable[tuple[str, str | None]],
    tools: Tools,
    unseen: Fate | None,
    rename: Callable[[str], str],
) -> tuple[CallFate, ...]:
    """Return what became of calls.

    Args:
        calls: The id of each, with its tool's name.
        tools: The tool runs.
        unseen: What became of a call whose tool was never heard of; None where that tells nothing.
        rename: Returns what is carried in place of an id.
    """
    calls = list(calls)
    unheard = Counter(name for identifier, name in calls if identifier not in tools.by_call)
    fates = []
    for identifier, name in calls:
        tool = tools.by_call.get(identifier)
        if tool is not None:
            fate, error = fate_of(tool)
            fates.append(CallFate(rename(identifier), name or tool.name or None, fate, error))
            continue
        alike = {fate_of(each) for each in tools.nameless if name in (None, each.name)}
        if alike and len(alike) == 1 and unheard[name] == _count(tools.nameless, name):
            fates.append(CallFate(rename(identifier), name, *alike.pop()))
        elif not alike and unseen is not None:
            fates.append(CallFate(rename(identifier), name, unseen))
    return tuple(fates)


def _count(tools: Sequence[ToolRun], name: str | None) -> int:
    return sum(name in (None, each.name) for each in tools)
