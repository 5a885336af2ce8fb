"""What is left out of a history that is judged in part, as far as the rest depends on it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from toolpair_observe.pairing.fields import as_name
from toolpair_observe.pairing.signs import read_signs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from langchain_core.messages import BaseMessage


class Stretch(NamedTuple):
    """Messages that follow each other, plainly pair and are left out.

    AI messages and what answers them take turns in it: after each AI message come its results, or a
    message of a person.

    Attributes:
        start: Position of the first one in the history.
        end: Position behind the last one.
        ids: The ids of their calls.
        exchanges: How many AI messages there are.
    """

    start: int
    end: int
    ids: list[str]
    exchanges: int


class LeftOut:
    """The stretches of a history that are left out.

    Args:
        stretches: Where they stand, in order.
        messages: The whole history.
    """

    def __init__(self, stretches: Sequence[Stretch], messages: Sequence[BaseMessage]) -> None:
        self.stretches = stretches
        self._history = messages

    @property
    def call_count(self) -> int:
        """How many calls are left out, and as many results."""
        return sum(len(stretch.ids) for stretch in self.stretches)

    def turns_before(self, index: int, *, joins_results: bool) -> int:
        """Count the turns that are sent of what is left out before a message.

        Args:
            index: The message's position.
            joins_results: Whether the results of one AI message are sent as one turn.
        """
        before = 0
        for start, end, _, exchanges in self.stretches:
            if start > index:
                break
            before += 2 * exchanges if joins_results else end - start
        return before

    # Each of these is asked for few breaches.

    @cached_property
    def answered_names(self) -> frozenset[str]:
        """Names of the tools that are called."""
        names = {call["name"] for calls in self._calls() for call in calls}
        return frozenset(name for name in names if isinstance(name, str) and name)

    @cached_property
    def agents(self) -> frozenset[str]:
        """Names of the AI messages' authors."""
        names = {as_name(fields) for fields in self._messages() if "tool_calls" in fields}
        return frozenset(name.lower() for name in names if name)

    @cached_property
    def has_several_calls(self) -> bool:
        """Whether some AI message makes several calls."""
        return any(len(calls) > 1 for calls in self._calls())

    @cached_property
    def has_summary(self) -> bool:
        """Whether some message reads as a summary of earlier ones."""
        return any(
            read_signs(fields)[0] for fields in self._messages() if "tool_call_id" not in fields
        )

    def _calls(self) -> Iterator[list[dict[str, Any]]]:
        return (fields["tool_calls"] for fields in self._messages() if fields.get("tool_calls"))

    def _messages(self) -> Iterator[dict[str, Any]]:
        for start, end, _, _ in self.stretches:
            yield from (message.__dict__ for message in self._history[start:end])
