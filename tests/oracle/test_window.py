"""What is judged by its surroundings must be judged as the whole history is, for every profile."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from tests.amounts import examples
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.facts import NO_FACTS, Facts
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.window import read_window

from .histories import BLOWS, Draw, History, broken_histories
from .test_closer_look import LEAVES

FACTS = [NO_FACTS, Facts(tools_bound=False), Facts(server_state=True), Facts(resumes_response=True)]
TOOLS = ["look", "find", "transfer_to_desk", "WeatherReport"]
SAYINGS = [
    "Well.",
    "Here is a summary of the conversation so far: all is well.",
    "I was asked that.",
]


def asking(ids: list[str], tools: list[str], *, way: str, text: str = "", **fields: object):
    calls = [{"name": tool, "args": {}, "id": id_} for id_, tool in zip(ids, tools, strict=True)]
    if way == "raw":
        raw = [{"id": id_, "type": "function", "function": {"name": "f"}} for id_ in ids]
        return AIMessage(text, tool_calls=calls, additional_kwargs={"tool_calls": raw}, **fields)
    if way == "blocks":
        blocks = [
            {"type": "tool_use", "id": call["id"], "name": call["name"], "input": {}}
            for call in calls
        ]
        said = [{"type": "text", "text": text}] if text else []
        return AIMessage([*said, *blocks], tool_calls=calls, **fields)
    if way == "chunk":
        pieces = [
            {"name": call["name"], "args": "{}", "id": call["id"], "index": n}
            for n, call in enumerate(calls)
        ]
        return AIMessageChunk(
            content=text, tool_call_chunks=pieces, chunk_position="last", **fields
        )
    return AIMessage(text, tool_calls=calls, **fields)


@st.composite
def plain_runs(draw: Draw, tag: str) -> History:
    """Exchanges that plainly pair, most of them alike, as agents make them."""
    history: History = []
    way = draw(st.sampled_from(["plain", "plain", "raw", "blocks", "chunk"]))
    shuffled = draw(st.integers(0, 5)) == 0
    length = draw(st.sampled_from([1, 2, 4, 8, 12, 20]))
    ids_again = draw(st.integers(0, 9)) == 0
    name = draw(st.sampled_from([None, None, None, "Desk"]))
    fields = {"name": name} if name else {}
    for number in range(length):
        kind = draw(st.integers(0, 7))
        if kind == 0:
            history += [AIMessage(draw(st.sampled_from(SAYINGS)), **fields), HumanMessage("And?")]
            continue
        width = draw(st.sampled_from([1, 1, 1, 2, 3]))
        ids = [
            f"call_{'x' if ids_again else tag}_{number % 3 if ids_again else number}_{n}"
            for n in range(width)
        ]
        tools = [draw(st.sampled_from(TOOLS)) for _ in ids]
        text = draw(st.sampled_from(["", "", "Let me see."]))
        history.append(asking(ids, tools, way=way, text=text, **fields))
        order = list(zip(ids, tools, strict=True))
        if shuffled:
            order.reverse()
        history += [
            ToolMessage("11", tool_call_id=id_, name=draw(st.sampled_from([None, tool])))
            for id_, tool in order
        ]
    return history


@st.composite
def long_histories(draw: Draw) -> History:
    """Plain runs with broken pieces between them, after some blows or none."""
    history: History = draw(st.sampled_from([[], [SystemMessage("Be brief.")]]))
    history = [*history, HumanMessage("Look.")] if draw(st.integers(0, 5)) else [*history]
    for piece in range(draw(st.integers(1, 3))):
        history += draw(plain_runs(str(piece)))
        if draw(st.booleans()):
            history += draw(broken_histories())
    for _ in range(draw(st.integers(0, 2))):
        history = draw(st.sampled_from(BLOWS))(draw, history)
    return history + draw(st.sampled_from([[], [HumanMessage("And?")]]))


@settings(max_examples=examples(300), suppress_health_check=list(HealthCheck), deadline=None)
@given(history=long_histories(), facts=st.sampled_from(FACTS))
def test_a_window_is_judged_as_the_whole_history_is(history, facts):
    whole = read_transcript(history)
    for profile in LEAVES:
        expected = judge(whole, profile, facts)
        report = check(history, profile, facts)
        assert report == expected, f"{profile.name}: {profile.title}"
        if not expected.ok:
            assert report.timeline == expected.timeline


def loop(turns: int, tag: str = "call", tool: str = "look", **fields: object) -> History:
    """An agent that calls one tool after the other."""
    return [
        message
        for number in range(turns)
        for message in (
            asking([f"{tag}_{number}"], [tool], way="plain", **fields),
            ToolMessage("11", tool_call_id=f"{tag}_{number}"),
        )
    ]


H = HumanMessage("Look.")
OPEN = asking(["open"], ["look"], way="plain")
SCHEMA = asking(["open"], ["WeatherThing"], way="plain")
HANDOFF = asking(["open"], ["transfer_to_sales"], way="plain")
TWO = asking(["a", "b"], ["look", "look"], way="plain")
STRAY = ToolMessage("11", tool_call_id="stray")
SUMMARY = AIMessage("Here is a summary of the conversation so far.")
SERVER_CALL = AIMessage([{"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search"}])


def result(id_: str) -> ToolMessage:
    return ToolMessage("11", tool_call_id=id_)


def pairs(turns: int) -> History:
    """An agent that calls one tool twice at once."""
    return [
        message
        for n in range(turns)
        for message in (
            asking([f"x{n}", f"y{n}"], ["look", "look"], way="plain"),
            result(f"x{n}"),
            result(f"y{n}"),
        )
    ]


# Each has something far from its breach that what is said of the breach depends on.
FAR = {
    "a call in the middle": [H, *loop(20), OPEN, *loop(20, "more")],
    "a call at the end": [H, *loop(40), OPEN],
    "a person who goes on": [H, *loop(20), OPEN, H, *loop(20, "more")],
    "a stray result": [H, *loop(20), STRAY, *loop(20, "more")],
    "a stray result behind an answer": [H, *loop(20), AIMessage("Well."), STRAY, *loop(20, "more")],
    "a result that is given again": [
        H,
        *loop(20),
        AIMessage("Well."),
        result("call_7"),
        *loop(9, "m"),
    ],
    "two results that are given again": [H, *loop(30), result("call_7"), H, result("call_21")],
    "an id that is used again": [H, *loop(20), OPEN, *loop(20), H],
    "a late result": [H, *loop(9), OPEN, *loop(20, "more"), result("open"), *loop(9, "last")],
    "calls named like the tools": [H, *loop(20, tool="WeatherOther"), SCHEMA, *loop(20, "more")],
    "a call named unlike the tools": [H, *loop(20), SCHEMA, *loop(20, "more")],
    "a tool that is answered far away": [
        H,
        *loop(20, tool="WeatherThing"),
        *loop(20, "m"),
        SCHEMA,
        H,
    ],
    "an agent far away": [H, *loop(20, name="sales"), *loop(20, "more"), HANDOFF, H],
    "several calls far away": [
        H,
        *loop(9),
        asking(["x", "y"], ["look", "look"], way="plain"),
        result("x"),
        result("y"),
        *loop(20, "more"),
        TWO,
        result("a"),
        *loop(20, "last"),
    ],
    "several calls nowhere": [H, *loop(20), TWO, result("a"), *loop(20, "more")],
    "a summary before a stray result": [SUMMARY, H, STRAY, *loop(20)],
    "a summary far from a stray result": [H, *loop(9), SUMMARY, H, *loop(20, "more"), STRAY],
    "examples at the head": [H, OPEN, H, asking(["second"], ["look"], way="plain"), H, *loop(20)],
    "a provider's own call": [H, SERVER_CALL, H, *loop(20), OPEN, H],
    "chat before the first call": [H, *[AIMessage("Well."), H] * 20, *loop(20), OPEN, H],
    "chat alone": [H, *[AIMessage("Well."), H] * 20, OPEN, H, *[AIMessage("Well."), H] * 20],
    "messages that say nothing": [H, *[AIMessage(""), H] * 20, OPEN, H, *[AIMessage("W."), H] * 20],
    "instructions on the way": [H, *loop(20), SystemMessage("Be brief."), *loop(20, "m"), OPEN, H],
    "no person at the head": [*loop(20), OPEN, H, *loop(20, "more")],
}

STALE = AIMessage(
    "",
    tool_calls=[{"name": "look", "args": {}, "id": "kept"}],
    additional_kwargs={"tool_calls": [{"id": "kept"}, {"id": "stray"}]},
)
FAR["a copy of a call that was edited away"] = [
    H,
    *loop(12),
    STALE,
    result("kept"),
    *loop(12, "more"),
    STRAY,
]
FAR["a call of another tool in function_call"] = [
    H,
    *loop(12),
    STALE.model_copy(update={"additional_kwargs": {"function_call": {"name": "find"}}}),
    result("kept"),
    *loop(12, "more"),
    AIMessage("Well."),
    result(""),
    *loop(4, "last"),
]
TALK = [AIMessage("Well."), H]
FAR |= {
    "a summary in the chat before a stray result": [
        H,
        *TALK * 5,
        SUMMARY,
        H,
        *TALK * 9,
        STRAY,
        *loop(9),
    ],
    "an answer between chats before two open calls": [
        H,
        *TALK * 2,
        *loop(20),
        *TALK * 3,
        SystemMessage("Be brief."),
        OPEN,
        H,
        asking(["second"], ["look"], way="plain"),
        H,
        *loop(3, "more"),
    ],
    "parallel calls far before a stray result": [
        H,
        *loop(9),
        *pairs(9),
        *loop(4, "more"),
        AIMessage("Well."),
        ToolMessage("11", tool_call_id="x" * 70),
        *loop(4, "last"),
    ],
    "words far behind a provider's own call": [
        H,
        *loop(9),
        SERVER_CALL,
        *loop(6, "more"),
        asking(["told"], ["look"], way="plain", text="Let me see."),
        result("told"),
        *loop(9, "last"),
    ],
}
# What says nothing may be left out, and then less is sent before the breach.
FAR |= {
    f"an AI message of {content}": [
        H,
        *loop(9),
        AIMessage(content),
        H,
        *loop(15, "more"),
        OPEN,
        H,
        *loop(3, "last"),
    ]
    for content in (
        [""],
        [{"type": "text"}],
        [{"type": "thinking", "text": ""}],
        [{"type": "text", "text": ""}, ""],
    )
}


@pytest.mark.parametrize("shape", FAR)
@pytest.mark.parametrize("facts", FACTS, ids=["plain", "no tools", "state", "resumed"])
def test_what_stands_far_from_a_breach_counts(shape, facts):
    history = FAR[shape]
    whole = read_transcript(history)
    for profile in LEAVES:
        expected = judge(whole, profile, facts)
        report = check(history, profile, facts)
        assert report == expected, f"{profile.name}: {profile.title}"
        assert report.timeline == expected.timeline or expected.ok


@pytest.mark.parametrize(
    "profile", ["openai-chat", "anthropic", "google-genai", "bedrock-converse"]
)
def test_a_longer_history_is_not_read_further(profile):
    def read(turns: int) -> int:
        history = [H, *loop(turns), OPEN, *loop(turns, "more")]
        window = read_window(history, PROFILES[profile], NO_FACTS)
        return len(list(window.entries))

    assert read(20) == read(500) < 20


def test_what_is_read_before_a_gap_is_followed_as_what_is_left_out_is():
    history = [H, *loop(9), *TALK * 9, OPEN, *TALK * 9, *loop(9, "more"), OPEN, *loop(9, "last")]
    history += [*TALK * 4, *loop(9, "end")]
    window = read_window(history, PROFILES["openai-chat"], NO_FACTS)
    stretches = window.left_out.stretches
    assert len(stretches) > 1
    for start, end, _, _ in stretches:
        assert history[start - 1].type == history[end - 1].type


def test_the_texts_name_the_positions_of_the_whole_history():
    report = check([H, *loop(9), *pairs(9), OPEN, H, *loop(9, "m")], PROFILES["anthropic"])
    (violation,) = report.violations
    # The results of one message are one turn to Anthropic.
    assert violation.message_index == 1 + 18 + 27
    assert violation.expected_error.startswith(f"messages.{1 + 18 + 18}: ")
