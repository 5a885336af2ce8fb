"""One call in several encodings: what a history may hold, by the name of the mismatch.

A call stands in an attribute, a content block or `additional_kwargs`. Middleware edits one and
forgets the others, providers' histories are sent through other clients, and `model_copy` keeps
what it is not told of.
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

Message = dict[str, Any]
TEXT = {"type": "text", "text": "Let me see."}
ONE, TWO = "call_one", "call_two"


def call(call_id: str | None, name: str | None = "look", **more: Any) -> Message:
    return {"type": "tool_call", "id": call_id, "name": name, "args": {"k": "v"}, **more}


def invalid(call_id: str | None, name: str | None = "look") -> Message:
    bad = {"type": "invalid_tool_call", "id": call_id, "name": name}
    return bad | {"args": '{"k"', "error": None}


def raw(call_id: str, name: str = "look") -> Message:
    function = {"name": name, "arguments": '{"k": "v"}'}
    return {"id": call_id, "type": "function", "function": function}


def legacy(name: str = "look") -> Message:
    return {"name": name, "arguments": '{"k": "v"}'}


def tool_use(call_id: str) -> Message:
    return {"type": "tool_use", "id": call_id, "name": "look", "input": {"k": "v"}}


def item(call_id: str, kind: str = "function_call") -> Message:
    said = {"input": "v"} if kind == "custom_tool_call" else {"arguments": '{"k": "v"}'}
    return {"type": kind, "id": "item_1", "call_id": call_id, "name": "look", **said}


def ai(
    content: str | list[Any] = "Let me see.",
    calls: tuple[Message, ...] = (),
    bad: tuple[Message, ...] = (),
    *,
    by: str = "",
    v1: bool = False,
    **extra: Any,
) -> AIMessage:
    """Build an AI message field by field, as edits leave it: without LangChain's own checks."""
    told = ({"model_provider": by} if by else {}) | ({"output_version": "v1"} if v1 else {})
    return AIMessage("").model_copy(
        update={
            "content": content,
            "tool_calls": list(calls),
            "invalid_tool_calls": list(bad),
            "additional_kwargs": extra,
            "response_metadata": told,
        }
    )


MIXED: dict[str, AIMessage] = {
    # The attributes are empty, a copy is left.
    "raw alone": ai(tool_calls=[raw(ONE)]),
    "raw alone beside blocks": ai([TEXT], tool_calls=[raw(ONE)]),
    "two raw alone": ai(tool_calls=[raw(ONE), raw(TWO)]),
    "legacy alone": ai(function_call=legacy()),
    "legacy and raw": ai(function_call=legacy(), tool_calls=[raw(ONE)]),
    "tool_use alone": ai([TEXT, tool_use(ONE)]),
    "tool_use alone, Anthropic's": ai([TEXT, tool_use(ONE)], by="anthropic"),
    "tool_use without input": ai([TEXT, {"type": "tool_use", "id": ONE, "name": "look"}]),
    "function_call block alone": ai([TEXT, item(ONE)], by="openai"),
    "custom call block alone": ai([TEXT, item(ONE, "custom_tool_call")], by="openai"),
    "standard block alone": ai([TEXT, call(ONE)]),
    "standard block alone, v1": ai([TEXT, call(ONE)], v1=True),
    "standard block alone, OpenAI's v1": ai([TEXT, call(ONE)], by="openai", v1=True),
    "standard block alone, Anthropic's v1": ai([TEXT, call(ONE)], by="anthropic", v1=True),
    "standard block alone, Gemini's v1": ai([TEXT, call(ONE)], by="google_genai", v1=True),
    "invalid block alone": ai([TEXT, invalid(ONE)]),
    "invalid block alone, v1": ai([TEXT, invalid(ONE)], v1=True),
    "invalid block alone, Anthropic's v1": ai([TEXT, invalid(ONE)], by="anthropic", v1=True),
    "invalid block without id": ai([TEXT, invalid(None)]),
    "invalid block without name": ai([TEXT, invalid(ONE, None)]),
    "kept item": ai([TEXT], by="openai", tool_outputs=[item(ONE, "custom_tool_call")]),
    # A copy holds another call than the attributes, or more of them.
    "raw of another": ai(calls=(call(TWO, "find"),), tool_calls=[raw(ONE)]),
    "raw of one more": ai(calls=(call(ONE),), tool_calls=[raw(ONE), raw(TWO, "find")]),
    "raw beside invalid": ai(bad=(invalid(TWO, "find"),), tool_calls=[raw(ONE)]),
    "tool_use of another": ai([TEXT, tool_use(ONE)], (call(TWO, "find"),)),
    "tool_use of another, Anthropic's": ai(
        [TEXT, tool_use(ONE)], (call(TWO, "find"),), by="anthropic"
    ),
    "function_call block of another": ai([TEXT, item(ONE)], (call(TWO, "find"),), by="openai"),
    "standard block of another": ai([TEXT, call(ONE)], (call(TWO, "find"),)),
    "standard block of another, v1": ai([TEXT, call(ONE)], (call(TWO, "find"),), v1=True),
    "invalid block of another": ai([TEXT, invalid(ONE)], (call(TWO, "find"),)),
    # Copies of the same call.
    "raw too": ai(calls=(call(ONE),), tool_calls=[raw(ONE)]),
    "legacy too": ai(calls=(call(ONE),), function_call=legacy()),
    "legacy too, of the last": ai(
        calls=(call(ONE), call(TWO, "find")), function_call=legacy("find")
    ),
    "legacy beside invalid": ai(bad=(invalid(ONE),), function_call=legacy()),
    "tool_use too": ai([TEXT, tool_use(ONE)], (call(ONE),), by="anthropic"),
    "tool_use and invalid": ai([TEXT, tool_use(ONE)], bad=(invalid(ONE),), by="anthropic"),
    "function_call block too": ai([TEXT, item(ONE)], (call(ONE),), by="openai"),
    "function_call block and refusal": ai(
        [TEXT, item(ONE)], (call(ONE),), by="openai", refusal=None
    ),
    "standard block too": ai([TEXT, call(ONE)], (call(ONE),)),
    "standard block too, v1": ai([TEXT, call(ONE)], (call(ONE),), v1=True),
    "standard block too, OpenAI's v1 chat": ai(
        [TEXT, call(ONE)], (call(ONE),), by="openai", v1=True, refusal=None
    ),
    "invalid block too": ai([TEXT, invalid(ONE)], bad=(invalid(ONE),)),
    "invalid block too, v1": ai([TEXT, invalid(ONE)], bad=(invalid(ONE),), v1=True),
    "valid and invalid": ai(calls=(call(ONE),), bad=(invalid(ONE),)),
    "invalid": ai(bad=(invalid(ONE),)),
    "invalid without name": ai(bad=(invalid(ONE, None),)),
    "invalid without id": ai(bad=(invalid(None),)),
}
"""AI messages whose encodings disagree, or repeat each other."""


def histories(message: AIMessage) -> dict[str, list[BaseMessage]]:
    """Return the histories that show what became of the calls: unanswered, and answered."""
    start: list[BaseMessage] = [HumanMessage("Look."), message]
    end = HumanMessage("And now?")
    return {
        "unanswered": [*start, end],
        "answered": [*start, ToolMessage("Seen.", tool_call_id=ONE, name="look"), end],
    }
