"""What other libraries do with a broken history: the real ones, each with the same histories.

What a peer sends is reduced to its calls, results and human messages, and compared with what it was
given.
"""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from langchain.agents import create_agent
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    convert_to_openai_messages,
)
from langchain_core.tools import tool

from tests.handler.models import CountingModel
from tests.loopback.server import LoopbackHandler, LoopbackServer
from toolpair_observe import ToolPairHandler
from toolpair_observe.middleware import ToolPairMiddleware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TOOL = "get_weather"


class Token(NamedTuple):
    """A call, a result or a human message, as far as a comparison needs it."""

    what: str
    id: str = ""
    text: str = ""


def _call(*ids: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": TOOL, "args": {}, "id": each} for each in ids])


def _result(id_: str, text: str = "18 degrees") -> ToolMessage:
    return ToolMessage(text, tool_call_id=id_)


def _cut_off() -> AIMessage:
    cut = {"name": TOOL, "args": '{"city": "Os', "id": "a", "error": "not JSON"}
    return AIMessage("", invalid_tool_calls=[{**cut, "type": "invalid_tool_call"}])


_ASK, _THEN = HumanMessage("And the weather?"), HumanMessage("Well?")
HISTORIES: dict[str, list[BaseMessage]] = {
    "no result": [_ASK, _call("a", "b"), _result("a"), _THEN],
    "no call": [_ASK, _result("a"), AIMessage("Fine."), _THEN],
    "two results": [_ASK, _call("a"), _result("a"), _result("a", "7 degrees"), _THEN],
    "late result": [_ASK, _call("a"), HumanMessage("Hello?"), _result("a"), _THEN],
    "wrong id": [_ASK, _call("a"), _result("x"), _THEN],
    "arguments cut off": [_ASK, _cut_off(), _THEN],
}


@tool
def get_weather() -> str:
    """Say what the weather is."""
    return "18 degrees"


def tokens(messages: Sequence[BaseMessage]) -> list[Token]:
    """Return the calls, results and human messages of a history."""
    return [token for message in messages for token in _of(message)]


def _of(message: BaseMessage) -> Iterator[Token]:
    if isinstance(message, HumanMessage):
        yield Token("human")
    if isinstance(message, ToolMessage):
        yield Token("result", message.tool_call_id, message.text)
    if isinstance(message, AIMessage):
        for call in (*message.tool_calls, *message.invalid_tool_calls):
            yield Token("call", str(call["id"]))


def verdict(given: list[Token], sent: list[Token]) -> str:
    """Say in the words of the page what was done."""
    if given == sent:
        return "left"
    before, after = ([each for each in side if each.what == "result"] for side in (given, sent))
    done = ["made up"] if any(each not in before for each in after) else []
    done += ["dropped"] if any(each not in after for each in before) else []
    assert done or sorted(before) == sorted(after)
    return ", ".join(done) or "moved"


def _asked(ask: Callable[[CountingModel], object]) -> list[Token]:
    model = CountingModel()
    ask(model)
    return tokens(model._requests[0])


def _agent(*middleware: Any) -> Callable[[list[BaseMessage]], list[Token]]:
    def run(messages: list[BaseMessage]) -> list[Token]:
        return _asked(
            lambda model: create_agent(model, [get_weather], middleware=middleware).invoke(
                {"messages": messages}
            )
        )

    return run


def react_agent(messages: list[BaseMessage]) -> list[Token]:
    """LangGraph's older agent."""
    from langgraph.prebuilt import create_react_agent

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated
        return _asked(
            lambda model: create_react_agent(model, [get_weather]).invoke({"messages": messages})
        )


def patched_agent(messages: list[BaseMessage]) -> list[Token]:
    """An agent with deepagents' middleware."""
    from deepagents.middleware.patch_tool_calls import PatchToolCallsMiddleware

    return _agent(PatchToolCallsMiddleware())(messages)


def repaired_agent(messages: list[BaseMessage]) -> list[Token]:
    """An agent with our middleware."""
    made = ToolPairMiddleware(
        repair="insert_error_results", profile="openai-chat", feedback="off", announce=False
    )
    return _agent(made)(messages)


def watched(mode: Any) -> Callable[[list[BaseMessage]], list[Token]]:
    """A model with our handler."""

    def run(messages: list[BaseMessage]) -> list[Token]:
        handler = ToolPairHandler(mode=mode, feedback="off", announce=False, profile="openai-chat")
        try:
            return _asked(lambda model: model.invoke(messages, {"callbacks": [handler]}))
        finally:
            handler.close()

    return run


class _Answering(LoopbackHandler):
    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        self.server.owner.body = json.loads(self.read_body())
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "input_tokens": 1, "output_tokens": 1}
        told = {"role": "assistant", "content": "Fine."}
        answer: dict[str, Any] = {"id": "m", "model": "m", "usage": {**usage, "total_tokens": 2}}
        if self.path.endswith("/messages"):
            blocks = [{"type": "text", "text": "Fine."}]
            answer |= {**told, "type": "message", "content": blocks, "stop_reason": "end_turn"}
        else:
            choice = {"index": 0, "finish_reason": "stop", "message": told}
            answer |= {"object": "chat.completion", "created": 1, "choices": [choice]}
        self.send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})


class _Recorder(LoopbackServer):
    """Answers as OpenAI and Anthropic do, and keeps the body of the last request."""

    def __init__(self) -> None:
        super().__init__(_Answering)
        self.body: dict[str, Any] = {}


def litellm_to(model: str) -> Callable[[list[BaseMessage]], list[Token]]:
    """LiteLLM with `modify_params`."""

    def run(messages: list[BaseMessage]) -> list[Token]:
        parameters = {"type": "object", "properties": {}}
        function = {"name": TOOL, "parameters": parameters}
        with pytest.MonkeyPatch.context() as patch, _Recorder() as server:
            patch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else its import asks the network
            import litellm

            patch.setattr(litellm, "modify_params", True)
            url = f"{server.url}/v1"
            litellm.completion(
                model,
                _wire(messages),
                api_base=f"{url}/messages" if "anthropic" in model else url,
                api_key="none",
                tools=[{"type": "function", "function": function}],
                num_retries=0,
            )
            return [token for each in server.body["messages"] for token in _of_wire(each)]

    return run


def _wire(messages: list[BaseMessage]) -> list[dict[str, Any]]:
    """Return OpenAI's form, with the calls that LangChain's converter leaves out."""
    wire: Any = convert_to_openai_messages(messages)
    for message, row in zip(messages, wire, strict=True):
        for call in getattr(message, "invalid_tool_calls", ()):
            function = {"name": call["name"], "arguments": call["args"]}
            row["tool_calls"] = [{"id": call["id"], "type": "function", "function": function}]
    return wire  # type: ignore[no-any-return]


def _of_wire(row: dict[str, Any]) -> Iterator[Token]:
    content = row.get("content")
    for block in content if isinstance(content, list) else ():
        if block["type"] == "tool_use":
            yield Token("call", block["id"])
        elif block["type"] == "tool_result":
            told = block["content"]
            text = told if isinstance(told, str) else "".join(each["text"] for each in told)
            yield Token("result", block["tool_use_id"], text)
        elif row["role"] == "user":
            yield Token("human")
    if row["role"] == "user" and isinstance(content, str):
        yield Token("human")
    if row["role"] == "tool":
        yield Token("result", row["tool_call_id"], str(content))
    for call in row.get("tool_calls") or ():
        yield Token("call", call["id"])


PEERS: dict[str, Callable[[list[BaseMessage]], list[Token]]] = {
    "`create_react_agent`": react_agent,
    "`create_agent`": _agent(),
    "deepagents": patched_agent,
    "LiteLLM, to Anthropic": litellm_to("anthropic/claude-sonnet-4-5"),
    "LiteLLM, to OpenAI": litellm_to("openai/gpt-4o-mini"),
    "handler, observe": watched("observe"),
    "handler, strict": watched("strict"),
    "middleware, repair": repaired_agent,
}


class Done(NamedTuple):
    """What a peer did, in the words of the page, and the class of the error that it raised."""

    cell: str
    error: str = ""


def done(peer: str, history: str) -> Done:
    """Run a peer."""
    messages = HISTORIES[history]
    try:
        sent = PEERS[peer](messages)
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001 - of whichever library
        return Done("raises", type(error).__name__)
    return Done(verdict(tokens(messages), sent))
