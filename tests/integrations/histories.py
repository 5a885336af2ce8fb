"""Histories as short texts: their grammar, their damage, and the messages that they describe.

A history is written as a timeline of steps, so that a failing one can be read at a glance and
pasted back into a test:

`S` system, `H` human, `A` AI, `T` tool message; `-` after the letter: no text.
`A(a,b)` calls with the ids of the letters; `A(b/look)` names the tool; `A(!a)` arguments that are
not JSON; `A($a)` a server tool with its result, `A($a!)` without, `A($a.)` the result alone; `?` an
id of None, `''` an empty one; capital letters are ids with a property of their own (see
`SPECIAL_IDS`).
`A~(a)` the message is a chunk; `A^(a)` Anthropic content blocks beside the calls; `A=(a)` the
blocks alone; `A&(a)` Responses blocks beside the calls; `A%(a)` standard content blocks;
`A*(a)` raw OpenAI calls in the extra arguments as well; `A@(a)` a Responses custom tool call;
`A#(a)` a computer call and `A+(a)` an apply-patch call, both in the content alone; `A<(a)` a
computer call in the extra arguments alone, as `output_version="v0"` keeps it; `A_(a)` a Responses
call that was taken out of `tool_calls` and still stands in the content; `A>(a)` an answer that the
server has stored; `A|($a)` Anthropic's server tool in LangChain's own blocks, `A:($a)` Gemini's.
`T(a)` a result; `T(a)n` with the tool's name; `T(a)e` marked as an error; `T(a)z` an empty list as
content; `T(a)k` a custom tool's output; `T(a)c` a computer's output; `T(a,b)b` one message whose
content is `tool_result` blocks; `H(a)` a human message with `tool_result` blocks, `H+(a)` with an
apply-patch output.
`F(a)` a function message; `C` a chat message with the role `tool`; `R` a remove message.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TOOLS = ("look", "find", "note")
SPECIAL_IDS = {
    "L": "call_" + "l" * 40,
    "M": "call_" + "m" * 65,
    "X": "functions.look:0",
    "P": "call_p|fc_p",
    "N": "abcDEF123",
}
_STEP = re.compile(r"([SHATFCR])([~^=&%*@#+<>_|:]?)(-?)(?:\(([^)]*)\))?([nebzkc]*)")
TOKEN = re.compile(r"(?:call|result|text)token\d{3}x")


@dataclass(frozen=True, slots=True)
class Ref:
    """A call, or the id that a result answers.

    Attributes:
        key: Letter of the id, `?` for None, `''` for the empty one.
        tool: Name of the tool, `""` for the letter's own.
        invalid: The arguments are not JSON.
        server: The provider runs it: `paired`, `unpaired`, `answer` (the result alone) or `""`.
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
        at = ord(self.key.lower()) - ord("a") if self.key.isalpha() else 0
        return self.tool or TOOLS[at % len(TOOLS)]

    def __str__(self) -> str:
        mark = "!" if self.invalid else "$" if self.server else ""
        tail = {"unpaired": "!", "answer": "."}.get(self.server, "")
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
    kind = "paired" if server else ""
    if server and word[-1] in _SERVER_TAILS:
        kind, word = _SERVER_TAILS[word[-1]], word[:-1]
    key, _, tool = word.partition("/")
    return Ref(key, tool, invalid, kind)


_SERVER_TAILS = {"!": "unpaired", ".": "answer"}


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
            step = replace(step, refs=tuple(_named(ref, names) for ref in step.refs))  # noqa: PLW2901
        messages.append(_BUILDERS[step.role](step, tokens))
    return messages


def _named(ref: Ref, names: dict[str, str]) -> Ref:
    """Give a result the tool of the call that it answers."""
    return replace(ref, tool=ref.tool or names.get(ref.key, ""))


def _system(step: Step, tokens: _Tokens) -> BaseMessage:
    return SystemMessage(_text(step, tokens))


def _human(step: Step, tokens: _Tokens) -> BaseMessage:
    if not step.refs:
        return HumanMessage(_text(step, tokens))
    if step.form == "+":
        return HumanMessage([_patch_output(ref, tokens) for ref in step.refs])
    return HumanMessage([_result_block(ref, tokens) for ref in step.refs])


def _text(step: Step, tokens: _Tokens) -> str:
    return "" if step.empty else tokens("text")


def _result_block(ref: Ref, tokens: _Tokens) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": ref.id, "content": tokens("result")}


def _patch_output(ref: Ref, tokens: _Tokens) -> dict[str, Any]:
    output = {"type": "apply_patch_call_output", "call_id": ref.id, "status": "completed"}
    return output | {"output": tokens("result")}


def _tool(step: Step, tokens: _Tokens) -> BaseMessage:
    first = step.refs[0]
    content: Any = "" if step.empty else [] if "z" in step.flags else tokens("result")
    if "b" in step.flags:
        content = [_result_block(ref, tokens) for ref in step.refs]
    if "k" in step.flags:
        content = [{"type": "custom_tool_call_output", "output": content}]
    return ToolMessage(
        content,
        tool_call_id=first.id or "",
        name=first.tool_name if "n" in step.flags else None,
        status="error" if "e" in step.flags else "success",
        additional_kwargs={"type": "computer_call_output"} if "c" in step.flags else {},
    )


def _ai(step: Step, tokens: _Tokens) -> BaseMessage:
    calls: list[Any] = []
    invalid: list[Any] = []
    blocks: list[dict[str, Any]] = []
    raw: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    for ref in step.refs:
        token = tokens("call")
        if ref.server:
            blocks += _server_blocks(ref, token, step.form)
            continue
        block = _call_block(ref, token, step.form)
        if step.form == "<":
            kept += block
        else:
            blocks += block
        raw.append(_raw_call(ref, token))
        if ref.invalid:
            invalid.append(_invalid_call(ref, token))
        elif step.form not in ("=", "#", "+", "<", "_"):
            args = {"__arg1" if step.form == "@" else "k": token}
            calls.append({"name": ref.tool_name, "args": args, "id": ref.id, "type": "tool_call"})
    content: Any = "" if step.empty or step.refs else tokens("text")
    if blocks or kept:
        text = [] if step.empty else [{"type": "text", "text": tokens("text")}]
        content = [*text, *blocks]
    made: dict[str, Any] = {
        "content": content,
        "tool_calls": calls,
        "invalid_tool_calls": [] if step.form == "=" else invalid,
        "response_metadata": dict(_METADATA.get(step.form, {})),
        "additional_kwargs": {"*": {"tool_calls": raw}, "<": {"tool_outputs": kept}}.get(
            step.form, {}
        ),
    }
    if step.form == "~":
        return AIMessageChunk(**made, chunk_position="last")
    return AIMessage(**made)


_METADATA = {
    "&": {"model_provider": "openai"},
    "@": {"model_provider": "openai"},
    "#": {"model_provider": "openai"},
    "+": {"model_provider": "openai"},
    "<": {"model_provider": "openai"},
    "_": {"model_provider": "openai"},
    ">": {"model_provider": "openai", "id": "resp_1"},
    "|": {"model_provider": "anthropic", "output_version": "v1"},
    ":": {"model_provider": "google_genai"},
    "^": {"model_provider": "anthropic"},
    "%": {"output_version": "v1"},
}


def _arguments(ref: Ref, token: str) -> str:
    return f'{{"k": "{token}' + ("" if ref.invalid else '"}')


def _invalid_call(ref: Ref, token: str) -> dict[str, Any]:
    args = _arguments(ref, token)
    call = {"name": ref.tool_name, "args": args, "id": ref.id, "error": None}
    return call | {"type": "invalid_tool_call"}


def _call_block(ref: Ref, token: str, form: str) -> list[dict[str, Any]]:
    """Write the content block that a call has in the form of its message."""
    item = {"id": f"item_{ref.key}", "call_id": ref.id}
    named = {"id": ref.id, "name": ref.tool_name}
    args = {} if ref.invalid else {"k": token}
    raw = _arguments(ref, token)
    tool_use = {"type": "tool_use", **named, "input": args}
    standard = (
        {"type": "invalid_tool_call", **named, "args": raw}
        if ref.invalid
        else {"type": "tool_call", **named, "args": args}
    )
    blocks = {
        "^": tool_use,
        "=": tool_use,
        "%": standard,
        "&": {"type": "function_call", **item, "name": ref.tool_name, "arguments": raw},
        "@": {"type": "custom_tool_call", **item, "name": ref.tool_name, "input": token},
        "_": {"type": "function_call", **item, "name": ref.tool_name, "arguments": raw},
        "#": {"type": "computer_call", **item, "action": {"type": "type", "text": token}},
        "<": {"type": "computer_call", **item, "action": {"type": "type", "text": token}},
        "+": {"type": "apply_patch_call", **item, "operation": {"diff": token}},
    }
    return [blocks[form]] if form in blocks else []


def _raw_call(ref: Ref, token: str) -> dict[str, Any]:
    function = {"name": ref.tool_name, "arguments": _arguments(ref, token)}
    return {"id": ref.id, "type": "function", "function": function}


def _server_blocks(ref: Ref, token: str, form: str) -> list[dict[str, Any]]:
    if form in ("|", ":"):
        return _standard_server_blocks(ref, token)
    use = {"type": "server_tool_use", "id": ref.id, "name": "web_search", "input": {"query": token}}
    answer = {"type": "web_search_tool_result", "tool_use_id": ref.id, "content": []}
    return {"paired": [use, answer], "answer": [answer]}.get(ref.server, [use])


def _standard_server_blocks(ref: Ref, token: str) -> list[dict[str, Any]]:
    query = {"query": token}
    use = {"type": "server_tool_call", "id": ref.id, "name": "web_search", "args": query}
    answer = {"type": "server_tool_result", "tool_call_id": ref.id, "status": "success"}
    answer |= {"output": [], "extras": {"block_type": "web_search_tool_result"}}
    return [use, answer] if ref.server == "paired" else [use]


def _function(step: Step, tokens: _Tokens) -> BaseMessage:
    return FunctionMessage(tokens("result"), name=step.refs[0].tool_name)


def _chat(step: Step, tokens: _Tokens) -> BaseMessage:
    return ChatMessage(_text(step, tokens), role="tool")


def _remove(step: Step, tokens: _Tokens) -> BaseMessage:
    return RemoveMessage(id="message-1")


_BUILDERS: dict[str, Callable[[Step, _Tokens], BaseMessage]] = {
    "S": _system,
    "H": _human,
    "A": _ai,
    "T": _tool,
    "F": _function,
    "C": _chat,
    "R": _remove,
}
