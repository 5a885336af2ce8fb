"""OpenInference's spans: which of their two copies of the messages is read, and what is none."""

from __future__ import annotations

import json

import pytest

from tests.histories.envelopes.reading import judged, short
from toolpair_observe.pairing.providers.recorded import Origin

INPUT = "llm.input_messages"
HUMAN, AI, TOOL = ("HumanMessage", "AIMessage", "ToolMessage")
CALL = {"name": "w", "args": {}, "id": "c1", "type": "tool_call"}


def lc(name, **fields):
    path = ["langchain", "schema", "messages", name]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": {"content": "", **fields}}


SOUND_LC = [lc(HUMAN), lc(AI, tool_calls=[CALL]), lc(TOOL, tool_call_id="c1")]
FLAT = {
    f"{INPUT}.0.message.role": "user",
    f"{INPUT}.0.message.content": "w?",
    f"{INPUT}.1.message.role": "assistant",
    f"{INPUT}.1.message.tool_calls.0.tool_call.id": "c1",
    f"{INPUT}.1.message.tool_calls.0.tool_call.function.name": "w",
    f"{INPUT}.2.message.role": "tool",
    f"{INPUT}.2.message.tool_call_id": "c1",
}
BROKEN = {key: value for key, value in FLAT.items() if not key.startswith(f"{INPUT}.2")}


def span(*parts, kind="LLM", dropped=0, **more):
    attributes = {"openinference.span.kind": kind}
    for part in parts:
        attributes.update(part)
    pairs = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    one = {"attributes": pairs, "droppedAttributesCount": dropped, **more}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}


def value(*lists, **more):
    return {"input.value": json.dumps({"messages": lists, **more})}


def without(*prefixes):
    return {key: each for key, each in FLAT.items() if not key.startswith(prefixes)}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (span(FLAT), "clean"),
        (span(BROKEN), "missing_result"),
        (span(value(SOUND_LC)), "clean"),
        (span(value(SOUND_LC[:2])), "missing_result"),
        # The attributes leave calls with bad arguments out, LangChain's own form has them.
        (
            span(
                without(f"{INPUT}.1.message.tool_calls"),
                value([lc(HUMAN), lc(AI, invalid_tool_calls=[CALL]), lc(TOOL, tool_call_id="c1")]),
            ),
            "clean",
        ),
        # Of copies that differ in length the attributes count.
        (span(FLAT, value(SOUND_LC[:2])), "clean"),
        (span(without(f"{INPUT}.0"), value(SOUND_LC)), "clean"),
        (span(FLAT, value(SOUND_LC), dropped=2), "clean"),
        (span(FLAT, {"input.value": "__REDACTED__"}), "clean"),
        (span(FLAT, {"input.value": json.dumps({"messages": SOUND_LC})[:-5]}), "clean"),
        (span({**FLAT, f"{INPUT}.0.message.content": "__REDACTED__"}), "clean"),
    ],
)
def test_which_copy_is_read(tmp_path, row, expected):
    (unit,) = judged(tmp_path, row)

    assert short(unit) == expected


def test_each_prompt_of_a_batch_is_a_request(tmp_path):
    (unit,) = judged(tmp_path, span(value(SOUND_LC, SOUND_LC[:2])))

    assert (unit.requests, short(unit)) == (2, "missing_result")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (span(), "messages not recorded"),
        (span({"input.value": "__REDACTED__"}), "messages not recorded"),
        (span({"input.value": "redacted"}), "messages not recorded"),
        (span(dropped=5), "5 attributes were dropped"),
        (span(FLAT, dropped=5), "5 attributes were dropped"),
        (span(without(f"{INPUT}.0")), f"{INPUT}.0 is missing"),
        (span(without(f"{INPUT}.1")), f"{INPUT}.1 is missing"),
        (span(without(f"{INPUT}.2.message.role")), "message 2: its 'role'"),
        (span({**FLAT, f"{INPUT}.1.message.calls.0.id": "c1"}), "'calls'"),
        (span({**FLAT, f"{INPUT}.1.other.role": "tool"}), "expected 'message' alone"),
        (span({**FLAT, f"{INPUT}.x.message.role": "tool"}), "not a list"),
        (
            span({**FLAT, f"{INPUT}.1.message.contents.0.message_content.type": "mystery"}),
            "'mystery'",
        ),
    ],
)
def test_what_is_not_understood_is_unreadable(tmp_path, row, reason):
    (unit,) = judged(tmp_path, row)

    assert short(unit).startswith("unreadable: ")
    assert reason in short(unit)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (span(FLAT, kind="CHAIN"), "chain span"),
        (span(FLAT, kind="AGENT"), "agent span"),
        (span(kind="TOOL"), "tool span"),
        (span(kind="EMBEDDING"), "embedding"),
        (span(kind="GUARDRAIL"), "guardrail span"),
        (span({"llm.prompts": "once"}), "text completion"),
    ],
)
def test_other_spans(tmp_path, row, what):
    assert list(map(short, judged(tmp_path, row))) == [f"not_a_request: {what}"]


def test_a_span_whose_kind_was_dropped(tmp_path):
    row = span(FLAT)
    pairs = row["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"]
    del pairs[0]

    assert list(map(short, judged(tmp_path, row))) == ["clean"]


# --- Phoenix --------------------------------------------------------------------------------------

FILLED = [
    {
        "message.role": "user",
        "message.content": "w?",
        "message.tool_calls": None,
        "message.tool_call_id": None,
        "message.contents": None,
    },
    {
        "message.role": "assistant",
        "message.content": None,
        "message.tool_calls": [
            {"tool_call.id": "c1", "tool_call.function.name": "w", "tool_call.reasoning": None}
        ],
        "message.tool_call_id": None,
        "message.contents": None,
    },
    {
        "message.role": "tool",
        "message.content": "18",
        "message.tool_calls": None,
        "message.tool_call_id": "c1",
        "message.contents": None,
    },
]
NESTED = [
    {"message": {"role": "user"}},
    {"message": {"role": "assistant", "tool_calls": [{"tool_call": {"id": "c1"}}]}},
    {"message": {"role": "tool", "tool_call_id": "c1"}},
]


def row_of(messages, **more):
    start = {"context.span_id": "1" * 16, "span_kind": "LLM", "status_code": "OK"}
    return {**start, f"attributes.{INPUT}": messages, **more}


def rest(attributes, **more):
    context = {"trace_id": "1" * 32, "span_id": "1" * 16}
    return {"context": context, "span_kind": "LLM", "attributes": attributes, **more}


@pytest.mark.parametrize(
    "row",
    [
        row_of(FILLED),
        row_of(FILLED, **{"attributes.input.value": None, "attributes.metadata": float("nan")}),
        row_of(json.dumps(FILLED)),
        row_of(NESTED),
        rest(FLAT),
        rest({"llm": {"input_messages": NESTED, "model_name": "m"}}),
    ],
)
def test_rows_of_phoenix(tmp_path, row):
    assert list(map(short, judged(tmp_path, row))) == ["clean"]


@pytest.mark.parametrize("row", [row_of(FILLED[:2]), row_of(NESTED[:2]), rest(BROKEN)])
def test_broken_rows_of_phoenix(tmp_path, row):
    assert list(map(short, judged(tmp_path, row))) == ["missing_result"]


def test_a_failed_row_of_phoenix(tmp_path):
    row = row_of(FILLED, status_code="ERROR", status_message="Error code: 500 - overloaded")
    (unit,) = judged(tmp_path, row)

    assert (unit.unit.recorded, unit.unit.rejected_kind) == ("failed", None)


# --- origin ---------------------------------------------------------------------------------------


def test_origin(tmp_path):
    metadata = {"ls_provider": "google_genai", "lc_versions": {"langchain-core": "1.0", "x": 1}}
    params = {"_type": "chat-google-generative-ai", "model": "gemini-2.5-pro", "tools": [{}]}
    told = {
        "llm.provider": "google",
        "llm.model_name": "gemini-2.5-pro-002",
        "llm.invocation_parameters": json.dumps(params),
        "metadata": json.dumps(metadata),
        "session.id": "s1",
    }
    (unit,) = judged(tmp_path, span(FLAT, told))

    assert unit.unit.thread_id == "s1"
    assert unit.unit.origin == Origin(
        metadata=metadata,
        params=params,
        provider="google_genai",
        model="gemini-2.5-pro",
        versions={"langchain-core": "1.0"},
        tools_bound=True,
    )


@pytest.mark.parametrize(
    ("output", "api"),
    [
        ('{"response_metadata": {"id": "resp_1", "object": "response"}}', "responses"),
        ('{"response_metadata": {"id": "chatcmpl-1"}}', ""),
        ("", ""),
    ],
)
def test_the_answer_tells_the_api(tmp_path, output, api):
    (unit,) = judged(tmp_path, span(FLAT, {"output.value": output}))

    assert unit.unit.origin.api == api


@pytest.mark.parametrize(
    ("scope", "layer"),
    [
        ("openinference.instrumentation.langchain", "langchain"),
        ("", "langchain"),
        ("openinference.instrumentation.openai", "wire"),
    ],
)
def test_the_instrumentation_tells_the_layer(tmp_path, scope, layer):
    row = span(FLAT)
    row["resourceSpans"][0]["scopeSpans"][0]["scope"] = {"name": scope}
    (unit,) = judged(tmp_path, row)

    assert unit.unit.layer == layer
