"""The nodes in whose name a mended list can be written, each tried on a copy of the thread."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from langchain_core.messages import ToolMessage
from langgraph.constants import END, START
from langgraph.types import Command

from toolpair_observe.threads.namespaces import graph_of
from toolpair_observe.threads.roles import newest_nodes
from toolpair_observe.threads.state import written_messages
from toolpair_observe.threads.trial import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolpair_observe.threads.diagnose import StoredHead
    from toolpair_observe.threads.trial import Trial, Tried
    from toolpair_observe.threads.written import Rewritten

_Choice: TypeAlias = "tuple[list[Step], str | None, Tried]"

_BEST: Final = 0
_MODEL_NEXT: Final = 1  # a model runs next, though it is not sure that it would
_CLEARED: Final = 2  # nothing runs next
_ANY_NEXT: Final = 3


@dataclass(frozen=True)
class Candidates:
    """The nodes that may write a list, and what makes one of them right.

    Attributes:
        trial: Tries updates on a copy.
        head: The head that is mended.
        is_stalled: Whether the thread's tools are due, and nothing else is wrong.
        next: The nodes that run next on the head.
        is_good: Whether a trial has led to the wanted lists, and to nothing that fails.
    """

    trial: Trial
    head: StoredHead
    is_stalled: bool
    next: tuple[str, ...]
    is_good: Callable[[Tried, Sequence[Rewritten]], bool]

    def best(self, before: Sequence[Step], rewritten: Sequence[Rewritten]) -> _Choice | None:
        """Return the steps, the node and the outcome that fit; None where none does.

        Args:
            before: The steps that come first.
            rewritten: The lists that are written.
        """
        changed = [each for each in rewritten if each.is_changed]
        others: dict[int, _Choice] = {}
        for node, values in product(self._nodes(), self._values(changed)):
            steps = [*before, Step(values, node)]
            tried = self._tried(steps, rewritten)
            if tried is None:
                continue
            rank = self._rank(node, tried)
            if rank == _BEST:
                return steps, node, tried
            if rank is not None:
                others.setdefault(rank, (steps, node, tried))
            if _CLEARED not in others and (cleared := self._cleared(steps, rewritten)):
                others[_CLEARED] = [*steps, Step(None, END)], node, cleared
        return others[min(others)] if others else None

    def _values(self, changed: Sequence[Rewritten]) -> Iterator[Any]:
        """Yield what a node would write: in each form that a channel may take, then with what runs
        next named, which the node's own edges may not lead to.
        """  # noqa: D205 - one sentence
        forms = [*_forms(changed)]
        yield from forms
        if self.next and not self._answering:
            named = [form for form in forms if isinstance(form, dict)]
            yield from (Command(update=form, goto=[*self.next]) for form in named)

    def _tried(self, steps: Sequence[Step], rewritten: Sequence[Rewritten]) -> Tried | None:
        tried = self.trial.outcome(steps)
        return tried if tried is not None and self.is_good(tried, rewritten) else None

    def _cleared(self, steps: Sequence[Step], rewritten: Sequence[Rewritten]) -> Tried | None:
        """Return the outcome with nothing due after it, where that is what is wanted."""
        if self.next and not self._answering:
            return None
        return self._tried([*steps, Step(None, END)], rewritten)

    def _rank(self, node: str | None, tried: Tried) -> int | None:
        """Return how well a trial fits, the best first; None for not at all."""
        if not self._answering:
            return _BEST if tried.next == self.next else None
        # The calls have results now: whatever runs next must not answer them again.
        models = self.head.roles.models
        again = self._tools | (self._answering - models)
        if not tried.next or again & {*tried.next}:
            return None
        if node in self._tools or node in self._answering - self._others:
            return _BEST
        is_model_next = node != START and models >= {*tried.next}
        return _MODEL_NEXT if is_model_next else _ANY_NEXT

    @cached_property
    def _answering(self) -> set[str]:
        """The nodes that are due to answer the calls that a mend answers."""
        due = self.head.pending.tasks
        if self.is_stalled:
            return {task.node for task in due if not task.is_finished or task.is_sent}
        return {task.node for task in due if task.call_ids or task.node in self._tools}

    @cached_property
    def _others(self) -> set[str]:
        """The nodes due that have shown to answer no calls: what they wrote is no result."""
        due = self.head.pending.tasks
        finished = {task.node for task in due if task.is_finished}
        return finished - {
            task.node
            for task in due
            for write in task.writes
            if any(isinstance(each, ToolMessage) for each in written_messages(write.value))
        }

    @cached_property
    def _tools(self) -> set[str]:
        """The nodes that are known to answer calls."""
        graph = graph_of(self.trial.graph, self.trial.config)
        named = {name for name, node in graph.nodes.items() if _is_tool_node(node)}
        return named | self.head.roles.tools

    def _nodes(self) -> Iterator[str | None]:
        """Yield the nodes, the likeliest first; None stands for the one that LangGraph infers."""
        graph = graph_of(self.trial.graph, self.trial.config)
        known = [name for name in graph.nodes if name != "__input__"]
        first = [*sorted(self._answering), *sorted(self._tools)]
        last = sorted(newest_nodes(self.head.stored))
        yield from dict.fromkeys(
            [*(n for n in first if n in known), None, *(n for n in last if n in known), *known]
        )


def _forms(changed: Sequence[Rewritten]) -> Iterator[Any]:
    for forms in product(*(list(each.forms()) for each in changed)):
        if len(forms) == 1:
            yield forms[0]
        else:
            yield {name: value for form in forms for name, value in form.items()}


def _is_tool_node(node: Any) -> bool:  # noqa: ANN401 - a node of a compiled graph
    return any(each.__name__ == "ToolNode" for each in type(getattr(node, "bound", None)).__mro__)
