"""The journal: which steps the runs of this process have taken, as callbacks tell it.

It keeps references to the states of runs that go on, never copies, and forgets a run with its root.
All handlers of the process write into one journal: a step that two of them hear of is one step.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.forks import reset_in_child
from toolpair_observe.steps.outline import key_of
from toolpair_observe.steps.runs import Graph, Root, Step, ToolRun, forget_first
from toolpair_observe.steps.states import messages_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

MOST_ROOTS: Final = 1_024
"""Root runs that are kept at a time; past that the oldest is forgotten."""
MOST_STEPS: Final = 64
"""Steps that are kept of a root run: its last ones."""
MOST_TOOLS: Final = 256
"""Tool runs that are kept of a root run: its last ones."""
MOST_RUNS: Final = 4_096
"""Child runs of a root run whose parent is known at a time: those that go on."""
MOST_ASKING: Final = 256
"""Requests of a root run whose answers are waited for at a time."""
MOST_GRAPHS: Final = 256
"""Subgraphs that are kept of a root run: its last ones."""
MOST_LATE: Final = 256
"""Tool runs without an end that are kept when their root run has ended."""
ROOT_SECONDS: Final = 3_600.0
"""After how long a root run without an end is forgotten."""


# The task that a chain is, or is part of, in the metadata that LangGraph hands down.
_TASK: Final = "langgraph_checkpoint_ns"


class Journal:
    """The root runs of a process that go on. Every method may be called from any thread.

    Args:
        ended: Called with each root run that ends, while its states are still there.
    """

    def __init__(self, ended: Callable[[Root], None] = lambda _: None) -> None:
        self._ended = ended
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget every run."""
        # Reentrant: a finalizer that runs while the lock is held may end a run and come back here.
        self._lock = threading.RLock()
        self._roots: OrderedDict[UUID, Root] = OrderedDict()
        # Every run that goes on, roots included.
        self._root_of: dict[UUID, Root] = {}
        # Tools whose root has ended before them, as those of a turn that was given up.
        self._late: OrderedDict[UUID, ToolRun] = OrderedDict()

    def __len__(self) -> int:
        return len(self._roots)

    def root_of(self, run_id: UUID | None) -> Root | None:
        """Return the root run that a run which goes on is part of, or None where it is not known.

        Args:
            run_id: A chain's run, such as the parent of a chat model's.
        """
        return None if run_id is None else self._root_of.get(run_id)

    def roots(self) -> list[Root]:
        """Return the root runs that go on, the oldest first."""
        with self._lock:
            return list(self._roots.values())

    def chain_started(
        self,
        run_id: UUID,
        parent_id: UUID | None,
        name: str | None,
        inputs: object,
        metadata: Mapping[str, Any] | None,
    ) -> None:
        """Note that a chain starts: a graph, a node, or anything within one."""
        if run_id in self._root_of:
            return  # another handler of the run has told it
        told = metadata or {}
        # The objects of the application are looked at before the lock is taken: its code may wait.
        step = _step_of(run_id, parent_id, name, inputs, told)
        messages = messages_in(inputs) if step is None else step.messages
        thread_id = _text(told.get("thread_id"))
        with self._lock:
            root = self.root_of(parent_id)
            if root is None:
                root = Root(run_id, thread_id, messages)
                self._begin(root)
            elif parent_id is not None and len(root.parents) < MOST_RUNS:
                root.parents[run_id] = parent_id
            else:
                return
            self._root_of[run_id] = root
            if step is not None and not _is_of_node(root, parent_id, told):
                self._note_step(root, step)
            elif root.run_id != run_id:
                root.graphs[run_id] = Graph(messages, root.step_around(parent_id))

    def _note_step(self, root: Root, step: Step) -> None:
        step.began = root.tick()
        root.steps[step.run_id] = step
        if len(root.steps) > MOST_STEPS:
            forget_first(root.steps)
            root.has_lost_steps = True
        # Mostly the graph is the root run, which is none of these.
        if not root.graphs or step.graph_id is None:
            return
        graph = root.graphs.get(step.graph_id)
        if graph is not None:
            graph.has_steps = True
            if len(root.graphs) > MOST_GRAPHS:
                forget_first(root.graphs)

    def chain_ended(self, run_id: UUID, output: object = None, error: str = "") -> None:
        """Note that a chain ends.

        Args:
            run_id: Its run.
            output: What it returned.
            error: The class of what it raised, `""` where nothing.
        """
        with self._lock:
            root = self._root_of.pop(run_id, None)
            if root is None:
                return
            is_over = root.run_id == run_id
            if is_over:
                self._forget(root)
            graph = None if is_over else _note_end(root, run_id, output, error)
        if is_over:
            root.error, root.returned = error, None if error else messages_in(output)
            self._ended(root)
        elif graph is not None:
            graph.returned = messages_in(output)

    def tool_started(
        self, run_id: UUID, parent_id: UUID | None, tool_call_id: str | None, name: str
    ) -> None:
        """Note that a tool starts."""
        with self._lock:
            root = self.root_of(parent_id)
            if root is None or parent_id is None or run_id in root.tools:
                return
            if len(root.parents) >= MOST_RUNS:
                return
            root.parents[run_id] = parent_id
            step = root.step_around(parent_id)
            root.tools[run_id] = ToolRun(
                tool_call_id, name, parent_id, step.run_id if step is not None else None
            )
            if len(root.tools) > MOST_TOOLS:
                forget_first(root.tools)
            self._root_of[run_id] = root

    def tool_ended(self, run_id: UUID, tool_call_id: str | None, error: str = "") -> None:
        """Note that a tool ends.

        Args:
            run_id: Its run.
            tool_call_id: The call that it answers, where the end tells.
            error: The class of what it raised, `""` where nothing.
        """
        with self._lock:
            root = self._root_of.pop(run_id, None)
            if root is not None:
                root.parents.pop(run_id, None)
            tool = root.tools.get(run_id) if root is not None else self._late.pop(run_id, None)
            if tool is not None:
                tool.is_over, tool.error = True, error
                tool.tool_call_id = tool.tool_call_id or tool_call_id

    def asked(self, run_id: UUID, root: Root) -> None:
        """Note that a model is asked.

        Args:
            run_id: The request's run.
            root: The root run that it is part of.
        """
        with self._lock:
            if len(root.asking) < MOST_ASKING and root.run_id in self._root_of:
                root.asking.add(run_id)
                self._root_of[run_id] = root

    def replied(self, run_id: UUID, reply: object) -> None:
        """Note what a model answered, as a number.

        Args:
            run_id: The request's run.
            reply: The answer, a message; None where there is none.
        """
        with self._lock:
            root = self._root_of.get(run_id)
            if root is None or run_id not in root.asking:
                return
            del self._root_of[run_id]
            root.asking.discard(run_id)
            if reply is not None:
                root.note_reply(key_of(reply))

    def _begin(self, root: Root) -> None:
        self._roots[root.run_id] = root
        oldest = next(iter(self._roots.values()))
        if len(self._roots) > MOST_ROOTS or root.began - oldest.began > ROOT_SECONDS:
            self._root_of.pop(oldest.run_id, None)
            self._forget(oldest)

    def _forget(self, root: Root) -> None:
        self._roots.pop(root.run_id, None)
        for run_id in (*root.parents, *root.asking):
            self._root_of.pop(run_id, None)
        for run_id, tool in root.tools.items():
            if not tool.is_over:
                self._late[run_id] = tool
        while len(self._late) > MOST_LATE:
            self._late.popitem(last=False)


def _step_of(
    run_id: UUID,
    parent_id: UUID | None,
    name: str | None,
    inputs: object,
    told: Mapping[str, Any],
) -> Step | None:
    """Return the step that a chain is if it bears the name of its node, or None."""
    node = told.get("langgraph_node")
    if node is None or name != node:
        return None
    number = told.get("langgraph_step")
    return Step(
        run_id,
        parent_id,
        str(node),
        inputs,
        _text(told.get("thread_id")),
        number if isinstance(number, int) else None,
        told.get("langgraph_path"),
        told.get(_TASK),
    )


def _is_of_node(root: Root, parent_id: UUID | None, told: Mapping[str, Any]) -> bool:
    """Whether a chain that bears the name of its node is a graph within it: it has the node's task.

    An agent `alice` that is the node `alice` of another graph starts with what is told of that.
    """
    step = root.step_around(parent_id)
    return step is not None and step.task is not None and step.task == told.get(_TASK)


def _note_end(root: Root, run_id: UUID, output: object, error: str) -> Graph | None:
    """Note the end of a child run; return the graph that it was, None where it was no graph."""
    root.parents.pop(run_id, None)
    step = root.steps.get(run_id)
    if step is not None:
        step.ended, step.output, step.error = root.tick(), output, error
        return None
    graph = root.graphs.get(run_id)
    if graph is not None and graph.has_steps:
        return graph
    root.graphs.pop(run_id, None)
    return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _note_last_run(root: Root) -> None:
    # Brings the walk back through a run, which no process without an agent needs.
    from toolpair_observe.steps.last_runs import LAST_RUNS  # noqa: PLC0415

    LAST_RUNS.note(root)


JOURNAL: Final = Journal(_note_last_run)
"""The journal of this process."""
