"""What the nodes of a thread are known to do, as its history shows.

A node that has written an AI message asks a model, and one that has written results of calls that
others made runs tools; some do both in turn. Without the graph nothing else tells that.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from langchain_core.messages import AIMessage, ToolMessage

from toolpair_observe.threads.pending import PULLED, is_newer, seen_nodes
from toolpair_observe.threads.state import written_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from langchain_core.messages import BaseMessage, ToolCall

    from toolpair_observe.threads.stored import Stored, Write

Seen: TypeAlias = "Mapping[str, Mapping[str, Any]]"

# What a node does shows in its last steps.
_FARTHEST: Final = 200


@dataclass(frozen=True, slots=True)
class Roles:
    """The nodes that are known to ask models, and those that are known to answer others' calls."""

    models: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()


NO_ROLES: Final = Roles()


def roles_in(history: Iterable[Stored]) -> Roles:
    """Return what the nodes did in the steps of a history.

    Args:
        history: The checkpoints of a namespace, the newest first.
    """
    models: set[str] = set()
    tools: set[str] = set()
    # Of a checkpoint's children no more is kept than what its own writes are read with.
    children: dict[str, list[Seen]] = defaultdict(list)
    for parent in islice(history, _FARTHEST):
        children[parent.parent_id].append(parent.seen)
        for seen in children.pop(parent.checkpoint_id, ()):
            for messages, node in _written_by_node(parent, _nodes_between(parent.seen, seen)):
                made = {call["id"] for each in messages for call in _calls_of(each)}
                if any(isinstance(each, AIMessage) for each in messages):
                    models.add(node)
                if any(isinstance(m, ToolMessage) and m.tool_call_id not in made for m in messages):
                    tools.add(node)
    return Roles(frozenset(models), frozenset(tools))


def _calls_of(message: BaseMessage) -> list[ToolCall]:
    return message.tool_calls if isinstance(message, AIMessage) else []


def nodes_between(parent: Stored, child: Stored) -> tuple[str, ...]:
    """Return the nodes that ran in the step between two checkpoints."""
    return _nodes_between(parent.seen, child.seen)


def _nodes_between(before: Seen, after: Seen) -> tuple[str, ...]:
    return tuple(
        node
        for node in sorted(seen_nodes(after))
        if _has_seen_more(before.get(node, {}), after[node])
    )


def _has_seen_more(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return any(is_newer(version, before.get(channel)) for channel, version in after.items())


def _written_by_node(
    parent: Stored, ran: tuple[str, ...]
) -> Iterator[tuple[list[BaseMessage], str]]:
    """Yield what each task of a step wrote, with its node, where that can be told."""
    by_task: dict[str, list[Write]] = defaultdict(list)
    for write in parent.writes:
        by_task[write.task_id].append(write)
    for writes in by_task.values():
        path = writes[0].path
        messages = [message for each in writes for message in written_messages(each.value)]
        if path.startswith(PULLED):
            yield messages, path.removeprefix(PULLED)
        elif not path and len(ran) == 1:
            yield messages, ran[0]


def newest_nodes(head: Stored) -> set[str]:
    """Return the nodes that ran last, by the versions that they have seen."""
    newest: Any = None
    nodes: set[str] = set()
    for node in seen_nodes(head.seen):
        for version in head.seen[node].values():
            if newest is None or is_newer(version, newest):
                newest, nodes = version, {node}
            elif version == newest:
                nodes.add(node)
    return nodes
