"""What a template is given: the messages as ChatOpenAI sends them and a server hands them on.

Ids, tool names and structure are the history's own. Every text is a mark of its own in place of
the content: so nothing of the content can get into a text or a log, and where a mark stands in the
prompt shows what was drawn of which call and which result.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolpair_observe.pairing.transcript import Call, Entry, Result
    from toolpair_observe.pairing.turns import Turn

_MARK: Final = "xtpo"
MARKS: Final = re.compile(rf"{_MARK}\d{{7}}", re.IGNORECASE)
_ROLES: Final = {
    Role.SYSTEM: "system",
    Role.HUMAN: "user",
    Role.AI: "assistant",
    Role.TOOL: "tool",
    Role.FUNCTION: "function",
}
_MADE_UP_TOOL: Final = "look_up"


class Form(NamedTuple):
    """How a server hands a history to the template; each does it as the template needs it.

    Attributes:
        parsed: Whether arguments are objects; else they are the JSON text that was sent.
        in_parts: Whether content is a list of parts; else it is a text.
        mutable: Whether the template may change lists in place, which transformers forbids.
    """

    parsed: bool = True
    in_parts: bool = False
    mutable: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class SentCall:
    """A call as it is sent.

    Attributes:
        id: Its id; None where it is null.
        name: The tool's name.
        call: The call of the history, or None where a repair made it.
        mark: Stands in its arguments.
    """

    id: str | None
    name: str
    call: Call | None
    mark: str

    @property
    def is_json(self) -> bool:
        """Whether its arguments can be parsed."""
        return self.call is None or Carrier.INVALID_TOOL_CALL not in self.call.carriers


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """A message as it is sent.

    Attributes:
        index: Position of the message in the list that was given.
        role: The role's name on the wire.
        mark: Stands in its content; `""` where it has none.
        name: The speaker's name, or None.
        calls: Its calls.
        answers: The id that a result names; None where it names none, as `ChatMessage` does.
        result: The result, or None where it is none or a repair made it.
    """

    index: int
    role: str
    mark: str
    name: str | None = None
    calls: tuple[SentCall, ...] = ()
    answers: str | None = None
    result: Result | None = None

    def has_calls(self, calls: Iterable[SentCall]) -> Sent:
        """Return the message with these calls instead."""
        return replace(self, calls=tuple(calls))


@dataclass(slots=True)
class Marks:
    """Makes marks: none is the beginning of another, and all look like one word."""

    made: int = 0

    def make(self) -> str:
        """Return a new one."""
        self.made += 1
        return f"{_MARK}{self.made:07d}"


def marks_in(prompt: str) -> dict[str, None]:
    """Return the marks that a prompt shows, in order."""
    return dict.fromkeys(mark.lower() for mark in MARKS.findall(prompt))


def as_sent(entries: Sequence[Entry], turns: Sequence[Turn]) -> list[Sent] | None:
    """Return what ChatOpenAI sends, or None where a message's role on the wire is not known."""
    marks = Marks()
    sent: list[Sent] = []
    for turn in turns:
        entry = entries[turn.index]
        if entry.role is Role.CHAT and turn.results:
            mark = marks.make()
            sent += [Sent(turn.index, "tool", mark, result=each) for each in turn.results[:1]]
        elif not (role := entry.wire_role or _ROLES.get(entry.role, "")):
            return None
        elif entry.role is Role.TOOL:
            result = turn.results[0] if turn.results else None
            answers = result.id if result is not None else ""
            sent.append(Sent(turn.index, role, marks.make(), answers=answers, result=result))
        else:
            text = marks.make() if turn.has_text or entry.role is Role.FUNCTION else ""
            calls = tuple(
                SentCall(None if call.null_id else call.id, call.name or "", call, marks.make())
                for call in turn.calls
            )
            sent.append(Sent(turn.index, role, text, entry.name, calls))
    return sent


def tools_in(sent: Sequence[Sent]) -> list[dict[str, Any]]:
    """Return definitions of the tools that a history names, or of a made-up one."""
    names = {call.name: None for message in sent for call in message.calls}
    return [_tool(name) for name in names or [_MADE_UP_TOOL]]


def variables(
    sent: Sequence[Sent], form: Form, tools: list[dict[str, Any]] | None
) -> dict[str, Any]:
    """Return the variables of the template that tell of the request."""
    return {
        "messages": [_as_dict(message, form) for message in sent],
        "tools": deepcopy(tools),
        "documents": None,
        "add_generation_prompt": True,
    }


def _tool(name: str) -> dict[str, Any]:
    # Templates write descriptions and properties out, and some need both.
    what = {"type": "string", "description": "What to look up."}
    parameters = {"type": "object", "properties": {"what": what}, "required": ["what"]}
    function = {"name": name, "description": "Look something up.", "parameters": parameters}
    return {"type": "function", "function": function}


def _as_dict(message: Sent, form: Form) -> dict[str, Any]:
    content: Any = message.mark
    if form.in_parts:
        content = [{"type": "text", "text": message.mark}] if message.mark else []
    made: dict[str, Any] = {"role": message.role, "content": content}
    if message.calls:
        made["tool_calls"] = [_call_as_dict(call, form) for call in message.calls]
    if message.answers is not None:
        made["tool_call_id"] = message.answers
    if message.name is not None:
        made["name"] = message.name
    return made


def _call_as_dict(call: SentCall, form: Form) -> dict[str, Any]:
    arguments: Any = {"what": call.mark}
    if not form.parsed:
        arguments = json.dumps(arguments)
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.id, "type": "function", "function": function}
