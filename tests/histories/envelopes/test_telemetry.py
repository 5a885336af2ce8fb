"""OpenTelemetry's containers: each span is a unit, whatever it came in."""

from __future__ import annotations

import copy
import json

import pytest

from tests.histories.envelopes.reading import judged, short
from toolpair_observe.histories.envelopes.spans import id_of, otlp_value, time_of

ASKED = [
    {"role": "user", "parts": [{"type": "text", "content": "w?"}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "w"}]},
]
ANSWER = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1"}]}
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.input.messages": json.dumps([*ASKED, ANSWER]),
    "gen_ai.output.messages": "[]",
}
BROKEN = {**CHAT, "gen_ai.input.messages": json.dumps([*ASKED, ASKED[0]])}


def otlp(*attributes, kind="resourceSpans", **span):
    pairs = [
        [{"key": key, "value": {"stringValue": value}} for key, value in each.items()]
        for each in attributes
    ]
    spans = [{"name": "chat", "attributes": each, **span} for each in pairs]
    return {kind: [{"scopeSpans": [{"scope": {"name": "langchain"}, "spans": spans}]}]}


def console(attributes, **more):
    context = {"trace_id": "0x" + "1" * 32, "span_id": "0x" + "2" * 16}
    return {"name": "chat", "context": context, "attributes": attributes, **more}


def phoenix(attributes, **more):
    columns = {f"attributes.{key}": value for key, value in attributes.items()}
    return {"context.span_id": "2" * 16, "status_code": "OK", **columns, **more}


REFUSED = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
CONTAINERS = {
    "otlp": otlp,
    "console": console,
    "phoenix": phoenix,
    "attributes": lambda attributes: attributes,
    "no context": lambda attributes: {"name": "chat", "attributes": attributes},
    "attributes as text": lambda attributes: console(json.dumps(attributes)),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_containers(tmp_path, container):
    wrap = CONTAINERS[container]

    assert list(map(short, judged(tmp_path, wrap(CHAT), wrap(BROKEN)))) == [
        "clean",
        "missing_result",
    ]


def test_rows_and_lines(tmp_path):
    first, second = judged(tmp_path, otlp(CHAT, BROKEN), otlp(CHAT))[1:]

    assert (first.unit.line, first.unit.row) == (1, "resourceSpans[0].scopeSpans[0].spans[1]")
    assert (second.unit.line, second.unit.row) == (2, "resourceSpans[0].scopeSpans[0].spans[0]")


@pytest.mark.parametrize("wrap", [lambda rows: {"data": rows, "next_cursor": None}, list])
def test_lists_of_spans(tmp_path, wrap):
    units = judged(tmp_path, wrap([console(CHAT), console(BROKEN)]))

    assert list(map(short, units)) == ["clean", "missing_result"]


@pytest.mark.parametrize(
    ("attributes", "what"),
    [
        ({"gen_ai.operation.name": "execute_tool"}, "tool span"),
        ({"gen_ai.operation.name": "embeddings"}, "embedding"),
        ({**CHAT, "gen_ai.operation.name": "invoke_agent"}, "agent span"),
        ({"gen_ai.operation.name": "no_known_one"}, "other span"),
        ({"gen_ai.operation.name": "text_completion"}, "text completion"),
        ({"traceloop.span.kind": "workflow"}, "workflow span"),
        ({"llm.request.type": "rerank"}, "reranker span"),
        ({"http.method": "POST"}, "other span"),
        ({"ai.operationId": "ai.generateText"}, "other span"),
    ],
)
def test_spans_that_are_no_requests(tmp_path, attributes, what):
    assert list(map(short, judged(tmp_path, otlp(attributes)))) == [f"not_a_request: {what}"]


@pytest.mark.parametrize("row", [{"resourceMetrics": []}, {"resource_metrics": [{}]}])
def test_metrics(tmp_path, row):
    assert list(map(short, judged(tmp_path, row))) == ["not_a_request: metrics"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"gen_ai.input.messages": None}, "messages not recorded"),
        ({"gen_ai.input.messages": CHAT["gen_ai.input.messages"][:-9]}, "is no JSON: it was cut"),
        ({"gen_ai.input.messages": "{}"}, "is not a list of messages"),
        ({"gen_ai.input.messages": "[]"}, "empty"),
    ],
)
def test_messages_that_are_not_there(tmp_path, changed, reason):
    (unit,) = judged(tmp_path, console({**CHAT, **changed}))

    assert short(unit).startswith("unreadable: ")
    assert reason in short(unit)


PROMPTS = {
    "llm.request.type": "chat",
    "gen_ai.prompt.0.role": "user",
    "gen_ai.prompt.0.content": "w?",
    "gen_ai.prompt.1.role": "assistant",
    "gen_ai.prompt.1.tool_calls.0.id": "c1",
    "gen_ai.prompt.1.tool_calls.0.name": "w",
    "gen_ai.prompt.2.role": "tool",
    "gen_ai.prompt.2.tool_call_id": "c1",
}


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        ((), "clean"),
        (("gen_ai.prompt.2.role", "gen_ai.prompt.2.tool_call_id"), "missing_result"),
        (("gen_ai.prompt.0.role", "gen_ai.prompt.0.content"), "gen_ai.prompt.0 is missing"),
        (("gen_ai.prompt.1.role",), "message 1: its 'role'"),
    ],
)
def test_older_traceloop(tmp_path, without, expected):
    attributes = {key: value for key, value in PROMPTS.items() if key not in without}
    (unit,) = judged(tmp_path, otlp(attributes))

    assert expected in short(unit)


LC = {"lc": 1, "type": "constructor", "id": ["HumanMessage"], "kwargs": {"content": "w?"}}
LC_PROMPT = json.dumps({"messages": [[LC]]})
EVENT = {"event.name": "gen_ai.tool.message", "role": "tool", "id": "c1", "content": "18"}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        # LangSmith's exporter
        (
            {"langsmith.span.kind": "llm", "gen_ai.prompt": json.dumps({"messages": [[LC]]})},
            "clean",
        ),
        ({"langsmith.span.kind": "chain"}, "not_a_request: chain span"),
        # the AI SDK, whose messages are another dialect's
        (
            {
                "ai.operationId": "ai.streamText.doStream",
                "ai.prompt.messages": json.dumps([*ASKED, ANSWER]),
            },
            "clean",
        ),
        # pydantic-ai before the newer conventions
        ({"gen_ai.operation.name": "chat", "events": json.dumps([EVENT])}, "orphan_result"),
    ],
)
def test_other_places(tmp_path, attributes, expected):
    assert list(map(short, judged(tmp_path, console(attributes)))) == [expected]


def test_events_of_a_span(tmp_path):
    """Azure's library puts each message into an event of the span, as JSON."""
    given = {
        "gen_ai.user.message": {"role": "user", "content": "w?"},
        "gen_ai.tool.message": {"role": "tool", "id": "c1", "content": "18"},
    }
    held = [
        {"name": name, "attributes": {"gen_ai.event.content": json.dumps(message)}}
        for name, message in given.items()
    ]
    (unit,) = judged(tmp_path, console({"gen_ai.operation.name": "chat"}, events=held))

    assert short(unit) == "orphan_result"


def test_dropped_attributes(tmp_path):
    (spread,) = judged(tmp_path, otlp(PROMPTS, droppedAttributesCount=3))
    # One attribute that is there is there as a whole.
    (single,) = judged(tmp_path, otlp(CHAT, droppedAttributesCount=3))

    assert "3 attributes were dropped" in short(spread)
    assert short(single) == "clean"


@pytest.mark.parametrize(
    ("status", "events", "recorded", "kind"),
    [
        ({}, [], "accepted", None),
        ({"status_code": "OK"}, [], "accepted", None),
        ({"status_code": "ERROR"}, [], "failed", None),
        ({"status_code": "ERROR", "description": "on fire"}, [], "failed", None),
        (
            {"status_code": "ERROR"},
            [REFUSED],
            "rejected",
            "orphan_result",
        ),
    ],
)
def test_outcome(tmp_path, status, events, recorded, kind):
    raised = [{"name": "exception", "attributes": {"exception.message": each}} for each in events]
    (unit,) = judged(tmp_path, console(CHAT, status=status, events=raised))

    assert (unit.unit.recorded, unit.unit.rejected_kind) == (recorded, kind)


def test_the_errors_class_tells_where_the_status_does_not(tmp_path):
    (unit,) = judged(tmp_path, otlp({**CHAT, "error.type": "RateLimitError"}))

    assert unit.unit.recorded == "failed"


def test_no_answer_and_no_status_tell_nothing(tmp_path):
    attributes = {key: value for key, value in CHAT.items() if "output" not in key}
    (unit,) = judged(tmp_path, console(attributes))

    assert unit.unit.recorded is None


# --- events ---------------------------------------------------------------------------------------


def record(name, body=None, span="2" * 16, **attributes):
    return {
        "event_name": name,
        "body": body,
        "trace_id": "0x1",
        "span_id": span,
        "severity_number": 9,
        "attributes": attributes,
    }


CALL = {"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{}"}}
USER, AI, TOOL, CHOICE = (
    f"gen_ai.{each}"
    for each in (
        "user.message",
        "assistant.message",
        "tool.message",
        "choice",
    )
)


def events(span="2" * 16, *, answered=True, result=True):
    rows = [record(USER, {}, span), record(AI, {"tool_calls": [CALL]}, span)]
    rows += [record(TOOL, {"id": "c1"}, span)] if result else [record(USER, {}, span)]
    return [*rows, record(CHOICE, {"index": 0}, span)] if answered else rows


def test_an_event_a_message(tmp_path):
    units = judged(tmp_path, *events("a" * 16), *events("b" * 16, result=False))

    assert list(map(short, units)) == ["clean", "missing_result"]
    assert [unit.unit.line for unit in units] == [1, 5]
    assert {unit.unit.recorded for unit in units} == {"accepted"}


def test_events_of_several_spans_mix(tmp_path):
    mixed = [each for pair in zip(events("a" * 16), events("b" * 16), strict=True) for each in pair]

    assert list(map(short, judged(tmp_path, *mixed))) == ["clean", "clean"]


def test_a_span_without_an_answer_ends_with_the_file(tmp_path):
    (unit,) = judged(tmp_path, *events(answered=False, result=False))

    assert short(unit) == "missing_result"
    assert unit.unit.recorded is None


def test_events_that_nothing_ties_together(tmp_path):
    (unit,) = judged(tmp_path, *events("0x" + "0" * 16, answered=False))

    assert short(unit).startswith("unreadable: events without a span's id or an answer")


def test_other_records(tmp_path):
    units = judged(tmp_path, record("app.started"), record(USER, 5), record(CHOICE))

    assert list(map(short, units)) == [
        "not_a_request: log record",
        "unreadable: the body of a message's event is a number, not an object",
    ]


def test_the_event_of_a_request(tmp_path):
    name = "gen_ai.client.inference.operation.details"
    given = {**CHAT, "gen_ai.input.messages": [*ASKED, ANSWER]}
    units = judged(
        tmp_path,
        record(name, None, **given),
        record(name, None, **{**given, "error.type": "BadRequestError"}),
        record(name, None, **{"gen_ai.operation.name": "chat"}),
    )

    assert [short(unit)[:33] for unit in units] == [
        "clean",
        "clean",
        "unreadable: messages not recorded",
    ]
    assert [unit.unit.recorded for unit in units[:2]] == ["accepted", "failed"]


def test_the_event_of_a_request_that_holds_it_in_its_body(tmp_path):
    name = "gen_ai.client.inference.operation.details"

    assert list(map(short, judged(tmp_path, record(name, BROKEN)))) == ["missing_result"]


def test_items_are_the_responses_apis(tmp_path):
    call = {"type": "function_call", "call_id": "c1", "name": "w", "arguments": "{}"}
    spans = (
        {**CHAT, "gen_ai.input.messages": json.dumps([call, {"role": "user", "content": "?"}])},
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "openai",
            "input.value": json.dumps({"input": [{"role": "user", "content": "w?"}, call]}),
        },
    )
    units = judged(tmp_path, *map(console, spans))

    assert list(map(short, units)) == ["missing_result"] * 2
    assert {(unit.unit.layer, unit.unit.origin.api) for unit in units} == {("wire", "responses")}


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"stringValue": "a"}, "a"),
        ({"string_value": "a"}, "a"),
        ({"intValue": "5"}, 5),
        ({"intValue": 5}, 5),
        ({"boolValue": False}, False),
        ({"doubleValue": 0.5}, 0.5),
        ({"arrayValue": {"values": [{"intValue": 1}, {}]}}, [1, None]),
        ({"arrayValue": {}}, []),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"intValue": 1}}]}}, {"a": 1}),
        ({}, None),
        (None, None),
    ],
)
def test_values(value, plain):
    assert otlp_value(value) == plain


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("r2bn/rftuOI=", "af66e7feb7edb8e2"),
        ("af66e7feb7edb8e2", "af66e7feb7edb8e2"),
        ("0xaf66e7feb7edb8e2", "af66e7feb7edb8e2"),
        ("0x0000000000000000", ""),
        ("!!!=", "!!!="),
        (None, ""),
        (5, ""),
    ],
)
def test_ids(given, expected):
    assert id_of(given) == expected


def test_times():
    assert time_of("1795946402505827072").startswith("2026-11-29T10:00:02")
    assert [time_of(each) for each in ("9" * 30, -5, None, "soon", [])] == [""] * 5


HOSTILE = (None, 5, "x", [], {}, [[]], {"a": 1}, True, 1e308, "9" * 400)


@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
def test_wrong_types_are_units_and_no_errors(tmp_path, hostile):
    """Each part of each container is replaced, one at a time."""
    rows = [otlp(CHAT), console(CHAT, status={"status_code": "OK"}, events=[]), phoenix(PROMPTS)]
    rows += [record(USER, {}), otlp(PROMPTS, status={"code": 2}, events=[{"name": "exception"}])]
    spoiled = [changed for row in rows for changed in each_spoiled(row, hostile)]

    units = judged(tmp_path, *spoiled)

    assert all("could not be checked" not in short(unit) for unit in units)
    assert len(units) > len(rows)


def each_spoiled(data, hostile):
    if isinstance(data, dict | list):
        for key in list(data) if isinstance(data, dict) else range(len(data)):
            changed = copy.copy(data)
            changed[key] = hostile
            yield changed
            for inner in each_spoiled(data[key], hostile):
                changed = copy.copy(data)
                changed[key] = inner
                yield changed


@pytest.mark.parametrize(
    "row",
    [
        {"resourceSpans": [{"spansOfScopes": [{"spans": []}]}]},
        {"resourceSpans": [{"scopeSpans": [{"all_spans": [{"attributes": []}]}]}]},
        {"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [], "events": [7]}]}]}]},
    ],
)
def test_spans_that_stand_elsewhere_are_named(row, tmp_path):
    units = judged(tmp_path, row)

    assert [each.unit.status.value for each in units] == ["unreadable"]


@pytest.mark.parametrize("event", [None, 7, {"name": "gen_ai.tool.message", "attributes": "x"}])
def test_an_event_that_is_none_makes_the_span_unreadable(event, tmp_path):
    span = {
        "name": "chat",
        "context": {"trace_id": "0x1", "span_id": "0x2"},
        "attributes": {"gen_ai.operation.name": "chat"},
        "events": [
            {"name": "gen_ai.user.message", "attributes": {"content": "Weather?"}},
            event,
        ],
    }

    units = judged(tmp_path, span)

    assert [each.unit.status.value for each in units] == ["unreadable"]
