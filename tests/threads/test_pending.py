"""What is due on a checkpoint, told from what is stored of it."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Interrupt, Send, interrupt

from tests.threads.broken import CONFIG, SECRET, BackendError, fails, graph, say
from toolpair_observe.threads.pending import Pending, is_newer, pending_of
from toolpair_observe.threads.stored import Stored, Write, stored_of

CALLS = [{"name": "look", "args": {}, "id": each, "type": "tool_call"} for each in ("a", "b")]


def head(*writes: Write, **more: Any) -> Stored:
    """A checkpoint on which one task for each of two calls is due."""
    packets = [Send("tools", each) for each in CALLS]
    values = {"__pregel_tasks": packets, **more.pop("values", {})}
    return Stored(
        thread_id="t", namespace="", checkpoint_id="not an id", values=values, writes=writes, **more
    )


def write(channel: str, value: Any = None, task: str = "x", path: str = "") -> Write:
    return Write(task_id=task, channel=channel, value=value, path=path)


def result(call_id: str) -> ToolMessage:
    return ToolMessage("18", tool_call_id=call_id)


# --- whose turn it is -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "seen", "newer"),
    [
        (None, None, False),
        (None, 3, False),
        (3, None, True),
        (3, 2, True),
        (3, 3, False),
        (2, 3, False),
        ("00000000000000000000000000000010.0.5", "00000000000000000000000000000009.0.7", True),
        ("00000000000000000000000000000010.0.5", "00000000000000000000000000000010.0.5", False),
        (2, "00000000000000000000000000000003.0.1", True),
    ],
)
def test_a_channel_is_news_where_its_version_is_greater(version, seen, newer):
    assert is_newer(version, seen) is newer


def test_a_node_is_due_whose_trigger_it_has_not_seen():
    stored = Stored(
        thread_id="t",
        namespace="",
        checkpoint_id="1",
        values={"branch:to:done": None, "branch:to:due": None, "branch:to:new": None, "x": 1},
        versions={"branch:to:done": 3, "branch:to:due": 3, "branch:to:new": 1, "branch:to:gone": 9},
        seen={"done": {"branch:to:done": 3}, "due": {"branch:to:due": 2}},
    )

    assert pending_of(stored).next == ("due", "new")


@pytest.mark.parametrize(
    ("arrived", "due"),
    [({"a", "b"}, ("c",)), (["b", "a"], ("c",)), ({"a"}, ()), (None, ()), (7, ())],
)
def test_a_node_that_waits_for_several_is_due_when_all_are_there(arrived, due):
    stored = Stored(
        thread_id="t",
        namespace="",
        checkpoint_id="1",
        values={"join:a+b:c": arrived},
        versions={"join:a+b:c": 2},
    )

    assert pending_of(stored).next == due


@pytest.mark.parametrize("packets", [None, 7, ["no packet", {"node": 7}], {"node": "tools"}])
def test_what_are_no_packets_are_no_tasks(packets):
    assert pending_of(head(values={"__pregel_tasks": packets})).next == ()


# --- whose writes they are ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        write("messages", [result("b")]),
        write("messages", {"tool_call_id": "b"}),
        write("__return__", Command(update={"messages": [result("b")]})),
        write("messages", None, path="~__pregel_push, 0000000001, 0000000000"),
    ],
    ids=["its result", "the dict of it", "in its place, by its id", "its path"],
)
def test_the_task_that_has_written_is_finished_and_the_other_one_is_not(given):
    if given.channel == "__return__":
        given = write("messages", [[result("b")]])
    first, second = pending_of(head(given)).tasks

    assert not first.is_finished
    assert second.is_finished
    assert second.writes == (given,)


def test_what_no_task_is_known_to_have_written_is_kept_beside_them():
    stray = write("messages", "something", task="stray")
    pending = pending_of(head(stray))

    assert pending.next == ("tools", "tools")
    assert pending.strays == {"stray": (stray,)}
    assert pending.finished == [(stray,)]
    assert pending.finished_ids == {"stray"}


def test_what_a_command_gave_to_the_superstep_is_no_tasks():
    given = write("messages", [result("a")], task="00000000-0000-0000-0000-000000000000")
    pending = pending_of(head(given))

    assert pending.input_writes == (given,)
    assert pending.next == ("tools", "tools")


def test_a_task_that_has_only_been_asked_and_answered_is_not_finished():
    asked = [write("__interrupt__", [Interrupt("May I?", id="i")]), write("__resume__", ["yes"])]
    pending = pending_of(head(*asked, write("__error__", "ValueError('no')")))

    assert pending.next == ("tools", "tools")
    assert [(each.id, each.task_id) for each in pending.questions] == [("i", "x")]
    assert [each.type for each in pending.errors] == ["ValueError"]


def test_the_question_of_a_task_that_went_on_is_history():
    asked = write("__interrupt__", [Interrupt("May I?", id="i")])
    pending = pending_of(head(asked, write("messages", [result("a")])))

    assert pending.questions == ()
    assert pending.next == ("tools",)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (f"ValueError('{SECRET}')", "ValueError"),
        (f'openai.BadRequestError("{SECRET}")', "BadRequestError"),
        (ValueError(SECRET), "ValueError"),
        (SECRET, "Error"),
        ({"message": SECRET}, "Error"),
        (None, "Error"),
        (f"{SECRET}(", "Error"),
    ],
)
def test_of_an_error_its_class_is_told_and_nothing_else(error, name):
    (told,) = pending_of(head(write("__error__", error))).errors

    assert told.type == name
    assert told.kind is None
    assert SECRET not in repr(told)


def test_a_refusal_of_pairs_is_told_from_other_errors():
    text = (
        "BadRequestError(\"Error code: 400 - {'error': {'message': \\\"An assistant message with "
        "'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The "
        'following tool_call_ids did not have response messages: a\\"}}")'
    )
    (told,) = pending_of(head(write("__error__", text))).errors

    assert told.is_pairing


# --- as the graph itself tells it -----------------------------------------------------------------


def of(made: Any, saver: InMemorySaver) -> tuple[Pending, Any]:
    return pending_of(stored_of(saver.get_tuple(CONFIG))), made.get_state(CONFIG)


@pytest.mark.parametrize("bad", [fails, lambda: interrupt("May I?")], ids=["fails", "asks"])
def test_the_tasks_are_those_of_the_graph(bad):
    made = graph(saver := InMemorySaver(), bad, calls=("good", "bad", "more", "bad too"))
    say(made)
    pending, state = of(made, saver)

    assert pending.next == state.next
    assert [each.id for each in pending.tasks] == [each.id for each in state.tasks]
    assert [each.is_finished for each in pending.tasks] == [bool(t.result) for t in state.tasks]
    assert [q.id for q in pending.questions] == [i.id for i in state.interrupts]


def test_nodes_beside_each_other_are_told_apart():
    def node(name: str, work: Any = lambda: None) -> Any:
        return lambda _: work() or {"messages": [("ai", name)]}

    builder = StateGraph(MessagesState)
    builder.add_node("one", node("one")).add_node("two", node("two", fails))
    builder.add_node("three", node("three", lambda: interrupt("May I?") and None))
    builder.add_node("last", node("last"))
    for each in ("one", "two", "three"):
        builder.add_edge(START, each)
    builder.add_edge(["one", "two", "three"], "last").add_edge("last", END)
    made = builder.compile(checkpointer=(saver := InMemorySaver()))
    with pytest.raises(BackendError):
        made.invoke({"messages": [("human", "hi")]}, CONFIG)
    pending, state = of(made, saver)

    # In which order they were added to the graph is not stored.
    assert sorted(pending.next) == sorted(state.next)
    assert {t.node: t.id for t in pending.tasks} == {t.name: t.id for t in state.tasks}
    (failed,) = [t for t in pending.tasks if t.error]
    assert failed.node == "two"
