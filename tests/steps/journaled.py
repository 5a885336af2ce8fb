"""A run as its chain events tell it, written into a journal by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from toolpair_observe.steps.journal import Journal

if TYPE_CHECKING:
    from toolpair_observe.steps.runs import Root


@dataclass
class Journaled:
    """One root run of a graph.

    Attributes:
        journal: Where it is written.
        thread_id: Its thread.
        run_id: The root run.
    """

    journal: Journal = field(default_factory=Journal)
    thread_id: str | None = "thread"
    run_id: UUID = field(default_factory=uuid4)
    _number: int = 0

    def start(self, given: Any = None) -> Journaled:
        """Begin the root run."""
        told = {} if self.thread_id is None else {"thread_id": self.thread_id}
        self.journal.chain_started(self.run_id, None, "LangGraph", given, told)
        return self

    def open_step(self, name: str, state: Any, **told: Any) -> UUID:
        """Start a node, in a superstep of its own."""
        self._number += 1
        run_id = uuid4()
        about = {
            "langgraph_node": name,
            "langgraph_step": self._number,
            "langgraph_path": ("__pregel_pull", name),
            "langgraph_checkpoint_ns": f"{name}:{run_id}",
            "thread_id": self.thread_id,
            **told,
        }
        self.journal.chain_started(run_id, self.run_id, name, state, about)
        return run_id

    def step(self, name: str, state: Any, output: Any = None, error: str = "", **told: Any) -> UUID:
        """Run a node."""
        run_id = self.open_step(name, state, **told)
        self.journal.chain_ended(run_id, output, error)
        return run_id

    def end(self, output: Any = None, error: str = "") -> None:
        """End the root run."""
        self.journal.chain_ended(self.run_id, output, error)

    @property
    def root(self) -> Root:
        """What the journal keeps of the run."""
        root = self.journal.root_of(self.run_id)
        assert root is not None
        return root


def history(turns: int) -> list[BaseMessage]:
    """Return a sound history of four messages a turn, each with an id."""
    made: list[BaseMessage] = []
    for n in range(turns):
        call = {"name": "weather", "args": {}, "id": f"call_{n}"}
        made += [
            HumanMessage("How is it?", id=f"human-{n}"),
            AIMessage("", tool_calls=[call], id=f"lc_run--{n}"),
            ToolMessage("18 degrees", tool_call_id=f"call_{n}", id=f"tool-{n}"),
            AIMessage("Fine.", id=f"lc_run--{n}-fine"),
        ]
    return made
