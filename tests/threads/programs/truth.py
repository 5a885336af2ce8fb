"""What happens to a thread that is continued: the truth that verdicts are compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langgraph.types import Command

if TYPE_CHECKING:
    from tests.threads.programs.threads import Copy

# What langgraph's own agent raises instead of sending a request that the provider would refuse.
OWN_CHECK = "Found AIMessages with tool_calls that do not have a corresponding ToolMessage"

MOST_QUESTIONS = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one continuation met.

    Attributes:
        refusals: The refusals of calls and results that do not pair.
        requests: How many requests were sent.
        error: What the graph raised, None for nothing.
        asked: Whether somebody was asked after it, and answered.
        next: The nodes that the graph itself named before.
        messages: The messages of the last request.
    """

    refusals: tuple[str, ...]
    requests: int
    error: Exception | None
    asked: bool
    next: tuple[str, ...]
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def works(self) -> bool:
        """Whether no pair was refused."""
        return not self.refusals


def continued(copy: Copy, *, resume: bool) -> Outcome:
    """Continue a thread, which changes it."""
    error, asked = None, False
    due = copy.graph.get_state(copy.config).next
    try:
        if resume:
            _resume(copy)
        else:
            copy.program.new(copy.graph, copy.config)
        asked = _answer(copy)
    except Exception as raised:  # noqa: BLE001 - whatever it is, it is the outcome
        error = raised
    conversation = copy.world.conversation
    refusals = [each.message for each in conversation.refusals]
    if error is not None and OWN_CHECK in str(error):
        refusals.append(OWN_CHECK)
    requests = list(conversation.requests)
    last = requests[-1] if requests else []
    return Outcome(tuple(refusals), len(requests), error, asked, due, last)


def _resume(copy: Copy) -> None:
    if not _answer(copy):
        copy.graph.invoke(None, copy.config)


def _answer(copy: Copy) -> bool:
    """Answer what is asked, and what is asked then, and tell whether anything was."""
    for answered in range(MOST_QUESTIONS):
        questions = copy.graph.get_state(copy.config).interrupts
        if not questions:
            return answered > 0
        answers = {each.id: copy.program.answer for each in questions}
        copy.graph.invoke(Command(resume=answers), copy.config)
    msg = "there is no end to the questions"
    raise AssertionError(msg)
