"""Langfuse's observations: which are requests, whose messages they are, and what came of them."""

from __future__ import annotations

import json

import pytest

from tests.histories.envelopes.reading import judged, short
from toolpair_observe.histories.envelopes import langfuse

CALLS = [{"name": "w", "args": {}, "id": "c1", "type": "tool_call"}]
USER = {"role": "user", "content": "w?"}
AI = {"role": "assistant", "content": "", "tool_calls": CALLS}
TOOL = {"role": "tool", "content": "18", "tool_call_id": "c1"}
DEFINITION = {"role": "tool", "content": {"type": "function", "function": {"name": "w"}}}
SOUND = [USER, AI, TOOL, DEFINITION]
METADATA = {"ls_provider": "openai", "ls_model_name": "gpt-4o", "thread_id": "t1"}


def observation(messages, **more):
    return {
        "id": "o1",
        "traceId": "t",
        "type": "GENERATION",
        "startTime": "2026-01-01T00:00:02Z",
        "input": messages,
        "output": {"role": "assistant", "content": "18"},
        "level": "DEFAULT",
        "model": "gpt-4o-2024-08-06",
        "metadata": METADATA,
        **more,
    }


def parts(role, kind, **more):
    return {"role": role, "parts": [{"type": kind, "id": "c1", **more}]}


QUESTION = {"role": "user", "parts": [{"type": "text", "content": "w?"}]}
ASKED = parts("assistant", "tool_call", name="w")
ANSWERED = parts("tool", "tool_call_response", response="18")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (observation(SOUND), "clean"),
        (observation([USER, AI, DEFINITION]), "missing_result"),
        (observation(json.dumps(SOUND), metadata=json.dumps(METADATA)), "clean"),
        (observation(json.dumps(json.dumps(SOUND))), "clean"),
        (observation({"messages": SOUND, "tools": []}), "clean"),
        (observation([QUESTION, ASKED, ANSWERED], metadata={}), "clean"),
        (observation([QUESTION, ASKED, QUESTION], metadata={}), "missing_result"),
        (observation(QUESTION, metadata=None), "clean"),
        (observation([SOUND]), "clean"),
        (observation({"input": "w?", "instructions": "Be nice."}, metadata={}), "clean"),
    ],
)
def test_generations(tmp_path, row, expected):
    assert list(map(short, judged(tmp_path, row))) == [expected]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "messages not recorded"),
        ("", "messages not recorded"),
        ([], "messages not recorded"),
        ("[{", "it was cut"),
        ("<fully masked due to failed mask function>", "was hidden or cut"),
        ("<truncated due to size exceeding limit>", "was hidden or cut"),
        ("REDACTED", "was hidden or cut"),
        ("***", "was hidden or cut"),
        ([{"role": "user", "content": "redacted-by-litellm"}], "LiteLLM has redacted"),
        ({"messages": SOUND, "memory": [USER, AI]}, "the key 'memory' as well"),
        (5, "'input' is a number"),
        ({"args": ["w?"]}, "the key 'args'"),
        ({"messages": ["role='user'"]}, "message 0: expected an object"),
        ([{"role": "assistant", "content": [{"type": "mystery"}]}], "'mystery'"),
    ],
)
def test_what_is_not_understood_is_unreadable(tmp_path, given, reason):
    (unit,) = judged(tmp_path, observation(given))

    assert short(unit).startswith("unreadable: ")
    assert reason in short(unit)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (observation(SOUND, type="CHAIN"), "chain observation"),
        (observation({"messages": SOUND}, type="SPAN"), "span observation"),
        (observation(SOUND, type="tool"), "tool observation"),
        (observation("w?", type="EMBEDDING"), "embedding"),
        (observation("Once upon a time"), "text completion"),
        (observation(["Once", "Twice"]), "text completion"),
        (observation({"prompt": "Once"}), "text completion"),
    ],
)
def test_other_observations(tmp_path, row, what):
    assert list(map(short, judged(tmp_path, row))) == [f"not_a_request: {what}"]


@pytest.mark.parametrize(
    "row",
    [
        {"data": [observation(SOUND)], "meta": {"page": 1}},
        {"trace": {"sessionId": "s1", "observations": [{}]}, "observations": [observation(SOUND)]},
        {"id": "t", "projectId": "p", "sessionId": "s1", "observations": [observation(SOUND)]},
        {
            "id": "o1",
            "trace_id": "t",
            "type": "GENERATION",
            "start_time": "2026-01-01 00:00:00",
            "input": json.dumps(SOUND),
            "output": "{}",
            "metadata": METADATA,
            "level": "DEFAULT",
            "provided_model_name": "gpt-4o",
        },
    ],
)
def test_envelopes(tmp_path, row):
    (unit,) = judged(tmp_path, row)

    assert short(unit) == "clean"
    assert unit.unit.row.endswith("input")
    assert unit.unit.thread_id == ("s1" if "s1" in json.dumps(row) else "t1")
    assert unit.unit.origin.model == "gpt-4o"
    assert unit.unit.origin.provider == "openai"
    assert unit.unit.origin.tools_bound


@pytest.mark.parametrize(
    ("more", "recorded", "kind"),
    [
        ({}, "accepted", None),
        ({"level": "WARNING", "output": None}, "accepted", None),
        ({"level": "ERROR", "statusMessage": "on fire"}, "failed", None),
        ({"level": "ERROR"}, "failed", None),
        ({"level": None, "output": None}, None, None),
        (
            {
                "level": "ERROR",
                "statusMessage": "Error code: 400 - An assistant message with 'tool_calls' must "
                "be followed by tool messages responding to each 'tool_call_id'. The following "
                "tool_call_ids did not have response messages: c1",
            },
            "rejected",
            "missing_result",
        ),
    ],
)
def test_outcome(tmp_path, more, recorded, kind):
    (unit,) = judged(tmp_path, observation(SOUND, **more))

    assert (unit.unit.recorded, unit.unit.rejected_kind) == (recorded, kind)


# --- what another instrumentation recorded --------------------------------------------------------


def foreign(scope="pydantic-ai", **attributes):
    return {"attributes": attributes, "scope": {"name": scope}}


def test_the_producers_attributes_tell_the_origin(tmp_path):
    told = foreign(
        **{
            "gen_ai.provider.name": "gcp.vertex_ai",
            "gen_ai.request.model": "gemini-2.5-flash",
            "gen_ai.conversation.id": "c",
        }
    )
    (unit,) = judged(tmp_path, observation([QUESTION], metadata=told))

    assert unit.unit.origin.provider == "gcp.vertex_ai"
    assert unit.unit.origin.model == "gemini-2.5-flash"
    assert (unit.unit.thread_id, unit.unit.layer) == ("c", "wire")


def later(messages, **more):
    return observation(messages, id="o2", startTime="2026-01-01T00:00:05Z", **more)


EARLIER = observation([QUESTION], metadata=foreign())
DELTA = later([ANSWERED], metadata=foreign())


@pytest.mark.parametrize("rows", [[EARLIER, DELTA], [DELTA, EARLIER]])
def test_a_delta_is_named(tmp_path, rows):
    units = judged(tmp_path, {"data": rows})

    told = {unit.unit.name: short(unit) for unit in units}
    assert told["o1"] == "clean"
    assert told["o2"].startswith(
        "unreadable: it starts with a result, and its trace has an earlier"
    )
    assert [unit.unit.name for unit in units] == [row["id"] for row in rows]


@pytest.mark.parametrize(
    "rows",
    [
        [DELTA],
        [{**EARLIER, "traceId": "other"}, DELTA],
        [{**EARLIER, "startTime": "2026-01-01T00:00:09Z"}, DELTA],
        [{**EARLIER, "type": "SPAN"}, DELTA],
        # LangChain's handler always has the whole list.
        [observation(SOUND), later([TOOL])],
    ],
)
def test_a_list_that_starts_with_a_result_otherwise(tmp_path, rows):
    assert short(judged(tmp_path, *rows)[-1]) == "orphan_result"


def test_not_everything_is_kept(tmp_path, monkeypatch):
    """Memory stays flat where the first row may be a delta and nothing tells."""
    monkeypatch.setattr(langfuse, "_MOST_TRACES", 10)
    rows = [DELTA, *(observation(SOUND, traceId=f"t{n}") for n in range(1500))]

    assert len(judged(tmp_path, *rows)) == len(rows)


@pytest.mark.parametrize("hostile", [None, 5, "x", [], {}, [[]], {"a": 1}, True])
def test_wrong_types_are_units_and_no_errors(tmp_path, hostile):
    row = observation(SOUND)
    rows = [{**row, key: hostile} for key in row]
    rows += [
        {"trace": {}, "observations": [hostile]},
        {"projectId": "p", "observations": [hostile]},
    ]
    rows += [observation([hostile]), observation([{**USER, "role": hostile}, AI])]

    units = judged(tmp_path, *rows)

    assert len(units) >= len(rows) - 1
    assert all("could not be checked" not in short(unit) for unit in units)


ITEM = {"type": "function_call", "call_id": "c1", "name": "w", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "18"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"input": [USER, ITEM, OUTPUT], "instructions": "Be nice."}, "clean"),
        ({"input": [USER, ITEM, USER], "instructions": "Be nice."}, "missing_result"),
        ([USER, ITEM, {"role": "assistant", "content": "one moment"}, OUTPUT], "clean"),
        ([OUTPUT], "orphan_result"),
        ({"input": [OUTPUT], "previous_response_id": "resp_1"}, "clean"),
    ],
)
def test_items_are_the_responses_apis_as_they_were_sent(tmp_path, given, expected):
    (unit,) = judged(tmp_path, observation(given, metadata={}))

    assert short(unit) == expected
    assert (unit.unit.layer, unit.unit.origin.api) == ("wire", "responses")


def test_a_trace_without_observations_is_told(tmp_path):
    (unit,) = judged(tmp_path, {"trace": {"id": "t"}, "observations": []})

    assert short(unit) == "not_a_request: trace without observations"
