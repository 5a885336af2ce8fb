"""Histories that make a careless check do more than linear work, each for any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

H: Final = HumanMessage("?")


def call(id_: str | None, name: str = "f") -> dict[str, Any]:
    return {"name": name, "args": {}, "id": id_, "type": "tool_call"}


def bad(id_: str | None, name: str | None = "f") -> dict[str, Any]:
    return {"name": name, "args": "{", "id": id_, "error": None, "type": "invalid_tool_call"}


def ai(*calls: dict[str, Any], **fields: Any) -> AIMessage:
    return AIMessage(fields.pop("content", ""), tool_calls=list(calls), **fields)


def tool(id_: str, name: str | None = None, content: Any = "11", **fields: Any) -> ToolMessage:
    return ToolMessage(content, tool_call_id=id_, name=name, **fields)


def ids(n: int) -> list[str]:
    return [f"call_{i}" for i in range(n)]


def asked(names: Iterable[str], name: Callable[[int], str] = lambda _: "f") -> AIMessage:
    return ai(*(call(id_, name(i)) for i, id_ in enumerate(names)))


def results(names: Iterable[str]) -> list[ToolMessage]:
    return [tool(id_) for id_ in names]


def use(id_: str, kind: str = "tool_use", key: str = "id", **fields: Any) -> dict[str, Any]:
    return {"type": kind, key: id_, "name": "f", "input": {}, **fields}


def raw(id_: str | None) -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}}


def answer(id_: str, kind: str = "tool_result", key: str = "tool_use_id") -> dict[str, Any]:
    return {"type": kind, key: id_, "content": "11"}


def each(n: int, make: Callable[[str], Iterable[BaseMessage]]) -> list[BaseMessage]:
    return [message for id_ in ids(n) for message in make(id_)]


def copies(n: int) -> list[BaseMessage]:
    """One message whose calls stand everywhere, each place with calls of its own."""
    content = [use(f"use_{i}") for i in ids(n)]
    content += [use(f"std_{i}", "tool_call") for i in ids(n)]
    content += [use(f"fn_{i}", "function_call", "call_id", arguments="{}") for i in ids(n)]
    content += [use(f"sh_{i}", "shell_call", "call_id") for i in ids(n)]
    content += [{"toolUse": {"toolUseId": f"conv_{i}", "name": "f", "input": {}}} for i in ids(n)]
    extra = {
        "tool_calls": [raw(f"raw_{i}") for i in ids(n)],
        "tool_outputs": [use(f"kept_{i}", "shell_call", "call_id") for i in ids(n)],
        "function_call": {"name": "g", "arguments": "{}"},
    }
    message = ai(*(call(i) for i in ids(n)), content=content, additional_kwargs=extra)
    message.invalid_tool_calls = [bad(f"bad_{i}") for i in ids(n)]  # type: ignore[misc]
    return [H, message, *results(ids(n)), H]


def invalid(n: int, *, null: bool = False) -> AIMessage:
    return AIMessage("", invalid_tool_calls=[bad(None if null else i) for i in ids(n)])


def signed(id_: str, n: int) -> AIMessage:
    thinking = [{"type": "thinking", "thinking": "", "signature": f"s{i}"} for i in range(n)]
    return ai(call(id_), content=[*thinking, use(id_)])


def server(n: int, *, done: bool) -> list[BaseMessage]:
    content = [use(f"srvtoolu_{i}", "server_tool_use") for i in range(n)]
    if done:
        content += [answer(f"srvtoolu_{i}", "web_search_tool_result") for i in range(n)]
    return [H, AIMessage(content), H]


SHAPES: Final[dict[str, Callable[[int], list[BaseMessage]]]] = {
    "sound": lambda n: [H, *each(n, lambda i: [ai(call(i)), tool(i)])],
    "sound, parallel": lambda n: [H, asked(ids(n)), *results(ids(n)), H],
    # One message with many calls.
    "one message, no result, end": lambda n: [H, asked(ids(n))],
    "one message, no result, human": lambda n: [H, asked(ids(n)), H],
    "one message, no result, AI": lambda n: [H, asked(ids(n)), AIMessage("ok"), H],
    "one message, no result, tools differ": lambda n: [H, asked(ids(n), lambda i: f"f{i}"), H],
    "one message, one result": lambda n: [H, asked(ids(n)), tool("call_0"), H],
    "one message, half": lambda n: [H, asked(ids(n)), *results(ids(n)[::2]), H],
    "one message, late": lambda n: [H, asked(ids(n)), H, *results(reversed(ids(n)))],
    "one message, early": lambda n: [H, *results(ids(n)), asked(ids(n)), H],
    "one message, split": lambda n: [
        H,
        *(ai(call(i)) for i in ids(n)),
        *results(ids(n)),
        H,
    ],
    "one message, reversed twice": lambda n: [
        H,
        asked(ids(n)),
        *results(reversed(ids(n))),
        *results(reversed(ids(n))),
        H,
    ],
    "one message, renamed": lambda n: [H, asked(ids(n)), *results(f"{i}x" for i in ids(n)), H],
    "one message, tools differ, renamed": lambda n: [
        H,
        asked(ids(n), lambda i: f"f{i}"),
        *(tool(f"{i}x", f"f{n - k}") for k, i in enumerate(ids(n))),
        H,
    ],
    "one message, empty ids": lambda n: [H, asked([""] * n), *results([""] * n), H],
    "one message, null ids": lambda n: [H, ai(*(call(None) for _ in range(n))), H],
    "one message, one id": lambda n: [H, asked(["a"] * n), *results(["a"] * n), H],
    "one message, one id, no result": lambda n: [H, asked(["a"] * n), H],
    "one message, one id, one result": lambda n: [H, asked(["a"] * n), tool("a"), H],
    "one message, hand-offs": lambda n: [
        H,
        asked(ids(n), lambda i: f"transfer_to_agent_{i}"),
        H,
    ],
    "one message, one hand-off ran": lambda n: [
        H,
        asked(ids(n), lambda i: "transfer_to_x" if i == n - 1 else "f"),
        tool(f"call_{n - 1}", content="Successfully transferred to x"),
        AIMessage("hello", name="x"),
    ],
    "one message, schemas": lambda n: [
        H,
        asked(ids(n), lambda i: f"Answer{i}Response"),
        H,
        ai(call("z")),
        tool("z"),
        H,
    ],
    "one message, server ids": lambda n: [H, asked(f"srvtoolu_{i}" for i in range(n)), H],
    "one message, bad ids": lambda n: [H, asked(f"{i} !{'x' * 70}" for i in ids(n)), H],
    "one message, invalid calls": lambda n: [H, invalid(n), H],
    "one message, invalid calls, answered": lambda n: [H, invalid(n), *results(ids(n)), H],
    "one message, invalid null calls": lambda n: [H, invalid(n, null=True), H],
    # One result or many of one call.
    "one call, many results": lambda n: [H, asked(["a"]), *results(["a"] * n), H],
    "orphans": lambda n: [H, *results(ids(n)), H],
    "orphans, first": lambda n: results(ids(n)),
    "orphans, one id": lambda n: [H, *results(["a"] * n), H],
    "orphans among results": lambda n: [H, asked(["a"]), tool("a"), *results(ids(n)), H],
    "orphans behind text": lambda n: each(n, lambda i: [HumanMessage("?"), tool(i)]),
    "orphans, hand-offs": lambda n: each(n, lambda i: [H, tool(i, f"transfer_to_{i}")]),
    "nameless results": lambda n: [
        H,
        asked(ids(n)),
        *(FunctionMessage("11", name=f"f{i}") for i in range(n)),
        *(ChatMessage("11", role="tool") for _ in range(n)),
        H,
    ],
    # Many turns.
    "turns, no result": lambda n: each(n, lambda i: [ai(call(i)), H]),
    "turns, no result, AI only": lambda n: each(n, lambda i: [ai(call(i))]),
    "turns, invalid calls": lambda n: each(
        n, lambda i: [H, AIMessage("", invalid_tool_calls=[bad(i)])]
    ),
    "turns, renamed": lambda n: each(n, lambda i: [ai(call(i)), tool(f"{i}x"), H]),
    "turns, twice": lambda n: each(n, lambda i: [ai(call(i)), tool(i), tool(i)]),
    "turns, one id": lambda n: each(n, lambda _: [ai(call("a")), tool("a")]),
    "turns, one id, no result": lambda n: each(n, lambda _: [ai(call("a")), H]),
    "turns, one id, late": lambda n: [
        *each(n, lambda _: [ai(call("a")), H]),
        *results(["a"] * n),
    ],
    "turns, all late": lambda n: [*each(n, lambda i: [ai(call(i))]), H, *results(ids(n))],
    "turns, all early": lambda n: [*results(ids(n)), *each(n, lambda i: [ai(call(i))])],
    "turns, human between": lambda n: each(n, lambda i: [ai(call(i)), H, tool(i)]),
    "turns, system between": lambda n: each(
        n, lambda i: [ai(call(i)), SystemMessage("s"), tool(i)]
    ),
    "turns, hand-offs": lambda n: each(
        n, lambda i: [AIMessage("x", name=i), ai(call(i, f"transfer_to_{i}")), H]
    ),
    "one call, many humans": lambda n: [H, asked(["a"]), *([H] * n), tool("a")],
    "one call, many blank humans": lambda n: [
        H,
        asked(["a"]),
        *([HumanMessage("")] * n),
        tool("a"),
    ],
    "AI messages": lambda n: [H, asked(["a"]), *([AIMessage("x")] * n), tool("a")],
    "systems": lambda n: [*([SystemMessage("s")] * n), ai(call("a")), *([SystemMessage("s")] * n)],
    "systems behind open calls": lambda n: [
        H,
        asked(ids(n)),
        *each(n, lambda _: [H, SystemMessage("s")]),
    ],
    "systems between answers": lambda n: [
        H,
        asked(ids(n)),
        *each(n, lambda i: [tool(i), SystemMessage("s")]),
    ],
    "other roles": lambda n: each(
        n, lambda i: [ai(call(i)), ChatMessage("x", role="user"), RemoveMessage(id=i)]
    ),
    # Calls and results elsewhere than in the attributes.
    "copies": copies,
    "raw calls": lambda n: [
        H,
        AIMessage("", additional_kwargs={"tool_calls": [raw(i) for i in ids(n)]}),
        H,
    ],
    "legacy calls": lambda n: each(
        n,
        lambda i: [
            ai(call(i), additional_kwargs={"function_call": {"name": "f", "arguments": "{}"}}),
            H,
        ],
    ),
    "blocks, no result": lambda n: [H, AIMessage([use(i) for i in ids(n)]), H],
    "blocks, one id": lambda n: [H, AIMessage([use("a") for _ in ids(n)]), H],
    "blocks, text between": lambda n: [
        H,
        ai(
            *(call(i) for i in ids(n)),
            content=[b for i in ids(n) for b in (use(i), {"type": "text", "text": "x"})],
        ),
        *results(ids(n)),
        H,
    ],
    "results in a human message": lambda n: [
        H,
        asked(ids(n)),
        HumanMessage([b for i in ids(n) for b in ({"type": "text", "text": "x"}, answer(i))]),
    ],
    "results in a tool message": lambda n: [
        H,
        asked(ids(n)),
        tool("call_0", content=[answer(i) for i in ids(n)]),
        H,
    ],
    "results in an AI message": lambda n: [
        H,
        AIMessage([b for i in ids(n) for b in (use(i), answer(i))]),
        H,
    ],
    "outputs": lambda n: [
        H,
        AIMessage(
            [
                b
                for i in ids(n)
                for b in (
                    use(i, "function_call", "call_id", arguments="{}"),
                    answer(i, "function_call_output", "call_id"),
                )
            ]
        ),
        H,
    ],
    "server tools, open": lambda n: server(n, done=False),
    "server tools, done": lambda n: server(n, done=True),
    "server results alone": lambda n: [
        H,
        AIMessage([answer(i, "web_search_tool_result") for i in ids(n)]),
        H,
    ],
    "rebuilt": lambda n: [
        H,
        ai(
            *(call(i) for i in ids(n)),
            content=[use(i, "function_call", "call_id", arguments="{}") for i in ids(n)],
            additional_kwargs={"reasoning": {"id": "rs_1"}},
            response_metadata={"model_provider": "openai", "id": "resp_1"},
            id="msg_1",
        ),
        H,
    ],
    "thinking": lambda n: [H, asked(["a"]), H, *each(n, lambda i: [signed(i, 1), tool(i)])],
    "thinking, one message": lambda n: [H, asked(["a"]), H, signed("b", n), tool("b")],
    "reasoning items": lambda n: [
        H,
        ai(
            content=[
                b
                for i in ids(n)
                for b in (
                    {"type": "reasoning", "id": f"rs_{i}", "summary": []},
                    use(i, "function_call", "call_id", arguments="{}"),
                )
            ]
        ),
        H,
    ],
}
