"""Real results that no state has, and calls that a state has lost: where a thread still has them.

A new message discards what finished tasks had written, and an update may cut a list. The rows stay:
a result stands in an older checkpoint, in a write, or in the namespace of a subgraph.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from toolpair_observe.pairing.masked_texts import REPAIR_MARK
from toolpair_observe.threads.diagnosis import FoundResult
from toolpair_observe.threads.messages import UnreadableMessageError, as_messages, lists_in
from toolpair_observe.threads.state import written_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from toolpair_observe.threads.stored import Stored


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a result was found, and who calls it there.

    Attributes:
        result: The result.
        checkpoint_id: The checkpoint.
        namespace: Its namespace.
        task_id: The task that wrote it; `""` where it stands in the checkpoint itself.
        callers: The message that makes the call, as `name_of` names it; empty where none does.
    """

    result: ToolMessage
    checkpoint_id: str
    namespace: str
    task_id: str
    callers: frozenset[str]

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from others of the same call."""
        return self.namespace, self.checkpoint_id, self.task_id, _said(self.result)


@dataclass(frozen=True, slots=True)
class Caller:
    """A message that makes a call, from the newest checkpoint that has it.

    Attributes:
        message: The message.
        place: Its position in its list.
        opening: What stands before it in its turn, from the message of the person on.
        checkpoint_id: The checkpoint.
        namespace: Its namespace.
    """

    message: AIMessage
    place: int
    opening: tuple[BaseMessage, ...]
    checkpoint_id: str
    namespace: str


@dataclass(slots=True)
class Recovered:
    """What a thread's rows hold of some calls.

    Attributes:
        results: By call id the results that were found, the newest first.
        makers: By call id the messages that make such a call, by their names.
        twins: Ids of calls that two messages of one list make which nothing tells apart.
        again: Reads the same from one checkpoint (namespace, id) as its own application does; None
            for what has been read already.
    """

    results: dict[str, list[_Place]] = field(default_factory=lambda: defaultdict(list))
    makers: dict[str, dict[str, Caller]] = field(default_factory=lambda: defaultdict(dict))
    twins: set[str] = field(default_factory=set)
    again: Callable[[str, str], Recovered | None] | None = None

    def result(self, call_id: str, caller: str | None) -> tuple[ToolMessage, FoundResult] | None:
        """Return the result of a call and where it stands; None where there is none.

        Args:
            call_id: The call.
            caller: The name of the message that makes it, since servers use ids of calls again.
        """
        places = self.results.get(call_id, [])
        if len(self.makers.get(call_id, ())) > 1:
            owners = self._owners(call_id)
            # What a task writes answers the newest call; in a list it may stand anywhere.
            places = [
                each
                for each in places
                if {caller}
                == (each.callers if each.task_id else owners.get(_name(each.result), set()))
            ]
        done = [each for each in places if each.result.status != "error"]
        places = done or places
        if not places:
            return None
        # The oldest place is where the tool wrote it.
        first = places[-1]
        differing = {_said(each.result) for each in places}
        found = FoundResult(
            call_id,
            first.result.name,
            first.checkpoint_id,
            first.namespace,
            first.task_id,
            is_ambiguous=len(differing) > 1 or call_id in self.twins,
        )
        return self._own(call_id, first), found

    def caller_of(self, result: ToolMessage) -> Caller | None:
        """Return the message that makes the call of a result; None where that is not known."""
        makers = self.makers.get(result.tool_call_id, {})
        names = set(makers)
        if len(names) > 1:
            names &= self._owners(result.tool_call_id).get(_name(result), set())
        if len(names) != 1 or result.tool_call_id in self.twins:
            return None
        (name,) = names
        found = makers[name]
        own = self.again and self.again(found.namespace, found.checkpoint_id)
        return (own and own.makers[result.tool_call_id].get(name)) or found

    def _owners(self, call_id: str) -> dict[str, set[str]]:
        """Return for each result of a call, by its name, the messages that it may be of.

        Where it was written, it stood behind its own one; since then it may have been moved.
        """
        first: dict[str, tuple[tuple[str, str, str], set[str]]] = {}
        for place in reversed(self.results.get(call_id, ())):
            where = place.namespace, place.checkpoint_id, place.task_id
            if place.callers:
                at, owners = first.setdefault(_name(place.result), (where, set()))
                if at == where:
                    owners |= place.callers
        return {name: owners for name, (_, owners) in first.items()}

    def _own(self, call_id: str, place: _Place) -> ToolMessage:
        own = self.again and self.again(place.namespace, place.checkpoint_id)
        for each in own.results.get(call_id, ()) if own else ():
            if each.key == place.key:
                return each.result
        return place.result


def name_of(message: BaseMessage) -> str:
    """Return what tells a message that makes calls from others: its id, else what it says."""
    if message.id:
        return message.id
    calls = message.tool_calls if isinstance(message, AIMessage) else ()
    return sha256(repr((message.content, calls)).encode(errors="backslashreplace")).hexdigest()


def _name(result: ToolMessage) -> str:
    """Return what tells a result from others of the same call id."""
    return result.id or _said(result)


def _said(result: ToolMessage) -> str:
    return repr((result.content, result.status))


_NOTHING: Final = Recovered()


def recover(
    history: Iterable[Stored],
    call_ids: Collection[str],
    values_of: Callable[[Stored], Mapping[str, Any]],
) -> Recovered:
    """Look for results of these calls, and for the messages that make them.

    Args:
        history: The checkpoints of a thread, of all its namespaces, the newest first.
        call_ids: The calls.
        values_of: Returns the values of a checkpoint's channels.
    """
    if not call_ids:
        return _NOTHING
    search = _Search(frozenset(call_ids))
    for stored in history:
        if stored.unreadable:
            continue
        lists = list(_lists(values_of(stored)))
        for messages in lists:
            search.look(stored, messages, "", _Callers())
        callers = _Callers()
        for messages in lists:
            callers.read(messages)
        by_task: dict[str, list[BaseMessage]] = defaultdict(list)
        for write in stored.writes:
            by_task[write.task_id] += written_messages(write.value)
        for task_id, messages in by_task.items():
            search.look(stored, messages, task_id, callers)
    return search.found


class _Callers:
    """By call id the message that made the call last."""

    def __init__(self) -> None:
        self._by_call: dict[str, str] = {}

    def read(self, messages: Iterable[BaseMessage]) -> None:
        for message in messages:
            if isinstance(message, AIMessage) and message.tool_calls:
                name = name_of(message)
                for call in message.tool_calls:
                    self._by_call[call["id"] or ""] = name

    def of(self, call_id: str) -> frozenset[str]:
        caller = self._by_call.get(call_id)
        return frozenset() if caller is None else frozenset({caller})


@dataclass(frozen=True, slots=True)
class _Search:
    """A look through checkpoints for what they hold of some calls."""

    call_ids: frozenset[str]
    found: Recovered = field(default_factory=Recovered)

    def look(
        self, stored: Stored, messages: Iterable[BaseMessage], task_id: str, callers: _Callers
    ) -> None:
        """Look at one list, or at what one task wrote.

        Args:
            stored: The checkpoint.
            messages: The messages.
            task_id: The task; `""` for a list of the checkpoint itself.
            callers: Who has made which call before them.
        """
        turn: list[BaseMessage] = []
        passed: set[tuple[str, str]] = set()
        for place, message in enumerate(messages):
            callers.read([message])
            turn = [] if isinstance(message, HumanMessage) else turn
            if isinstance(message, AIMessage):
                self._calls(stored, place, message, turn, passed)
            for result in _results_in(message):
                if result.tool_call_id in self.call_ids:
                    where = stored.checkpoint_id, stored.namespace, task_id
                    found = _Place(result, *where, callers.of(result.tool_call_id))
                    self.found.results[result.tool_call_id].append(found)
            turn.append(message)

    def _calls(
        self,
        stored: Stored,
        place: int,
        message: AIMessage,
        turn: Sequence[BaseMessage],
        passed: set[tuple[str, str]],
    ) -> None:
        for call_id in {call["id"] or "" for call in message.tool_calls} & self.call_ids:
            name = name_of(message)
            if not message.id and (call_id, name) in passed:
                self.found.twins.add(call_id)
            passed.add((call_id, name))
            if name not in self.found.makers[call_id]:
                has_start = bool(turn) and isinstance(turn[0], HumanMessage)
                self.found.makers[call_id][name] = Caller(
                    message,
                    place,
                    tuple(turn) if has_start else (),
                    stored.checkpoint_id,
                    stored.namespace,
                )


def _results_in(message: BaseMessage) -> Iterator[ToolMessage]:
    """Yield the real results in a message: itself, or the blocks of a person's (Anthropic)."""
    if isinstance(message, ToolMessage):
        if REPAIR_MARK not in message.additional_kwargs:
            yield message
    elif isinstance(message, HumanMessage) and isinstance(message.content, list):
        for block in message.content:
            if isinstance(block, dict) and block.get("type") == "tool_result":
                call_id, content = block.get("tool_use_id"), block.get("content", "")
                if isinstance(call_id, str) and isinstance(content, str | list):
                    status = "error" if block.get("is_error") else "success"
                    yield ToolMessage(content, tool_call_id=call_id, status=status)


def _lists(values: Mapping[str, Any]) -> Iterator[list[BaseMessage]]:
    for _, elements in lists_in(values):
        try:
            yield as_messages(elements)
        except UnreadableMessageError:
            continue
