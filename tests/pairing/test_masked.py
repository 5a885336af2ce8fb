"""Results that other software made up: told by text and mark, and kept apart from what is alike."""

from __future__ import annotations

import json
import pickle
import time
from importlib.metadata import version
from itertools import product
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_openai_messages,
)
from langchain_core.tools import tool
from packaging.version import Version

from tests.handler.models import CountingModel
from toolpair_observe import (
    Effect,
    MaskedEvidence,
    MaskedKind,
    MaskedResult,
    check_messages,
    repair_messages,
)
from toolpair_observe.attach.judge import Judge
from toolpair_observe.attach.request import Request
from toolpair_observe.counts import Counts
from toolpair_observe.pairing import masked_texts
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.masked_content import holds_made_up, made_up
from toolpair_observe.pairing.masked_texts import (
    MENDERS,
    OBJECTS,
    STARTS,
    TEXTS,
    rows,
    text_of,
)
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.report import MAX_VIOLATIONS
from toolpair_observe.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

ID, NAME = "call_bergen", "weather"
MISSING, MALFORMED = MaskedKind.MISSING, MaskedKind.MALFORMED
TEXT, MARK = MaskedEvidence.TEXT, MaskedEvidence.MARK
ERROR = {"status": "error"}


def called(name: str = NAME, call_id: str = ID) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": {}, "id": call_id}])


def history(content, **fields):
    return [
        HumanMessage("?"),
        called(),
        ToolMessage(content, tool_call_id=ID, **fields),
        HumanMessage("and?"),
    ]


def masked_in(messages):
    return check_messages(messages).masked


def written(text: str) -> str:
    """Fill in a text of the table as its author does."""
    details = {"<name>": NAME, "<id>": ID, "<detail>": "line 1: no JSON]", "<line>": "It died."}
    for key, value in details.items():
        text = text.replace(key, value)
    return text


ORPHANED = {
    "status": "error",
    "error_type": "InterruptedToolCall",
    "recovery": "tool_call_interrupted",
    "error": "The previous tool call did not complete - the run was interrupted.",
}
SWE = json.dumps(ORPHANED | {"name": NAME})
ABORTED = {"error": "Invocation was aborted by client."}
WRITE_FILE = (
    "[write_file failed before execution: the tool-call arguments were not valid JSON, so no file "
    "was written. Do not retry the same large `write_file` payload. Parser error: Expecting ','\n]"
)

# Each as its author writes it: who, what was wrong, the content, the message's other fields.
MADE_UP = [
    *((row.by, row.kind, written(row.text), ERROR if row.only_errors else {}) for row in TEXTS),
    ("deepagents", MISSING, written(TEXTS[2].text), {"status": "success", "id": "m1"}),
    ("deepagents", MISSING, written(TEXTS[2].text.replace("<name>", "'<name>'")), {}),
    ("deepagents", MISSING, written(TEXTS[2].text.replace("<name>", '"<name>"')), {}),
    ("deepagents", MISSING, written(TEXTS[2].text), {"name": NAME, **ERROR}),
    (
        "langgraph-checkpoint-aws",
        MISSING,
        f"Tool call '{NAME}' with id '{ID}' was interrupted before completion.",
        ERROR,
    ),
    (
        "litellm",
        MISSING,
        "[System: Tool execution skipped/interrupted by user. No result provided for tool "
        f"'{NAME}'.]",
        {},
    ),
    (
        "litellm",
        MISSING,
        "[System: Tool execution skipped/interrupted by user. No result provided for tool "
        "'unknown_tool'.]",
        {},
    ),
    (
        "langchain",
        MALFORMED,
        f"Tool call unknown with id {ID} could not be executed - arguments were malformed or "
        "truncated.",
        ERROR,
    ),
    ("deer-flow", MALFORMED, WRITE_FILE, ERROR),
    (
        "openhands",
        MISSING,
        "A restart occurred while this tool was in progress. This may indicate a fatal memory "
        "error or system crash. The tool execution was interrupted and did not complete.",
        ERROR,
    ),
    ("open-swe", MISSING, SWE, {"name": NAME, **ERROR}),
    ("open-swe", MISSING, json.dumps(ORPHANED), ERROR),
    ("open-swe", MISSING, json.dumps(ORPHANED, indent=2), ERROR),
    ("open-swe", MISSING, json.dumps(dict(reversed(ORPHANED.items()))), ERROR),
    ("open-swe", MISSING, json.dumps({"tool_call_id": ID} | ORPHANED), {}),
    ("open-swe", MISSING, json.dumps(ORPHANED | {"hint": {"retry": True}}), ERROR),
    ("google-adk", MISSING, json.dumps(ABORTED), {}),
    ("google-adk", MISSING, json.dumps(ABORTED, separators=(",", ":")), {}),
    ("pi", MISSING, [{"type": "text", "text": "No result provided"}], ERROR),
    ("copilot", MISSING, [{"type": "text", "text": written(TEXTS[18].text)}], {}),
    ("strands", MISSING, ["Tool was interrupted."], ERROR),
]


@pytest.mark.parametrize(("by", "kind", "content", "fields"), MADE_UP)
def test_a_result_that_is_a_known_text_was_made_up(by, kind, content, fields):
    messages = history(content, **fields)
    expected = MaskedResult(2, 1, ID, NAME, kind, by, TEXT, fresh=True)
    assert masked_in(messages) == (expected,)
    assert check_messages(messages).effect is Effect.CLEAN


MARKED = {
    "toolpair_observe": {"toolpair_repair": "inserted_error_result"},
    "langgraph-checkpoint-aws": {"orphan_tool_call_placeholder": True},
    "openclaw": {"openclawSyntheticMissingToolResult": True},
}


@pytest.mark.parametrize("by", MARKED)
def test_a_mark_tells_whatever_the_text_is(by):
    (found,) = masked_in(history("in the application's own words", additional_kwargs=MARKED[by]))
    assert (found.by, found.kind, found.evidence) == (by, MISSING, MARK)


def other_call(text: str) -> str:
    return text.replace(ID, "call_oslo")


# Real results, and whatever else no software made up in a tool's place.
REAL = {
    "real": ("It rains in Bergen.", {}),
    "empty": ("", {}),
    "empty list": ([], {}),
    "number": (["3", "4"], {}),
    "text of another call": (other_call(written(TEXTS[2].text)), {}),
    "malformed text of another call": (other_call(written(TEXTS[0].text)), ERROR),
    "checkpointer's text of another call": (other_call(written(TEXTS[4].text)), ERROR),
    "text of another tool": (written(TEXTS[2].text).replace(NAME, "news"), {}),
    "litellm's text of another tool": (written(TEXTS[12].text).replace(NAME, "news"), {}),
    "orphan of another tool": (json.dumps(ORPHANED | {"name": "news"}), ERROR),
    "log line": (f"12:03:11 WARN {written(TEXTS[1].text)}", {}),
    "log": (f"start\n{written(TEXTS[1].text)}\nend", {}),
    "search result": (f"1. {written(TEXTS[17].text)} (issue 12)", {}),
    "quoted": (f'"{written(TEXTS[2].text)}"', {}),
    "file of one line": (f"{written(TEXTS[2].text)}\n", {}),
    "led by a blank": (f" {written(TEXTS[2].text)}", {}),
    "followed by more": (f"{written(TEXTS[15].text)} Try again.", ERROR),
    "cut": (written(TEXTS[2].text)[:-1], {}),
    "lower case": (written(TEXTS[2].text).lower(), {}),
    "two blocks": (
        [{"type": "text", "text": written(TEXTS[2].text)}, {"type": "text", "text": "more"}],
        {},
    ),
    "block of reasoning": ([{"type": "reasoning", "text": written(TEXTS[2].text)}], {}),
    "aborted, and no error": ("aborted", {}),
    "no result provided, and no error": ("No result provided", {"status": "success"}),
    "aborted by a person": ("aborted by user after 3.2s", ERROR),
    "tool says interrupted": ("interrupted", ERROR),
    "tool says cancelled": ("The job was cancelled.", ERROR),
    "process": ("Command aborted: exit code 130 (SIGINT)", ERROR),
    "timeout": ("Tool execution was interrupted after 30s", ERROR),
    "JSON of a log": (json.dumps({"line": SWE}), {}),
    "JSON of a log file": (f"{SWE}\n", {}),
    "JSON with more": (json.dumps(ORPHANED | {"stack": "…"}), {}),
    "JSON list": (json.dumps([ORPHANED]), ERROR),
    "JSON of another error": (json.dumps(ORPHANED | {"error_type": "Timeout"}), ERROR),
    "JSON that is cut": (SWE[:-1], ERROR),
    "JSON no more": ('{"error_type": "InterruptedToolCall", }', ERROR),
    "abort with a path": (json.dumps(ABORTED | {"path": "/x"}), {}),
    "abort of something else": (json.dumps({"error": "Invocation was aborted."}), ERROR),
    "unknown tool": ("Error: news is not a valid tool, try one of [weather].", ERROR),
    "tool error": ("Error executing tool 'weather' with kwargs {} with error:\n boom", ERROR),
    "bad arguments": ("Error invoking tool 'weather' with kwargs {}", ERROR),
    "fix your mistakes": ("Error: ValueError('x')\n Please fix your mistakes.", ERROR),
    "retries": ("Tool 'weather' failed after 3 attempts with TimeoutError: slow", ERROR),
    "limit": ("Tool call limit exceeded. Do not call 'weather' again.", ERROR),
    "limit of the run": ("Tool call limit exceeded. Do not make additional tool calls.", ERROR),
    "limit of a batch": (
        "Execution stopped before this tool call could run because another tool call in the same "
        "batch exceeded the limit.",
        ERROR,
    ),
    "rejected": (
        "User rejected the tool call for `weather` with id call_bergen",
        {**ERROR, "additional_kwargs": {"lc_source": "hitl_interrupt_decision"}},
    ),
    "a person's own words": (
        "[Request interrupted by user]",
        {**ERROR, "additional_kwargs": {"lc_source": "hitl_interrupt_decision"}},
    ),
    "blocked": (
        "The tool call `weather` was blocked because it was classified as risky (probability: "
        "0.9). The tool was not executed.",
        ERROR,
    ),
    "todos": (
        "Error: The `write_todos` tool should never be called multiple times in parallel.",
        ERROR,
    ),
    "final result": ("Tool not executed - a final result was already processed.", {}),
    "output tool": ("Output tool not used - a final result was already processed.", {}),
    "frontend": ('{"status": "forwarded_to_frontend"}', {"id": f"copilotkit-fe-tool-result-{ID}"}),
    "structured": ("Returning structured response: {'a': 1}", {}),
    "transfer": ("Successfully transferred to bob", {}),
    "transfer back": (
        "Successfully transferred back to supervisor",
        {"response_metadata": {"__is_handoff_back": True}},
    ),
    "cleared": ("[cleared]", {"response_metadata": {"context_editing": {"cleared": True}}}),
    "cleared by hosts": ("[Old tool result content cleared]", {}),
    "cleared, in known words": (
        "[Result unavailable - see context summary above]",
        {"response_metadata": {"context_editing": {"cleared": True}}},
    ),
    "omitted": ("[tool result omitted to save room]", {}),
    "compaction": ("Conversation compacted. Summarized 12 messages into a summary.", {}),
    "compaction failed": ("Compaction failed: no model", ERROR),
    "a mark that is off": ("fine", {"additional_kwargs": {"orphan_tool_call_placeholder": False}}),
    "another mark": ("fine", {"additional_kwargs": {"lc_source": "summarization"}}),
    "huge": (written(TEXTS[7].text) * 10_000, {}),
}


@pytest.mark.parametrize("case", REAL)
def test_a_result_that_only_looks_so_is_real(case):
    content, fields = REAL[case]
    assert masked_in(history(content, **fields)) == ()


@pytest.mark.parametrize("row", TEXTS, ids=lambda row: row.by)
@pytest.mark.parametrize("speaker", [AIMessage, HumanMessage, SystemMessage])
def test_what_stands_in_no_result_is_not_looked_at(speaker, row):
    messages = [*history("fine"), AIMessage("so"), HumanMessage("?"), speaker(written(row.text))]
    assert masked_in(messages) == ()


@given(st.text(), st.text(), st.sampled_from(TEXTS))
def test_a_text_with_anything_around_it_is_none(before, after, row):
    # The end of a text that has room for anything is part of it.
    wrapped = f"{before}{written(row.text)}{after}"
    is_whole = not before and (not after or row.text.endswith("<line>"))
    found = made_up({"content": wrapped, "status": "error"}, ID)
    assert found is None or is_whole or (not before and "<detail>" in row.text)
    assert made_up({"content": f"x{before}{written(row.text)}"}, ID) is None
    assert made_up({"content": json.dumps({"text": written(row.text)})}, ID) is None


OF_NAMES = st.characters(exclude_characters="\n'\"`", exclude_categories=["Cs"])


@given(st.text(OF_NAMES, max_size=40), st.text(OF_NAMES, min_size=1, max_size=40))
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_a_text_names_its_call_whatever_characters_the_names_have(quote, name, call_id):
    text = (
        f"Tool call {quote}{name}{quote} with id {quote}{call_id}{quote} was interrupted before "
        "completion."
    )
    found = made_up({"content": text}, call_id)
    assert found is not None
    assert found.by == "langgraph-checkpoint-aws"
    assert made_up({"content": text}, f"{call_id}2") is None


# Where else a result stands.


def block_of(kind: str, **fields):
    return [HumanMessage("?"), called(), HumanMessage([{"type": kind, **fields}])]


PI = "No result provided"
CARRIED = {
    "block": block_of("tool_result", tool_use_id=ID, content=written(TEXTS[2].text)),
    "block of blocks": block_of(
        "tool_result", tool_use_id=ID, content=[{"type": "text", "text": written(TEXTS[2].text)}]
    ),
    "error block": block_of("tool_result", tool_use_id=ID, content=PI, is_error=True),
    "in a ToolMessage": [
        HumanMessage("?"),
        called(),
        ToolMessage(
            [{"type": "tool_result", "tool_use_id": ID, "content": written(TEXTS[1].text)}],
            tool_call_id=ID,
        ),
    ],
    "Responses": block_of("function_call_output", call_id=ID, output=written(TEXTS[2].text)),
    "Responses' blocks": block_of(
        "function_call_output",
        call_id=ID,
        output=[{"type": "input_text", "text": written(TEXTS[2].text)}],
    ),
    "a custom tool's": block_of("custom_tool_call_output", call_id=ID, output=PI, status="error"),
    "codex": block_of(
        "function_call_output",
        call_id=ID,
        output="aborted",
        id="fco_6f0c8a52-2d0b-5d53-9a43-3a6c5f9e1b7d",
    ),
    "Responses in a ToolMessage": [
        HumanMessage("?"),
        called(),
        ToolMessage(
            [{"type": "computer_call_output", "output": written(TEXTS[2].text)}], tool_call_id=ID
        ),
    ],
    "Converse": [
        HumanMessage("?"),
        called(),
        HumanMessage(
            [{"toolResult": {"toolUseId": ID, "content": [{"text": PI}], "status": "error"}}]
        ),
    ],
    "a role's": [HumanMessage("?"), called(), ChatMessage("Tool was interrupted.", role="tool")],
}
NOT_CARRIED = {
    "another call's": block_of("tool_result", tool_use_id=ID, content=other_call(SWE + ID)),
    "no error": block_of("tool_result", tool_use_id=ID, content=PI),
    "no content": block_of("tool_result", tool_use_id=ID),
    "an image": block_of("tool_result", tool_use_id=ID, content=[{"type": "image", "text": PI}]),
    "aborted by itself": block_of("function_call_output", call_id=ID, output="aborted", id="fco_1"),
    "random id": block_of(
        "function_call_output",
        call_id=ID,
        output="aborted",
        id="fco_6f0c8a52-2d0b-4d53-9a43-3a6c5f9e1b7d",
    ),
    "a text beside": block_of("text", text=written(TEXTS[2].text)),
}


@pytest.mark.parametrize("case", CARRIED)
def test_a_made_up_result_is_found_wherever_a_message_carries_it(case):
    (found,) = masked_in(CARRIED[case])
    assert (found.message_index, found.fresh, found.evidence) == (2, True, TEXT)


@pytest.mark.parametrize("case", NOT_CARRIED)
def test_a_real_result_is_real_wherever_a_message_carries_it(case):
    assert masked_in(NOT_CARRIED[case]) == ()


# Fresh, and where the request is looked at.

LOST = written(TEXTS[1].text)
AGAIN = [called("news", "call_2"), ToolMessage("fine", tool_call_id="call_2")]


@pytest.mark.parametrize("answer", [AIMessage("ok"), AIMessageChunk("ok")])
def test_what_the_model_has_answered_is_not_fresh(answer):
    (seen,) = masked_in([*history(LOST), answer, HumanMessage("?")])
    assert not seen.fresh
    assert masked_in(history(LOST))[0].fresh


@pytest.mark.parametrize("profile", ["contract", "openai-chat", "anthropic", "google-genai"])
def test_a_live_request_is_looked_through_only_where_something_is_new(profile):
    def look(messages, *, only_fresh):
        found = check(messages, PROFILES[profile], Facts(), only_fresh=only_fresh)
        return [each.fresh for each in found.masked]

    seen = [*history(LOST), AIMessage("ok"), HumanMessage("?")]
    new = [
        *seen,
        called("news", "call_2"),
        ToolMessage("Tool was interrupted.", tool_call_id="call_2"),
    ]
    broken = [*seen, called("news", "call_3"), HumanMessage("?")]
    assert look(seen, only_fresh=True) == []
    assert look(seen, only_fresh=False) == [False]
    assert look(new, only_fresh=True) == look(new, only_fresh=False) == [False, True]
    assert look(broken, only_fresh=True) == []
    assert look(broken, only_fresh=False) == [False]


def test_ids_are_renamed_and_each_result_is_there_once():
    report = check(
        [*history(LOST), *AGAIN], PROFILES["contract"], Facts(), lambda call_id: f"<{call_id}>"
    )
    assert [each.tool_call_id for each in report.masked] == [f"<{ID}>"]


def test_a_trimmed_call_leaves_the_made_up_result_told():
    (found,) = masked_in([ToolMessage("Tool was interrupted.", tool_call_id=ID, name=NAME)])
    assert (found.call_message_index, found.tool_name) == (None, NAME)


def test_a_sound_report_stays_the_shared_one():
    sound = history("fine")
    assert check_messages(sound) is check_messages(sound)
    assert check_messages(sound).masked == ()


def test_a_report_with_made_up_results_can_be_pickled():
    report = check_messages(history(LOST))
    assert pickle.loads(pickle.dumps(report)) == report


# What people read.


def test_the_explanation_of_a_clean_history_shows_what_was_made_up():
    report = check_messages([*history(LOST), AIMessage("ok"), *AGAIN])
    assert report.ok
    assert report.summary().endswith("; 1 result was made up by deepagents")
    text = " ".join(report.explain().split())
    assert f"! 2 tool {ID} ← made up by deepagents (missing)" in text
    assert (
        f"the result at message 2 of call {ID} of tool {NAME} (call at message 1) was made up by "
        "deepagents: missing, shown by its text" in text
    )
    assert "seen: before, in an earlier request" in text
    assert "to do: the result is lost" in text
    assert LOST not in text


def test_of_many_made_up_results_the_explanation_shows_the_last():
    messages = []
    for number in range(30):
        call_id = f"call_{number}"
        messages += [
            called(call_id=call_id),
            ToolMessage("Tool was interrupted.", tool_call_id=call_id),
        ]
    report = check_messages(messages)
    assert len(report.masked) == 30
    text = " ".join(report.explain().split())
    assert "found: 29 times, at messages 1, 3, 5, 7, 9, 11, 13, 15 and 21 more" in text
    assert "call_29 ← made up by strands (missing)" in text
    assert "message 1 of" not in text


def test_a_report_holds_the_last_of_very_many_made_up_results():
    made_up_again = ToolMessage("Tool was interrupted.", tool_call_id=ID)
    report = check_messages([called(), *[made_up_again] * (MAX_VIOLATIONS + 1)])
    assert len(report.masked) == MAX_VIOLATIONS
    assert report.masked[-1].message_index == MAX_VIOLATIONS + 1


def test_names_and_ids_cannot_break_a_line():
    report = check_messages(
        [called("a\nb", "c\nd"), ToolMessage("Tool was interrupted.", tool_call_id="c\nd")]
    )
    assert report.masked
    assert "\nb" not in report.explain()
    assert "\nd" not in report.explain()


# The table.


def test_every_text_is_found_by_its_first_letters_and_is_one_row_alone():
    for row in TEXTS:
        content = written(row.text)
        found = text_of(content)
        assert found is not None
        assert found[0] is row
        assert sum(each.found_in(content) is not None for each in TEXTS) == 1, content


def test_the_table_is_told_for_the_documentation():
    told = rows()
    assert {row.by for row in told} == MENDERS
    assert {row.evidence for row in told} == {TEXT, MARK}
    assert len(told) == len(TEXTS) + len(OBJECTS) + len(masked_texts.MARKS)
    assert len({row.text for row in told}) == len(told)


@given(st.sampled_from(sorted(STARTS)), st.text())
def test_no_content_makes_the_look_fail(start, rest):
    for content in (start + rest, [start + rest], [{"type": "text", "text": start + rest}]):
        assert made_up({"content": content}, ID) is None or holds_made_up(content)


@pytest.mark.parametrize(
    "fields",
    [
        {"content": [{"type": ["text"], "text": PI}]},
        {"content": {"error": {"error": PI}}},
        {"content": 7},
        {"content": LOST, "additional_kwargs": 7, "response_metadata": 7, "status": 7},
        {"content": [[LOST]], "additional_kwargs": ["toolpair_repair"]},
        {"content": None},
    ],
)
def test_fields_of_other_shapes_are_no_trouble(fields):
    message = ToolMessage.model_construct(tool_call_id=ID, name=NAME, **fields)
    report = check_messages([HumanMessage("?"), called(), message])
    assert len(report.masked) == ("additional_kwargs" in fields and fields["content"] == LOST)


def test_no_content_is_pathological():
    """The worst repetition of a text's parts costs a small multiple of a look at each character."""

    def cost(look: Callable[[str], object], content: str) -> float:
        start = time.process_time()
        for _ in range(5):
            look(content)
        return time.process_time() - start

    for row in TEXTS:
        text_of(written(row.text))  # compiles
    size = masked_texts.LONGEST
    limit = 200 * min(cost(lambda content: sum(map(ord, content)), "x" * size) for _ in range(9))

    def is_slow(content: str) -> bool:
        # Whatever else the machine does may slow down one measurement, but not every one of three.
        return all(cost(text_of, content) > limit for _ in range(3))

    pieces = {piece for row in TEXTS for piece in row.text.replace(">", "<").split("<")}
    starts = {row.text.partition("<")[0] for row in TEXTS}
    contents = [
        (start + piece * size)[:size]
        for start, piece in product(starts, pieces | {"'", "x", "{", "' with id '"})
    ]
    assert [content[:80] for content in contents if is_slow(content)] == []


@pytest.mark.parametrize("row", [row for row in TEXTS if "<detail>" in row.text])
def test_a_parsers_error_may_quote_arguments_of_any_length(row):
    content = row.text.replace("<detail>", "line\n]" * 20_000)
    (found,) = masked_in(history(content))
    assert (found.by, found.kind) == (row.by, row.kind)
    assert masked_in(history(f"{content} and more")) == ()


def test_long_json_is_not_parsed():
    def padded(size: int) -> str:
        return json.dumps(ORPHANED | {"error": "x" * size})

    assert text_of(padded(2_000)) is not None
    assert text_of(padded(masked_texts.LONGEST)) is None


def test_a_text_names_its_call_though_the_name_reads_like_the_text():
    name = "look up with id or name"
    content = written(TEXTS[1].text).replace(NAME, name)
    result = ToolMessage(content, tool_call_id=ID)
    (found,) = masked_in([HumanMessage("?"), called(name), result])
    assert found.tool_name == name


# Who really writes them, as far as it is installed here.


def test_our_own_repair_is_a_mark():
    repaired = repair_messages([HumanMessage("?"), called(), HumanMessage("and?")])
    (found,) = masked_in(repaired.messages)
    assert (found.by, found.kind, found.evidence) == ("toolpair_observe", MISSING, MARK)
    stored = [each.model_copy(update={"additional_kwargs": {}}) for each in repaired.messages]
    assert [each.evidence for each in masked_in(stored)] == [TEXT]


@pytest.mark.skipif(
    Version(version("langchain")) < Version("1.5"), reason="it leaves malformed calls open"
)
def test_create_agent_answers_a_malformed_call_and_is_named():
    @tool
    def weather() -> str:
        """Say."""
        return "rain"

    class Malformed(CountingModel):
        """Calls a tool with arguments that are no JSON."""

        def bind_tools(self, tools, **kwargs):
            return self

    model = Malformed()
    call = {"name": NAME, "args": '{"city": "Ber', "id": ID, "error": None}
    broken = AIMessage("", invalid_tool_calls=[{**call, "type": "invalid_tool_call"}])
    agent = create_agent(model, [weather])
    agent.invoke({"messages": [HumanMessage("?"), broken, HumanMessage("and?")]})
    (found,) = masked_in(model._requests[-1])
    assert (found.by, found.kind, found.evidence, found.fresh) == (
        "langchain",
        MALFORMED,
        TEXT,
        True,
    )


def test_deepagents_answers_an_open_call_and_is_named():
    deepagents = pytest.importorskip("deepagents")

    class WithTools(CountingModel):
        """Takes the tools of the agent."""

        def bind_tools(self, tools, **kwargs):
            return self

    model = WithTools()
    agent = deepagents.create_deep_agent(model=model, tools=[])
    agent.invoke({"messages": [HumanMessage("?"), called(), HumanMessage("and?")]})
    (found,) = masked_in(model._requests[-1])
    assert (found.by, found.kind, found.fresh) == ("deepagents", MISSING, True)


def test_litellm_answers_an_open_call_and_is_named(monkeypatch):
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    monkeypatch.setattr(pytest.importorskip("litellm"), "modify_params", True)
    factory = pytest.importorskip("litellm.litellm_core_utils.prompt_templates.factory")
    sent = factory.sanitize_messages_for_tool_calling(
        convert_to_openai_messages([HumanMessage("?"), called(), HumanMessage("and?")])
    )
    (found,) = masked_in(sent)
    assert (found.by, found.kind, found.tool_name) == ("litellm", MISSING, NAME)


# The handler's request.


@pytest.mark.parametrize("mode", ["observe", "strict"])
def test_a_request_with_made_up_results_may_leave_and_tells_hashed_ids(mode):
    judge = Judge(Settings(hash_ids=True), Counts())
    verdict, error = judge.decide(Request(history(LOST), {}), uuid4(), mode)
    assert error is None
    assert verdict is not None
    assert not verdict.stops
    (found,) = verdict.report.masked
    assert found.tool_call_id == judge.name_id(ID) != ID
    assert ID not in verdict.report.explain()
    later, _ = judge.decide(Request([*history(LOST), AIMessage("ok")], {}), uuid4(), mode)
    assert later is not None
    assert later.report.masked == ()
