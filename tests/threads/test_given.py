"""What is given wrongly is one clear error, which names it and says what to give."""

from __future__ import annotations

import re

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from tests.threads.broken import CONFIG, SECRET, graph, poisoned, rows, sqlite_saver
from toolpair_observe import adiagnose_threads, amend_thread, diagnose_threads
from toolpair_observe.errors import MendError
from toolpair_observe.threads.mend import mend_thread

NAN = float("nan")


@pytest.mark.parametrize(
    ("config", "error", "told"),
    [
        (None, TypeError, "argument config is an object of type NoneType; expected {"),
        ("t", TypeError, "argument config is 't'; expected {"),
        ({"configurable": "t"}, TypeError, "config[\"configurable\"] is 't'; expected {"),
        ({}, ValueError, "config names no thread; expected {"),
        ({"configurable": None}, ValueError, "config names no thread; expected {"),
        ({"configurable": {"thread_id": ""}}, ValueError, "config names no thread; expected {"),
        (
            {"configurable": {"thread_id": b"t"}},
            TypeError,
            "thread_id in config is b't'; expected a str",
        ),
        (
            {"configurable": {"thread_id": "t", "checkpoint_ns": 5}},
            TypeError,
            "checkpoint_ns in config is 5; expected a str",
        ),
        (
            {"configurable": {"thread_id": "t", "checkpoint_id": 5}},
            TypeError,
            "checkpoint_id in config is 5; expected a str",
        ),
        (
            {"configurable": {"thread_id": "no\nbody"}},
            MendError,
            r"thread no\nbody is not stored by the graph's checkpointer",
        ),
        (
            {"configurable": {"thread_id": "t", "checkpoint_ns": "helper"}},
            MendError,
            "thread t with checkpoint_ns helper is not stored",
        ),
        (
            {"configurable": {"thread_id": "\ud800"}},
            MendError,
            r"thread \ud800 could not be read by the graph's checkpointer (UnicodeEncodeError)",
        ),
    ],
)
async def test_a_config_that_names_no_thread(config, error, told):
    made = graph(sqlite_saver())
    with pytest.raises(error, match=re.escape(told)):
        mend_thread(made, config)
    memory = graph(InMemorySaver())
    if error is not MendError:
        with pytest.raises(error, match=re.escape(told)):
            await amend_thread(memory, config)


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"idle": "10m"}, TypeError, "argument idle is '10m'; expected seconds, 0 or more"),
        ({"idle": True}, TypeError, "argument idle is True; expected seconds, 0 or more"),
        ({"idle": None}, TypeError, "argument idle is an object of type NoneType; expected sec"),
        ({"idle": -1}, ValueError, "argument idle is -1; expected seconds, 0 or more"),
        ({"idle": NAN}, ValueError, "argument idle is nan; expected seconds, 0 or more"),
        ({"apply": "no"}, TypeError, "argument apply is 'no'; expected True or False"),
        ({"drop_questions": 1}, TypeError, "argument drop_questions is 1; expected True or Fals"),
        ({"profile": "nope"}, ValueError, "no profile is called 'nope'; choose one of: contract"),
        ({"profile": 5}, TypeError, "profile is an object of type int; expected the name of a"),
    ],
)
async def test_an_option_that_means_nothing_writes_nothing(options, error, told):
    made = poisoned(saver := sqlite_saver())
    before = rows(saver)
    with pytest.raises(error, match=re.escape(told)):
        mend_thread(made, CONFIG, **{"apply": True, "idle": 0, **options})
    with pytest.raises(error, match=re.escape(told)):
        await amend_thread(made, CONFIG, **{"apply": True, "idle": 0, **options})
    assert rows(saver) == before
    if not {"apply", "drop_questions"} & options.keys():
        with pytest.raises(error, match=re.escape(told)):
            diagnose_threads(saver, **options)
        with pytest.raises(error, match=re.escape(told)):
            await anext(adiagnose_threads(saver, **options))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "argument graph is an object of type NoneType; expected a compiled graph"),
        (graph(None).builder, "argument graph is an object of type StateGraph; expected a comp"),
        (graph(None), "the graph has no checkpointer, so that it stores no threads"),
        (graph(saver=False), "the graph has no checkpointer, so that it stores no threads"),
        (graph(saver=True), "the graph is a part of another one (checkpointer=True)"),
    ],
    ids=["nothing", "not compiled", "no checkpointer", "none wanted", "a subgraph"],
)
def test_a_graph_that_stores_no_threads(given, told):
    with pytest.raises(TypeError, match=re.escape(told)):
        mend_thread(given, CONFIG)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "is an object of type NoneType; expected a checkpointer"),
        (SECRET, "is an object of type str; expected a checkpointer; `toolpair-observe threads`"),
        (InMemorySaver, "is the class InMemorySaver, not an instance of it; expected a checkp"),
        (
            graph(InMemorySaver()),
            "is an object of type CompiledStateGraph; expected a checkpointer: give the gra",
        ),
    ],
    ids=["nothing", "a URL", "a class", "a graph"],
)
async def test_what_is_no_checkpointer(given, told):
    with pytest.raises(TypeError, match=re.escape(f"argument checkpointer {told}")) as raised:
        diagnose_threads(given)
    assert SECRET not in str(raised.value)
    with pytest.raises(TypeError, match=re.escape(f"argument checkpointer {told}")):
        await anext(adiagnose_threads(given))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"thread_ids": "t"}, "argument thread_ids is 't'; expected a collection of ids"),
        ({"thread_ids": 5}, "argument thread_ids is 5; expected a collection of ids"),
        ({"thread_ids": ["t", 5]}, "argument thread_ids holds 5; expected ids, which are str"),
        ({"channel": 5}, "argument channel is 5; expected the name of a channel"),
    ],
)
async def test_threads_and_channels_that_are_none(options, told):
    saver = sqlite_saver()
    with pytest.raises(TypeError, match=re.escape(told)):
        list(diagnose_threads(saver, **options))
    with pytest.raises(TypeError, match=re.escape(told)):
        await anext(adiagnose_threads(InMemorySaver(), **options))


def test_a_row_that_the_graph_itself_can_not_read_is_left_alone():
    made = poisoned(saver := InMemorySaver())
    checkpoint = saver.get_tuple(CONFIG).checkpoint
    where = {"configurable": {"thread_id": "odd", "checkpoint_ns": ""}}
    metadata = {"source": "loop", "step": 1, "parents": {}, "big": "x" * 3_000_000}
    saver.put(where, {**checkpoint, "id": "no uuid"}, metadata, checkpoint["channel_versions"])

    (found,) = diagnose_threads(saver, thread_ids=["odd"], idle=0)
    assert found.verdict.value == "poisoned"
    plan = mend_thread(made, where, idle=0)
    assert plan.refused.startswith("the graph itself can't read this thread")
    assert not plan.can_be_applied
