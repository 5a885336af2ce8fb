"""Histories as short texts: what they say, how they are damaged, and the messages they stand for.

A history is written as a timeline of steps, so that a failing one can be read at a glance and
pasted back into a test:

`S` system, `H` human, `A` AI, `T` tool message; `-` after the letter: no text.
`A(a,b)` calls with the ids of the letters; `A(b/look)` names the tool; `A(!a)` arguments that are
not JSON; `A($a)` a server tool with its result, `A($a!)` without; `?` an id of None, `''` an empty
one; capital letters are ids with a property of their own (see `SPECIAL_IDS`).
`A~(a)` the message is a chunk; `A^(a)` Anthropic content blocks beside the calls; `A=(a)` the
blocks alone; `A&(a)` Responses blocks beside the calls; `A%(a)` standard content blocks;
`A*(a)` raw OpenAI calls in the extra arguments as well.
`T(a)` a result; `T(a)n` with the tool's name; `T(a)e` marked as an error; `T(a,b)b` one message
whose content is `tool_result` blocks; `H(a)` a human message with `tool_result` blocks.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TOOLS = ("look", "find", "note")
SPECIAL_IDS = {
    "L": "call_" + "l" * 40,
    "M": "call_" + "m" * 65,
    "X": "functions.look:0",
    "P": "call_p|fc_p",
    "N": "abcDEF123",
}
_STEP = re.compile(r"([SHAT])([~^=&%*]?)(-?)(?:\(([^)]*)\))?([neb]*)")
TOKEN = re.compile(r"(?:call|result|text)token\d{3}x")


@dataclass(frozen=True, slots=True)
class Ref:
    """A call, or the id that a result answers.

    Attributes:
        key: Letter of the id, `?` for None, `''` for the empty one.
        tool: Name of the tool, `""` for the letter's own.
        invalid: The arguments are not JSON.
        server: The provider runs it: `paired`, `unpaired` or `""`.
    """

    key: str
    tool: str = ""
    invalid: bool = False
    server: str = ""

    @property
    def id(self) -> str | None:
        if self.key in ("?", "''"):
            return None if self.key == "?" else ""
        prefix = "srvtoolu_" if self.server else "call_"
        return SPECIAL_IDS.get(self.key, prefix + self.key)

    @property
    def tool_name(self) -> str:
        return self.tool or TOOLS[(ord(self.key[0].lower()) - ord("a")) % 3 if self.key.isalpha() else 0]

    def __str__(self) -> str:
        mark = "!" if self.invalid else "$" if self.server else ""
        tail = "!" if self.server == "unpaired" else ""
        return mark + self.key + (f"/{self.tool}" if self.tool else "") + tail


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a timeline."""

    role: str
    refs: tuple[Ref, ...] = ()
    form: str = ""
    empty: bool = False
    flags: str = ""

    def __str__(self) -> str:
        refs = f"({','.join(map(str, self.refs))})" if self.refs else ""
        return f"{self.role}{self.form}{'-' * self.empty}{refs}{self.flags}"


Timeline = tuple[Step, ...]


def timeline(text: str) -> Timeline:
    """Read a timeline from its text."""
    return tuple(_step(word) for word in text.split())


def _step(word: str) -> Step:
    match = _STEP.fullmatch(word)
    if match is None:
        msg = f"not a step: {word!r}"
        raise ValueError(msg)
    role, form, empty, refs, flags = match.groups()
    return Step(role, tuple(map(_ref, refs.split(","))) if refs else (), form, bool(empty), flags)


def _ref(word: str) -> Ref:
    server = word.startswith("$")
    invalid = word.startswith("!")
    word = word.removeprefix("$").removeprefix("!")
    unpaired = server and word.endswith("!")
    key, _, tool = word.removesuffix("!").partition("/") if unpaired else word.partition("/")
    kind = ("unpaired" if unpaired else "paired") if server else ""
    return Ref(key, tool, invalid, kind)


def text_of(steps: Timeline) -> str:
    """Write a timeline as text."""
    return " ".join(map(str, steps))


class _Tokens:
    """Unique marks, so that every call, result and text can be found again on the wire."""

    def __init__(self) -> None:
        self._count = itertools.count()

    def __call__(self, kind: str) -> str:
        return f"{kind}token{next(self._count):03d}x"


def messages_of(steps: Timeline) -> list[BaseMessage]:
    """Build the LangChain messages of a timeline, each carrying its own tokens."""
    tokens = _Tokens()
    names: dict[str, str] = {}
    messages = []
    for step in steps:
        if step.role == "A":
            names |= {ref.key: ref.tool_name for ref in step.refs}
        elif step.role == "T":
            step = replace(step, refs=tuple(replace(r, tool=r.tool or names.get(r.key, "")) for r in step.refs))
        messages.append(_BUILDERS[step.role](step, tokens))
    return messages


def _system(step: Step, tokens: _Tokens) -> BaseMessage:
    return SystemMessage(_text(step, tokens))


def _human(step: Step, tokens: _Tokens) -> BaseMessage:
    if not step.refs:
        return HumanMessage(_text(step, tokens))
    return HumanMessage([_result_block(ref, tokens) for ref in step.refs])


def _text(step: Step, tokens: _Tokens) -> str:
    return "" if step.empty else tokens("text")


def _result_block(ref: Ref, tokens: _Tokens) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": ref.id, "content": tokens("result")}


def _tool(step: Step, tokens: _Tokens) -> BaseMessage:
    first = step.refs[0]
    content: Any = "" if step.empty else tokens("result")
    if "b" in step.flags:
        content = [_result_block(ref, tokens) for ref in step.refs]
    return ToolMessage(
        content,
        tool_call_id=first.id or "",
        name=first.tool_name if "n" in step.flags else None,
        status="error" if "e" in step.flags else "success",
    )


def _ai(step: Step, tokens: _Tokens) -> BaseMessage:
    text = "" if step.empty or step.refs else tokens("text")
    content: Any = text
    calls, invalid, blocks, raw = [], [], [], []
    for ref in step.refs:
        token = tokens("call")
        if ref.server:
            blocks += _server_blocks(ref, token)
            continue
        if ref.invalid:
            args = f'{{"k": "{token}'
            invalid.append(
                {
                    "name": ref.tool_name,
                    "args": args,
                    "id": ref.id,
                    "error": None,
                    "type": "invalid_tool_call",
                }
            )
            blocks.append(_invalid_block(ref, args, step.form))
        else:
            args = {"k": token}
            calls.append(
                {"name": ref.tool_name, "args": args, "id": ref.id, "type": "tool_call"}
            )
            blocks.append(_call_block(ref, args, step.form))
        raw.append(_raw_call(ref, token))
    blocks = [block for block in blocks if block]
    if blocks:
        content = [{"type": "text", "text": tokens("text")}, *blocks]
    made: dict[str, Any] = {"content": content}
    if step.form != "=":
        made |= {"tool_calls": calls, "invalid_tool_calls": invalid}
    if step.form == "&":
        made["response_metadata"] = {"model_provider": "openai"}
    if step.form == "^":
        made["response_metadata"] = {"model_provider": "anthropic"}
    if step.form == "%":
        made["response_metadata"] = {"output_version": "v1"}
    if step.form == "*":
        made["additional_kwargs"] = {"tool_calls": raw}
    if step.form == "~":
        return AIMessageChunk(**made, chunk_position="last")
    return AIMessage(**made)


def _call_block(ref: Ref, args: dict[str, str], form: str) -> dict[str, Any]:
    if form in ("^", "="):
        return {"type": "tool_use", "id": ref.id, "name": ref.tool_name, "input": args}
    if form == "&":
        arguments = f'{{"k": "{args["k"]}"}}'
        return {
            "type": "function_call",
            "id": f"fc_{ref.key}",
            "call_id": ref.id,
            "name": ref.tool_name,
            "arguments": arguments,
        }
    if form == "%":
        return {"type": "tool_call", "id": ref.id, "name": ref.tool_name, "args": args}
    return {}


def _invalid_block(ref: Ref, args: str, form: str) -> dict[str, Any]:
    if form == "&":
        return {
            "type": "function_call",
            "id": f"fc_{ref.key}",
            "call_id": ref.id,
            "name": ref.tool_name,
            "arguments": args,
        }
    if form in ("^", "="):
        return {"type": "tool_use", "id": ref.id, "name": ref.tool_name, "input": {}}
    if form == "%":
        return {"type": "invalid_tool_call", "id": ref.id, "name": ref.tool_name, "args": args}
    return {}


def _raw_call(ref: Ref, token: str) -> dict[str, Any]:
    arguments = f'{{"k": "{token}' + ("" if ref.invalid else '"}')
    function = {"name": ref.tool_name, "arguments": arguments}
    return {"id": ref.id, "type": "function", "function": function}


def _server_blocks(ref: Ref, token: str) -> list[dict[str, Any]]:
    use = {"type": "server_tool_use", "id": ref.id, "name": "web_search", "input": {"query": token}}
    answer = {"type": "web_search_tool_result", "tool_use_id": ref.id, "content": []}
    return [use, answer] if ref.server == "paired" else [use]


_BUILDERS: dict[str, Callable[[Step, _Tokens], BaseMessage]] = {
    "S": _system,
    "H": _human,
    "A": _ai,
    "T": _tool,
}
