"""What is kept of a root run that goes on: its nodes with their states, its tools, subgraphs."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.steps.states import messages_in, others_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

MOST_REPLIES: Final = 256
"""Answers of models that are kept of a root run: its last ones."""
# The first part of the path of a task that no edge of the graph made.
_PUSHED: Final = ("__pregel_push",)


class Step:
    """One start of a LangGraph node.

    Attributes:
        run_id: Its run.
        graph_id: The run of the graph that it is a node of.
        name: The node, such as `Trim.before_model`.
        messages: The history before the step, a reference to the state's own list; None where the
            node's input has none.
        others: Other lists of messages in the node's input, by their channels.
        thread_id: The thread, or None.
        number: LangGraph's number of the superstep, or None.
        is_sent: Whether its input was sent to it (`Send`), rather than read from the graph's state.
        is_called: Whether it is a task of LangGraph's functional interface: another node called it.
        task: LangGraph's name of the task that it is, or None.
        began: How many events of its root run came before its start, 0 until it is noted.
        ended: The same of its end, None until then.
        error: The class of what it raised, `""` where nothing.
        output: What it returned, a reference; None until then.
    """

    __slots__ = (
        "began",
        "ended",
        "error",
        "graph_id",
        "is_called",
        "is_sent",
        "messages",
        "name",
        "number",
        "others",
        "output",
        "run_id",
        "task",
        "thread_id",
    )

    def __init__(  # noqa: PLR0913, PLR0917 -- one for each attribute
        self,
        run_id: UUID,
        graph_id: UUID | None,
        name: str,
        state: object,
        thread_id: str | None,
        number: int | None,
        path: object,
        task: object,
    ) -> None:
        self.run_id = run_id
        self.graph_id = graph_id
        self.name = name
        self.messages = messages_in(state)
        self.others = others_in(state, self.messages)
        self.thread_id = thread_id
        self.number = number
        parts = tuple(path) if isinstance(path, list | tuple) else ()
        is_pushed = parts[:1] == _PUSHED
        self.is_called = is_pushed and parts[-1] is True
        self.is_sent = is_pushed and not self.is_called
        self.task = task
        self.began = 0
        self.ended: int | None = None
        self.error = ""
        self.output: object = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.ended is not None


class ToolRun:
    """One run of a tool.

    Attributes:
        tool_call_id: The call that it runs, or None where langchain-core does not tell.
        name: The tool.
        parent_id: The run that it is part of.
        step_id: The run of the innermost node that it is part of, or None.
        error: The class of what it raised, `""` where nothing.
        is_over: Whether it has ended.
    """

    __slots__ = ("error", "is_over", "name", "parent_id", "step_id", "tool_call_id")

    def __init__(
        self,
        tool_call_id: str | None,
        name: str,
        parent_id: UUID | None,
        step_id: UUID | None = None,
    ) -> None:
        self.tool_call_id = tool_call_id
        self.name = name
        self.parent_id = parent_id
        self.step_id = step_id
        self.error = ""
        self.is_over = False


class Graph:
    """One run of a graph or of another chain that is no node.

    Attributes:
        given: What it was given as messages, a reference; None where that is something else.
        returned: What it returned as messages, a reference; None where that is something else, and
            until then.
        step: The innermost node that it is part of, or None.
        has_steps: Whether nodes of it have started.
    """

    __slots__ = ("given", "has_steps", "returned", "step")

    def __init__(self, given: Sequence[Any] | None, step: Step | None) -> None:
        self.given = given
        self.returned: Sequence[Any] | None = None
        self.step = step
        self.has_steps = False


class Root:
    """A root run that goes on, with everything that is kept of it.

    Attributes:
        run_id: Its run.
        thread_id: The thread that its metadata names, or None.
        messages: What it was given as messages, a reference; None where that is something else.
        steps: Its nodes by their runs, in the order of their starts, those of subgraphs among them.
        has_lost_steps: Whether its first nodes are not kept any more.
        tools: Its tools by their runs, in the order of their starts.
        graphs: Its subgraphs by their runs, and the other chains that go on.
        parents: The parent of each child run that goes on, tools included.
        began: When it began, on a clock that never goes back.
        error: The class of what it raised, `""` where nothing.
        returned: What it returned as messages; None where that is something else.
        traced: The ids of the calls and results whose breaches requests of it have had.
        asked: The last step of each graph that asked a model, by the graph's run.
        told: The calls whose made-up results have been told.
        asking: The requests whose answers are not there yet.
        replies: What tells the answers of its models from other messages, of the last ones.
    """

    __slots__ = (
        "_events",
        "asked",
        "asking",
        "began",
        "error",
        "graphs",
        "has_lost_steps",
        "messages",
        "parents",
        "replies",
        "returned",
        "run_id",
        "steps",
        "thread_id",
        "told",
        "tools",
        "traced",
    )

    def __init__(self, run_id: UUID, thread_id: str | None, messages: Sequence[Any] | None) -> None:
        self.run_id = run_id
        self.thread_id = thread_id
        self.messages = messages
        # Plain, since requests read them while other threads write: the values of an `OrderedDict`
        # can't be copied at one go, as each needs the hash of its key.
        self.steps: dict[UUID, Step] = {}
        self.tools: dict[UUID, ToolRun] = {}
        self.graphs: dict[UUID, Graph] = {}
        self.parents: dict[UUID, UUID] = {}
        self.began = monotonic()
        self._events = 0
        self.error = ""
        self.returned: Sequence[Any] | None = None
        self.traced: set[str] = set()
        self.has_lost_steps = False
        self.asked: dict[UUID | None, UUID] = {}
        self.told: dict[str, None] = {}
        self.asking: set[UUID] = set()
        self.replies: list[int] = []

    def step_around(self, run_id: UUID | None) -> Step | None:
        """Return the innermost node that a run is part of, or None."""
        while run_id is not None:
            step = self.steps.get(run_id)
            if step is not None:
                return step
            # Nothing stands around the root run, and each look for one costs the hash of an id.
            run_id = None if run_id == self.run_id else self.parent_of(run_id)
        return None

    @property
    def tells_outputs(self) -> bool:
        """Whether anything is known of what its nodes returned; a recording may have none of it."""
        return any(_is_something(step.output) for step in [*self.steps.values()])

    def note_reply(self, key: int) -> None:
        """Note the answer of a model by what tells it from other messages."""
        self.replies.append(key)
        if len(self.replies) > MOST_REPLIES:
            del self.replies[0]

    def tick(self) -> int:
        """Return the number of the next event."""
        self._events += 1
        return self._events

    def steps_of(self, graph_id: UUID | None) -> list[Step]:
        """Return the nodes of a graph that have started, in that order."""
        return [step for step in [*self.steps.values()] if step.graph_id == graph_id]

    def ends_of(self, graph_id: UUID) -> tuple[Sequence[Any] | None, Sequence[Any] | None]:
        """Return what a graph was given and what it returned, as messages."""
        if graph_id == self.run_id:
            return self.messages, self.returned
        graph = self.graphs.get(graph_id)
        return (None, None) if graph is None else (graph.given, graph.returned)

    def parent_of(self, run_id: UUID) -> UUID | None:
        """Return the run that a chain or a tool is part of, or None."""
        tool = self.tools.get(run_id) if self.tools else None
        return self.parents.get(run_id) if tool is None else tool.parent_id


def forget_first(kept: dict[Any, Any]) -> None:
    """Forget the oldest entry, which another thread may do at the same time."""
    first, *_ = kept
    kept.pop(first, None)


def _is_something(output: object) -> bool:
    return output is not None and not (isinstance(output, dict | list | str) and not output)
