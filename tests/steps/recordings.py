"""Recordings of real runs: every callback event as JSON, and how it is played to a handler.

A replay makes every object anew for every event, so that nothing of a run is left but what its
callbacks told: no identity of objects, no live thread, no context.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, fields, is_dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict
from langchain_core.outputs import ChatGeneration, LLMResult
from langgraph.types import Command, Send
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CHAIN = {"on_chain_start", "on_chain_end", "on_chain_error"}
_TOOL = {"on_tool_start", "on_tool_end", "on_tool_error"}


@dataclass(frozen=True, slots=True)
class Event:
    """One call of a callback.

    Attributes:
        name: The callback, such as `on_chain_start`.
        given: Its arguments, as JSON.
    """

    name: str
    given: str

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments, each made anew."""
        given = unpacked(json.loads(self.given))
        return given["args"], given["named"]


class Recorder(BaseCallbackHandler):
    """Writes down every callback event that a judge of runs may be played."""

    run_inline = True

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._lock = threading.Lock()

    def note(self, name: str, args: Sequence[Any], named: dict[str, Any]) -> None:
        """Write down one event as it is now."""
        given = json.dumps({"args": packed(list(args)), "named": packed(named)})
        with self._lock:
            self.events.append(Event(name, given))

    @property
    def request_count(self) -> int:
        """How many requests have been made."""
        return sum(each.name == "on_chat_model_start" for each in self.events)

    def on_chain_start(self, serialized: Any, inputs: Any, **named: Any) -> None:
        self.note("on_chain_start", [serialized, inputs], named)

    def on_chain_end(self, outputs: Any, **named: Any) -> None:
        self.note("on_chain_end", [outputs], named)

    def on_chain_error(self, error: BaseException, **named: Any) -> None:
        self.note("on_chain_error", [error], named)

    def on_tool_start(self, serialized: Any, input_str: str, **named: Any) -> None:
        self.note("on_tool_start", [serialized, input_str], named)

    def on_tool_end(self, output: Any, **named: Any) -> None:
        self.note("on_tool_end", [output], named)

    def on_tool_error(self, error: BaseException, **named: Any) -> None:
        self.note("on_tool_error", [error], named)

    def on_chat_model_start(self, serialized: Any, messages: Any, **named: Any) -> None:
        self.note("on_chat_model_start", [serialized, messages], named)

    def on_llm_end(self, response: Any, **named: Any) -> None:
        self.note("on_llm_end", [response], named)

    def on_llm_error(self, error: BaseException, **named: Any) -> None:
        named.pop("response", None)
        self.note("on_llm_error", [error], named)


def replay(
    events: Sequence[Event], handler: Any, retell: Callable[[str, list[Any]], Any] | None = None
) -> None:
    """Play a recording to a handler, as langchain-core would call it.

    Args:
        events: The recording.
        handler: The handler.
        retell: Changes the arguments of a callback, given its name; None to leave them.
    """
    for event in events:
        if (event.name in _CHAIN and handler.ignore_chain) or (
            event.name in _TOOL and handler.ignore_agent
        ):
            continue
        args, named = event.arguments()
        if retell is not None:
            retell(event.name, args)
        getattr(handler, event.name)(*args, **named)


def packed(value: Any) -> Any:
    """Return what JSON holds of a value; what tells nothing of messages is left out."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): packed(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [packed(each) for each in value]
    for kind, pack in _PACKERS:
        if isinstance(value, kind):
            return {"$": kind.__name__, "of": pack(value)}
    if is_dataclass(value) and not isinstance(value, type):
        told = {each.name: getattr(value, each.name) for each in fields(value)}
        return {"$": "state", "of": packed(told)}
    return None


_PACKERS: tuple[tuple[type, Any], ...] = (
    (UUID, str),
    (BaseMessage, message_to_dict),
    (Command, lambda each: packed({"update": each.update, "goto": each.goto})),
    (Send, lambda each: packed({"node": each.node, "arg": each.arg})),
    (LLMResult, lambda each: packed([g.message for g in each.generations[0]])),
    (BaseModel, lambda each: packed({key: getattr(each, key) for key in type(each).model_fields})),
    (BaseException, lambda each: type(each).__name__),
)


def unpacked(value: Any) -> Any:
    """Return a new object for what `packed` made of one."""
    if isinstance(value, list):
        return [unpacked(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "$" in value:
        return _UNPACKERS[value["$"]](value["of"])
    return {key: unpacked(each) for key, each in value.items()}


def _result(messages: Any) -> LLMResult:
    return LLMResult(generations=[[ChatGeneration(message=each) for each in unpacked(messages)]])


_UNPACKERS: dict[str, Any] = {
    "UUID": UUID,
    "BaseMessage": lambda told: messages_from_dict([told])[0],
    "Command": lambda told: Command(**unpacked(told)),
    "Send": lambda told: Send(**unpacked(told)),
    "LLMResult": _result,
    "BaseModel": lambda told: SimpleNamespace(**unpacked(told)),
    "state": lambda told: SimpleNamespace(**unpacked(told)),
    "BaseException": lambda told: type(told, (Exception,), {})(),
}
