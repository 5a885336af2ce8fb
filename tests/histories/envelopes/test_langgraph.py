"""States, histories, threads and streams of LangGraph, as the real library makes them."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from langchain_core.documents import Document
from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    RemoveMessage,
    ToolMessage,
)
from langgraph.checkpoint.memory import MemorySaver
from langgraph.graph import START, MessagesState, StateGraph, add_messages
from langgraph.types import interrupt

from tests.histories.envelopes.reading import judged, told
from toolpair_observe.histories.unit import Row
from toolpair_observe.histories.units import Walk

CALL = {"name": "find", "args": {}, "id": "call_1", "type": "tool_call"}
MADE = {"model_provider": "openai", "model_name": "gpt-4o-mini", "id": "chatcmpl-1"}
ABANDONED = [HumanMessage("Look.", id="h1"), AIMessage("", tool_calls=[CALL], id="a1")]


def snapshot(state: Any) -> dict[str, Any]:
    """A StateSnapshot as LangGraph's API writes it."""
    values = {
        key: [m.model_dump() for m in value] if key.endswith("messages") else value
        for key, value in state.values.items()
    }
    configurable = state.config["configurable"]
    return {
        "values": values,
        "next": list(state.next),
        "tasks": [],
        "metadata": {"step": state.metadata["step"]},
        "created_at": state.created_at,
        "checkpoint": configurable,
        "parent_checkpoint": None,
        "interrupts": [],
    }


class Other(MessagesState):
    """A state with a second list of messages."""

    old_messages: Annotated[list[AnyMessage], add_messages]


def graph(*nodes: Any, state: Any = MessagesState) -> Any:
    builder = StateGraph(state)
    previous = START
    for number, node in enumerate(nodes):
        builder.add_node(str(number), node)
        builder.add_edge(previous, str(number))
        previous = str(number)
    return builder.compile(checkpointer=MemorySaver())


def model(state: dict[str, Any]) -> dict[str, Any]:
    """Call a tool first, and answer then."""
    last = state["messages"][-1]
    calls = [CALL] if last.content == "Look." else []
    number = len(state["messages"])
    return {
        "messages": [
            AIMessage("", tool_calls=calls, response_metadata=MADE, id=f"ai{number}"),
        ]
    }


CONFIG: Any = {"configurable": {"thread_id": "t1"}}


def history_of(app: Any, config: Any = CONFIG) -> list[dict[str, Any]]:
    return [snapshot(state) for state in app.get_state_history(config)]


def test_a_history_is_one_unit_whose_requests_count_once(tmp_path):
    app = graph(model)
    app.invoke({"messages": [HumanMessage("Look.")]}, CONFIG)
    app.invoke({"messages": [HumanMessage("Never mind.")]}, CONFIG)
    app.invoke({"messages": [HumanMessage("Bye.")]}, CONFIG)
    history = history_of(app)
    assert len(history) > 6

    for rows in (history, history[::-1]):
        (one,) = judged(tmp_path, *rows)
        assert told(one) == ("checked", 3, ["missing_result"])
        assert one.effects.total() == 3
        assert len(one.violations) == 1
        assert one.unit.thread_id == "t1"
        assert one.unit.recorded is None
        assert (one.unit.origin.provider, one.unit.origin.model) == ("openai", "gpt-4o-mini")
        assert one.unit.origin.api == "chat"
    (listed,) = judged(tmp_path, history)
    assert told(listed) == ("checked", 3, ["missing_result"])


def test_a_fork_adds_the_requests_that_the_newest_state_has_not(tmp_path):
    app = graph(model)
    app.invoke({"messages": [HumanMessage("Hi.")]}, CONFIG)
    middle = app.get_state(CONFIG).config
    app.invoke({"messages": [HumanMessage("Look.")]}, CONFIG)
    app.invoke({"messages": [HumanMessage("And?")]}, CONFIG)
    app.invoke({"messages": [HumanMessage("Else.")]}, middle)
    history = history_of(app)

    (one,) = judged(tmp_path, *history)

    # Hi; Look, And?; Else.
    assert told(one) == ("checked", 4, ["missing_result"])
    assert len(one.unit.conversations) == 2


def test_a_head_that_was_removed_counts_in_the_older_state(tmp_path):
    def trim(state: dict[str, Any]) -> dict[str, Any]:
        return {"messages": [RemoveMessage(id=message.id) for message in state["messages"][:-1]]}

    app = graph(model, trim)
    app.invoke({"messages": [HumanMessage("Hi.")]}, CONFIG)
    app.invoke({"messages": [HumanMessage("Bye.")]}, CONFIG)

    (one,) = judged(tmp_path, *history_of(app))

    assert told(one) == ("checked", 2, [])


def test_a_second_answer_to_one_request_is_no_second_request(tmp_path):
    def values(answer: str) -> dict[str, Any]:
        messages = [HumanMessage("Hi.", id="h"), AIMessage(answer, id=answer)]
        return {"messages": [message.model_dump() for message in messages]}

    rows = [
        {"values": values("a"), "next": [], "created_at": "2", "checkpoint": {"thread_id": "t"}},
        {"values": values("b"), "next": [], "created_at": "1", "checkpoint": {"thread_id": "t"}},
    ]
    (one,) = judged(tmp_path, *rows)
    assert told(one) == ("checked", 1, [])


def test_a_state_that_waits_for_a_person_is_sound(tmp_path):
    def ask(state: dict[str, Any]) -> dict[str, Any]:
        interrupt("May it?")
        return {}

    app = graph(model, ask)
    app.invoke({"messages": [HumanMessage("Look.")]}, CONFIG)
    state = app.get_state(CONFIG)
    assert state.next

    (one,) = judged(tmp_path, snapshot(state))

    assert told(one) == ("checked", 1, [])


def test_threads_that_are_interleaved_are_told_apart(tmp_path):
    app = graph(model)
    for thread in ("t1", "t2", "t1"):
        config = {"configurable": {"thread_id": thread}}
        app.invoke({"messages": [HumanMessage("Hi.")]}, config)
    states = [
        state
        for pair in zip(
            history_of(app), history_of(app, {"configurable": {"thread_id": "t2"}}), strict=False
        )
        for state in pair
    ]

    units = judged(tmp_path, *states)

    assert [(each.unit.thread_id, each.requests) for each in units] == [("t1", 2), ("t2", 1)]


@pytest.mark.parametrize("form", [dumpd, lambda messages: [m.model_dump() for m in messages]])
def test_other_lists_of_messages_are_read(tmp_path, form):
    orphan = form([HumanMessage("a"), ToolMessage("x", tool_call_id="y"), AIMessage("b")])
    values = {"messages": form([HumanMessage("a"), AIMessage("b")]), "old_messages": orphan}

    (one,) = judged(tmp_path, {"values": values, "next": [], "tasks": []})

    assert told(one) == ("checked", 2, ["orphan_result"])


def test_messages_that_are_nested_deeper_are_named(tmp_path):
    inner = {"messages": [HumanMessage("a").model_dump()]}
    (one,) = judged(tmp_path, {"values": {"agent": inner}, "next": []})
    assert told(one) == ("unreadable", 0, [])
    assert "'agent'" in one.unit.reason


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ([{"messages": [{"type": "human", "content": "a"}]}], "unreadable"),
        ({"a": {"b": {"c": [{"role": "user", "content": "a"}]}}}, "unreadable"),
        ('{"messages": [{"type": "human", "content": "a"}]}', "unreadable"),
        ({"type": "human", "content": "a"}, "checked"),
        ([{"content": "a", "status": "pending"}], "checked"),
        ([dumpd(Document("a"))], "checked"),
    ],
)
def test_lists_of_messages_are_named_wherever_they_stand(tmp_path, value, status):
    messages = [HumanMessage("a").model_dump(), AIMessage("b").model_dump()]
    (one,) = judged(tmp_path, {"values": {"messages": messages, "other": value}, "next": []})
    assert told(one)[0] == status


def test_what_a_person_is_asked_is_no_part_of_the_state(tmp_path):
    messages = [HumanMessage("a").model_dump(), AIMessage("b").model_dump()]
    asked = [{"value": {"messages": messages}, "id": "1"}]
    (one,) = judged(
        tmp_path, {"values": {"messages": messages, "__interrupt__": asked}, "next": []}
    )
    assert told(one) == ("checked", 1, [])


def test_chat_bedrock_is_told_by_its_own_name(tmp_path):
    model = "anthropic.claude-3-5-sonnet-20240620-v1:0"
    metadata = {"model_provider": "bedrock", "model_name": model}
    messages = [HumanMessage("a"), AIMessage("b", response_metadata=metadata)]
    values = {"messages": [m.model_dump() for m in messages]}
    (one,) = judged(tmp_path, {"values": values, "next": []})
    assert one.target.profile.name == "bedrock-invoke"


def test_a_subgraph_at_work_belongs_to_its_thread(tmp_path):
    inner = [HumanMessage("a"), ToolMessage("x", tool_call_id="y"), AIMessage("b")]
    state = {"values": {"messages": [m.model_dump() for m in inner]}, "next": []}
    row = {"values": {"messages": []}, "next": ["x"], "tasks": [{"id": "1", "state": state}]}
    (one,) = judged(tmp_path, row)
    assert told(one) == ("checked", 1, ["orphan_result"])


@pytest.mark.parametrize(
    "values", [None, {}, [], {"messages": []}, {"messages": None}, {"answer": "x", "files": {}}]
)
def test_a_state_without_messages_is_no_request(tmp_path, values):
    (one,) = judged(tmp_path, {"values": values, "next": [], "tasks": [], "checkpoint": None})
    assert told(one) == ("not_a_request", 0, [])
    assert one.unit.reason == "state without messages"


@pytest.mark.parametrize(
    "messages", [["x"], [1], [{}], {"a": 1}, "text", [{"type": "human", "content": 3}]]
)
def test_values_that_are_not_understood_are_unreadable(tmp_path, messages):
    (one,) = judged(tmp_path, {"values": {"messages": messages}, "next": []})
    assert one.unit.status == "unreadable"


def test_a_state_may_be_the_list_itself(tmp_path):
    messages = [HumanMessage("a"), ToolMessage("x", tool_call_id="y"), AIMessage("b")]
    (one,) = judged(tmp_path, {"values": [m.model_dump() for m in messages], "next": []})
    assert told(one) == ("checked", 1, ["orphan_result"])


def test_each_thread_of_a_search_is_a_unit(tmp_path):
    thread = {
        "thread_id": "t1",
        "status": "interrupted",
        "values": {"messages": [m.model_dump() for m in ABANDONED]},
        "metadata": {},
        "config": {},
        "interrupts": {},
        "error": None,
    }
    empty = {**thread, "thread_id": "t2", "status": "error", "values": None, "error": "x"}

    units = judged(tmp_path, [thread, empty])

    assert [told(each) for each in units] == [("checked", 1, []), ("not_a_request", 0, [])]
    assert [each.unit.thread_id for each in units] == ["t1", "t2"]


def stream(*events: tuple[str, Any]) -> list[Any]:
    walk = Walk()
    rows = [Row(data, line, "", event) for line, (event, data) in enumerate(events, 1)]
    return [unit for row in rows for unit in walk.units(row)] + list(walk.close())


def test_the_last_state_of_a_stream_has_all():
    dumps = [message.model_dump() for message in [*ABANDONED, HumanMessage("b"), AIMessage("c")]]

    (one,) = stream(
        ("metadata", {"run_id": "r1", "attempt": 1}),
        ("values", {"messages": dumps[:1]}),
        ("messages", [dumps[1], {}]),
        ("values", {"messages": dumps[:2]}),
        ("updates", {"model": {"messages": dumps[1:2]}}),
        ("values|tools:1", {"messages": dumps}),
        ("end", None),
    )

    assert (one.run_id, one.status, len(one.conversations)) == ("r1", "checked", 1)
    assert one.conversations[0].messages == dumps


def test_two_runs_in_one_stream_are_two_units():
    values = {"messages": [m.model_dump() for m in ABANDONED]}
    units = stream(
        ("metadata", {"run_id": "r1"}),
        ("values", values),
        ("metadata", {"run_id": "r2"}),
        ("values", values),
    )
    assert [unit.run_id for unit in units] == ["r1", "r2"]


def test_a_stream_of_chunks_alone_is_unreadable():
    (one,) = stream(("messages", [{}, {}]), ("updates", {"model": {}}))
    assert one.status == "unreadable"
    assert "stream_mode" in one.reason


def test_the_parts_of_a_stream_may_be_rows(tmp_path):
    values = {"messages": [m.model_dump() for m in [*ABANDONED, HumanMessage("b"), AIMessage("c")]]}
    parts = [
        {"event": "metadata", "data": {"run_id": "r1"}, "id": None},
        {"event": "values", "data": values, "id": "1"},
        {"event": "end", "data": None, "id": None},
    ]
    (one,) = judged(tmp_path, *parts)
    (listed,) = judged(tmp_path, parts)
    assert told(one) == told(listed) == ("checked", 2, ["missing_result"])
    assert (one.unit.format, one.unit.run_id) == ("langgraph.stream", "r1")
