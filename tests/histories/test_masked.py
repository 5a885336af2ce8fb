"""Made-up results in stored data: in every form that holds a result's content, counted once."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from toolpair_observe.cli.main import main
from toolpair_observe.histories import DEFAULT_LIMITS, read_units
from toolpair_observe.histories.dialects.table import dialect_of
from toolpair_observe.histories.judging import Judged, judge_unit
from toolpair_observe.histories.unit import Conversation, Extent, Layer, Unit
from toolpair_observe.pairing.words import Effect

ID = "call_bergen"
OLD = (
    f"Tool call weather with id {ID} was cancelled - another message came in before it could be "
    "completed."
)
PI = "No result provided"
CHATLAS = "Tool call failed with error: 'Chat ended before the tool could be invoked.'"

Messages = list[Any]


def openai(content: Any, **fields: Any) -> Messages:
    call = {"id": ID, "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    return [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": ID, "content": content, **fields},
    ]


def parallel(content: Any) -> Messages:
    user, asks, answer = openai(content)
    other = {"id": "call_2", "type": "function", "function": {"name": "news", "arguments": "{}"}}
    fine = {"role": "tool", "tool_call_id": "call_2", "content": "fine"}
    return [user, {**asks, "tool_calls": [*asks["tool_calls"], other]}, answer, fine]


def langchain(content: Any, **fields: Any) -> Messages:
    return [
        {"type": "human", "content": "?"},
        {
            "type": "ai",
            "content": "",
            "tool_calls": [{"name": "weather", "args": {}, "id": ID}],
        },
        {"type": "tool", "tool_call_id": ID, "content": content, **fields},
    ]


def dumped(content: Any, **fields: Any) -> Messages:
    classes = {"human": "HumanMessage", "ai": "AIMessage", "tool": "ToolMessage"}
    return [
        {"lc": 1, "type": "constructor", "id": ["m", classes[each["type"]]], "kwargs": each}
        for each in langchain(content, **fields)
    ]


def anthropic(content: Any, **fields: Any) -> Messages:
    return [
        {"role": "user", "content": "?"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": ID, "name": "weather", "input": {}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": ID, "content": content, **fields}],
        },
    ]


def converse(content: Any, **fields: Any) -> Messages:
    use = {"toolUseId": ID, "name": "weather", "input": {}}
    result = {"toolUseId": ID, "content": [content], **fields}
    return [
        {"role": "user", "content": [{"text": "?"}]},
        {"role": "assistant", "content": [{"toolUse": use}]},
        {"role": "user", "content": [{"toolResult": result}]},
    ]


def gemini(response: Any, **ids: Any) -> Messages:
    call = {"name": "weather", "args": {}, **ids}
    answer = {"name": "weather", "response": response, **ids}
    return [
        {"role": "user", "parts": [{"text": "?"}]},
        {"role": "model", "parts": [{"functionCall": call}]},
        {"role": "user", "parts": [{"functionResponse": answer}]},
    ]


def responses(output: Any, **fields: Any) -> Messages:
    return [
        {"role": "user", "content": "?"},
        {"type": "function_call", "call_id": ID, "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": ID, "output": output, **fields},
    ]


def ai_sdk(**answer: Any) -> Messages:
    named = {"toolCallId": ID, "toolName": "weather"}
    return [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": [{"type": "tool-call", **named, "input": {}}]},
        {"role": "tool", "content": [{"type": "tool-result", **named, **answer}]},
    ]


def ui_message(**part: Any) -> Messages:
    named = {"type": "tool-weather", "toolCallId": ID, "input": {}}
    return [
        {"role": "user", "parts": [{"type": "text", "text": "?"}]},
        {"role": "assistant", "parts": [{"type": "step-start"}, {**named, **part}]},
    ]


def pydantic_ai(content: Any, **fields: Any) -> Messages:
    named = {"tool_name": "weather", "tool_call_id": ID}
    return [
        {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": "?"}]},
        {"kind": "response", "parts": [{"part_kind": "tool-call", "args": "{}", **named}]},
        {
            "kind": "request",
            "parts": [{"part_kind": "tool-return", "content": content, **named, **fields}],
        },
    ]


def genai(response: Any) -> Messages:
    return [
        {"role": "user", "parts": [{"type": "text", "content": "?"}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": ID, "name": "weather", "arguments": {}}],
        },
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": ID, "response": response}],
        },
    ]


def inspect(content: Any) -> Messages:
    return [
        {"role": "user", "content": "?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": ID, "function": "weather", "arguments": {}}],
        },
        {"role": "tool", "content": content, "tool_call_id": ID, "function": "weather"},
    ]


def haystack(content: Any, *, error: bool = False) -> Messages:
    origin = {"id": ID, "tool_name": "weather", "arguments": {}}
    result = {"result": content, "origin": origin, "error": error}
    return [
        {"role": "user", "meta": {}, "content": [{"text": "?"}]},
        {"role": "assistant", "meta": {}, "content": [{"tool_call": origin}]},
        {"role": "tool", "meta": {}, "content": [{"tool_call_result": result}]},
    ]


def autogen(content: Any, *, is_error: bool = False) -> Messages:
    answer = {"content": content, "call_id": ID, "name": "weather", "is_error": is_error}
    return [
        {"type": "UserMessage", "content": "?", "source": "user"},
        {
            "type": "AssistantMessage",
            "content": [{"id": ID, "name": "weather", "arguments": "{}"}],
        },
        {"type": "FunctionExecutionResultMessage", "content": [answer]},
    ]


def kernel(content: Any) -> Messages:
    call = {"content_type": "function_call", "id": ID, "name": "weather"}
    result = {"content_type": "function_result", "id": ID, "name": "weather", "result": content}
    return [
        {
            "content_type": "message",
            "role": role,
            "items": [item],
        }
        for role, item in (
            ("user", {"content_type": "text", "text": "?"}),
            ("assistant", call),
            ("tool", result),
        )
    ]


def llama_index(content: Any) -> Messages:
    call = {"id": ID, "function": {"name": "weather", "arguments": "{}"}}
    text = {"block_type": "text", "text": content}
    return [
        {"role": "user", "blocks": [{"block_type": "text", "text": "?"}], "additional_kwargs": {}},
        {"role": "assistant", "blocks": [], "additional_kwargs": {"tool_calls": [call]}},
        {
            "role": "tool",
            "blocks": [text],
            "additional_kwargs": {"tool_call_id": ID, "name": "weather"},
        },
    ]


def cohere(content: Any) -> Messages:
    call = {"name": "weather", "parameters": {}}
    return [
        {"role": "USER", "message": "?"},
        {"role": "CHATBOT", "message": "", "tool_calls": [call]},
        {
            "role": "TOOL",
            "tool_results": [{"call": call, "outputs": [{"result": content}]}],
        },
    ]


def sharegpt(content: Any) -> Messages:
    call = json.dumps({"name": "weather", "arguments": {}})
    return [
        {"from": "human", "value": "?"},
        {"from": "function_call", "value": call},
        {"from": "observation", "value": content},
    ]


ADK = {"error": "Invocation was aborted by client."}
MADE_UP = {
    "openai-chat": (openai(OLD), "deepagents"),
    "openai-chat, parallel": (parallel(OLD), "deepagents"),
    "openai-chat, parts": (openai([{"type": "text", "text": OLD}]), "deepagents"),
    "langchain": (langchain(OLD), "deepagents"),
    "langchain, a block": (langchain([{"type": "text", "text": OLD}]), "deepagents"),
    "langchain, an error": (langchain(PI, status="error", additional_kwargs={}), "pi"),
    "langchain, a mark": (
        langchain("x", additional_kwargs={"orphan_tool_call_placeholder": True}),
        "langgraph-checkpoint-aws",
    ),
    "langchain, dumped": (dumped(OLD, status="success"), "deepagents"),
    "anthropic": (anthropic(OLD), "deepagents"),
    "anthropic, an error": (anthropic([{"type": "text", "text": PI}], is_error=True), "pi"),
    "converse": (converse({"text": PI}, status="error"), "pi"),
    "gemini": (gemini(ADK, id=ID), "google-adk"),
    "gemini, LangChain's": (gemini({"output": OLD}, id=ID), "deepagents"),
    "gemini, no ids": (gemini(ADK), "google-adk"),
    "openai-responses": (responses(OLD), "deepagents"),
    "openai-responses, parts": (responses([{"type": "input_text", "text": CHATLAS}]), "chatlas"),
    "openai-responses, codex": (
        responses("aborted", id="fco_6f0c8a522d0b5d539a433a6c5f9e1b7d"),
        "codex",
    ),
    "ai-sdk": (ai_sdk(output={"type": "error-text", "value": PI}), "pi"),
    "ai-sdk, release 4": (ai_sdk(result=OLD), "deepagents"),
    "ui-message": (
        ui_message(state="output-error", errorText="[Tool execution was interrupted]"),
        "opencode",
    ),
    "pydantic-ai": (
        pydantic_ai("The tool call was interrupted before a result was produced."),
        "pydantic-ai",
    ),
    "pydantic-ai, a mark": (pydantic_ai("x", outcome="interrupted"), "pydantic-ai"),
    "genai": (genai(OLD), "deepagents"),
    "genai, an object": (genai(ADK), "google-adk"),
    "inspect": (inspect(OLD), "deepagents"),
    "haystack": (haystack(PI, error=True), "pi"),
    "autogen": (autogen(PI, is_error=True), "pi"),
    "semantic-kernel": (kernel(OLD), "deepagents"),
    "llama-index": (llama_index(OLD), "deepagents"),
    "cohere": (cohere(CHATLAS), "chatlas"),
    "sharegpt": (sharegpt(CHATLAS), "chatlas"),
}
REAL = {
    "openai-chat": openai(OLD + "\n"),
    "openai-chat, another call": openai(OLD.replace(ID, "call_2")),
    "openai-chat, no error": openai(PI),
    "openai-chat, parts": openai([{"type": "text", "text": OLD}, {"type": "text", "text": "."}]),
    "langchain": langchain(f"log: {OLD}"),
    "langchain, no error": langchain(PI, status="success"),
    "anthropic": anthropic(PI),
    "converse": converse({"json": {"text": PI}}, status="error"),
    "gemini": gemini({**ADK, "path": "x"}, id=ID),
    "responses": responses("aborted", id="fco_1"),
    "ai-sdk": ai_sdk(output={"type": "text", "value": PI}),
    "ui-message": ui_message(state="output-available", output=PI),
    "pydantic-ai": pydantic_ai("fine", outcome="success"),
    "haystack": haystack(PI),
    "autogen": autogen(PI),
    "sharegpt": sharegpt(f"<tool_response>{CHATLAS}</tool_response>."),
}


def judged(*lists: Messages, extent: Extent = Extent.WHOLE, known: int = 0) -> Judged:
    conversations = tuple(
        Conversation(messages, known if place else 0) for place, messages in enumerate(lists)
    )
    unit = Unit(
        line=1,
        row="",
        format="rows",
        layer=Layer.WIRE,
        conversations=conversations,
        dialect=None,
        extent=extent,
    )
    return judge_unit(unit, DEFAULT_LIMITS)


@pytest.mark.parametrize("form", MADE_UP)
def test_every_form_tells_a_made_up_result(form):
    messages, by = MADE_UP[form]
    found = judged(messages)
    assert found.unit.reason == ""
    assert dialect_of(messages).name.startswith(form.partition(",")[0])
    (masked,) = found.masked
    assert (masked.by, masked.tool_name, masked.fresh) == (by, "weather", True)
    assert found.effect is Effect.CLEAN
    assert found.masked_requests == 1


@pytest.mark.parametrize("form", REAL)
def test_every_form_keeps_a_real_result_apart(form):
    found = judged(REAL[form])
    assert found.unit.reason == ""
    assert found.masked == ()


ANSWER = {"role": "assistant", "content": "ok"}
USER = {"role": "user", "content": "?"}


def fresh(found: Judged) -> list[bool]:
    return [each.fresh for each in found.masked]


def test_a_list_that_goes_on_has_a_result_that_is_not_new():
    assert fresh(judged([*openai(OLD), ANSWER, USER])) == [False]


def test_of_the_prefixes_that_have_a_result_the_first_has_it_new():
    messages = [USER, ANSWER, *openai(OLD), ANSWER, USER, ANSWER]
    found = judged(messages, extent=Extent.PREFIXES)
    assert found.requests == 4
    assert found.masked_requests == 2
    assert fresh(found) == [True]


@pytest.mark.parametrize("before", [[], [USER, ANSWER]])
def test_a_result_behind_the_last_request_is_told_though_it_was_in_none(before):
    found = judged([*before, *openai(OLD)], extent=Extent.PREFIXES)
    assert (fresh(found), found.masked_requests) == ([True], 0)
    assert found.masked_report is not None
    assert "made up by deepagents" in found.masked_report.explain()
    assert not found.violations


def test_calls_that_wait_behind_a_made_up_result_are_no_near_miss():
    found = judged([*openai(OLD), *openai("fine")[:2]], extent=Extent.PREFIXES)
    assert (fresh(found), found.effect) == ([True], Effect.CLEAN)


def test_what_stands_behind_the_last_request_of_two_lists_counts_once():
    shared = openai(OLD)
    found = judged(shared, [*shared, USER], extent=Extent.PREFIXES, known=len(shared))
    assert fresh(found) == [True]


def test_broken_prefixes_count_their_made_up_results_once():
    messages = [*openai(OLD), USER, ANSWER, *openai("fine")[:2], USER, ANSWER, USER, ANSWER]
    found = judged(messages, extent=Extent.PREFIXES)
    assert found.violations
    assert (fresh(found), found.masked_requests) == ([True], 4)


def test_what_two_lists_of_a_unit_share_counts_once():
    first = [*openai(OLD), ANSWER, USER, ANSWER]
    fork = [*first[:5], USER, ANSWER]
    found = judged(first, fork, extent=Extent.PREFIXES, known=5)
    assert fresh(found) == [True]


# What the commands show.


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [openai(OLD), [*openai(OLD), ANSWER, USER], openai("fine"), openai(CHATLAS)]
    (tmp_path / "a.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return "a.jsonl"


def test_check_counts_them_and_is_not_upset(path, capsys):
    assert main(["check", path]) == 0
    out = capsys.readouterr().out
    assert (
        "masked: 3 results that other software made up (deepagents 2, chatlas 1), 2 of them new"
        in out
    )
    assert "a.jsonl:1" not in out


def test_check_lists_them_on_demand(path, capsys):
    assert main(["check", path, "--masked"]) == 0
    out = capsys.readouterr().out
    assert (
        f"a.jsonl:1: masked: the result at message 2 of call {ID} of tool weather (call at message "
        "1) was made up by deepagents: missing, shown by its text\n" in out
    )
    assert out.count(": masked: ") == 3


def test_check_explains_them(path, capsys):
    assert main(["check", path, "--explain"]) == 0
    out = capsys.readouterr().out
    assert out.count("← made up by ") == 3
    assert OLD not in out


def test_check_tells_them_as_json(path, capsys):
    assert main(["check", path, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [len(each["masked"]) for each in told] == [1, 1, 0, 1]
    assert told[0]["masked"][0] == {
        "message_index": 2,
        "call_message_index": 1,
        "tool_call_id": ID,
        "tool_name": "weather",
        "kind": "missing",
        "by": "deepagents",
        "evidence": "text",
        "fresh": True,
        "step": None,
    }


def test_ids_can_be_hashed(path, capsys, monkeypatch):
    monkeypatch.setenv("TOOLPAIR_HASH_IDS", "true")
    for how in (["--json"], ["--masked"], ["--explain"]):
        main(["check", path, *how])
        assert ID not in capsys.readouterr().out


def test_an_audit_counts_them(path, capsys):
    assert main(["audit", path, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["masked"]
    assert (told["results"], told["requests"]) == (3, 3)
    assert Counter({each["by"]: each["results"] for each in told["by"]}) == {
        "deepagents": 2,
        "chatlas": 1,
    }
    assert main(["audit", path]) == 0
    assert (
        "  masked: 3 results that other software made up (deepagents 2, chatlas 1), "
        in capsys.readouterr().out
    )


def test_parts_of_an_audit_add_up(path, capsys):
    assert main(["audit", path, path, "--json"]) == 0
    one = json.loads(capsys.readouterr().out)["masked"]
    assert one["results"] == 3


def test_every_made_up_result_of_the_corpora_is_one_of_its_own_project(shared_dir):
    found: Counter[tuple[str, str]] = Counter()
    for path in sorted((shared_dir / "corpora").glob("*.gz")):
        for unit in read_units(str(path)):
            for each in judge_unit(unit, DEFAULT_LIMITS).masked:
                found[path.name.removesuffix(".jsonl.gz"), each.by] += 1
    assert found == {
        ("cassettes__posit-dev__chatlas", "chatlas"): 5,
        ("cassettes__tidyverse__ellmer", "ellmer"): 13,
        ("traj__copilot-sdk", "copilot"): 14,
    }
