"""A near miss says whether the stored thread is broken, and not the request alone."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import wrap_model_call
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph, add_messages
from typing_extensions import TypedDict

from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import InvalidToolResultsError, guard
from toolpair_observe.attach import judge
from toolpair_observe.hashed import hashed
from toolpair_observe.logs import LOGGER_NAME
from toolpair_observe.middleware import ToolPairMiddleware
from toolpair_observe.pairing.check import check

PICTURE = HumanMessage(
    [{"type": "image", "source_type": "base64", "data": "aGk=", "mime_type": "image/png"}]
)
THREAD: Any = {"configurable": {"thread_id": "7"}}
POISONED = [*BROKEN, HumanMessage("And now?")]
OPEN = BROKEN[:2]


@pytest.fixture
def told(make_handler):
    """Return what the hook of a handler was told while a graph ran with it."""

    def told(graph, messages, thread_id="7", **config: Any):
        observed: list[Any] = []
        handler = make_handler(on_near_miss=observed.append, **config.pop("options", {}))
        config = {"callbacks": [handler], "configurable": {"thread_id": thread_id}, **config}
        graph.invoke({"messages": messages}, config)
        assert handler.flush()
        assert not handler.internal_errors
        return [each.poisoned_thread_id for each in observed]

    return told


def agent(*middleware: Any, **options: Any) -> Any:
    options.setdefault("checkpointer", InMemorySaver())
    return create_agent(CountingModel(), [], middleware=middleware, **options)


def graph_of(node: Any, checkpointer: Any = None, state: Any = MessagesState) -> Any:
    graph = StateGraph(state)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    return graph.compile(checkpointer=checkpointer)


def asks(messages_of: Any = lambda state: state["messages"], key: str = "messages") -> Any:
    """Return a node that gives a model what it makes of the state."""
    return lambda state: {key: CountingModel().invoke(messages_of(state))}


@wrap_model_call
def drops_results(request, handler):
    sent = [each for each in request.messages if each.type != "tool"]
    return handler(request.override(messages=sent))


@pytest.mark.parametrize("prompt", [None, "You are kind."])
def test_a_thread_that_is_stored_broken_is_named(told, prompt):
    assert told(agent(system_prompt=prompt), POISONED) == ["7"]


def test_every_later_turn_of_it_names_it_again(told):
    graph = agent()
    assert told(graph, POISONED) == ["7"]
    assert told(graph, [HumanMessage("Well?")]) == ["7"]
    assert told(graph, [HumanMessage("Well?")], thread_id="8") == []


def test_an_asynchronous_graph_names_it(make_handler):
    observed: list[Any] = []
    handler = make_handler(on_near_miss=observed.append)
    asyncio.run(agent().ainvoke({"messages": POISONED}, {"callbacks": [handler], **THREAD}))
    assert handler.flush()
    assert [each.poisoned_thread_id for each in observed] == ["7"]


def test_a_message_that_is_copied_on_its_way_hides_nothing(told):
    assert told(agent(), [PICTURE, *POISONED]) == ["7"]


def test_what_nothing_stores_is_not_called_stored(told):
    assert told(agent(checkpointer=None), POISONED) == [None]


def test_what_a_middleware_breaks_on_the_way_is_not_called_stored(told):
    assert told(agent(drops_results), SOUND) == [None]


def test_a_request_that_is_broken_otherwise_than_its_thread_names_it(told):
    assert told(agent(drops_results), POISONED) == ["7"]


def test_a_breach_of_what_precedes_the_thread_in_the_request_is_not_its_own(told):
    node = asks(lambda state: [*BROKEN, SystemMessage("Now the thread:"), *state["messages"]])
    assert told(graph_of(node, InMemorySaver()), SOUND) == [None]


def test_calls_that_still_wait_for_their_tools_do_not_poison_a_thread(told):
    """As where a sub-agent is asked while the tools run, with the whole history."""
    assert told(graph_of(asks(), InMemorySaver()), OPEN) == [None]
    assert told(graph_of(asks(), InMemorySaver()), BROKEN) == [None]
    assert told(graph_of(asks(), InMemorySaver()), [*POISONED, *SOUND[1:2]]) == ["7"]


def test_one_call_of_a_subgraph_is_not_the_thread(told):
    assert told(graph_of(agent(checkpointer=None), InMemorySaver()), POISONED) == [None]


def test_a_subgraph_with_a_history_of_its_own_is(told):
    assert told(graph_of(agent(checkpointer=True), InMemorySaver()), POISONED) == ["7"]


class Otherwise(TypedDict):
    """A state without a channel `messages`."""

    history: Annotated[list[AnyMessage], add_messages]


def test_another_channel_is_not_guessed_at(told):
    graph = graph_of(asks(lambda _: POISONED, "history"), InMemorySaver(), Otherwise)
    assert told(graph, []) == [None]


def test_a_state_of_plain_dicts_is_left_alone(told):
    graph = graph_of(asks(), InMemorySaver(), TypedDict("Plain", {"messages": list}))
    assert told(graph, [{"role": "user", "content": "hi"}, *POISONED]) == [None]


def test_a_thread_that_only_the_metadata_names_is_not_called_stored(make_handler):
    observed: list[Any] = []
    handler = make_handler(on_near_miss=observed.append)
    metadata = {"thread_id": "7", "langgraph_node": "model", "langgraph_checkpoint_ns": "model:1"}
    CountingModel().invoke(POISONED, {"callbacks": [handler], "metadata": metadata})
    assert handler.flush()
    assert [(each.conversation_id, each.poisoned_thread_id) for each in observed] == [("7", None)]


def test_the_id_is_the_checkpointers_and_not_that_of_the_metadata(told):
    """Whoever groups traces by another id must not be sent to a thread that is not there."""
    assert told(agent(), POISONED, metadata={"thread_id": "trace-1"}) == ["7"]


def test_a_hashed_id_is_hashed_here_too(told):
    assert told(agent(), POISONED, options={"hash_ids": True}) == [hashed("7")]


@pytest.mark.parametrize("way", ["guard", "middleware"])
def test_a_request_that_is_stopped_names_it(make_handler, caplog, way):
    caplog.set_level(logging.WARNING, logger=LOGGER_NAME)
    handler = make_handler("strict")
    if way == "guard":
        model = guard(CountingModel(), handler)
        graph = graph_of(
            lambda state: {"messages": model.invoke(state["messages"])}, InMemorySaver()
        )
    else:
        graph = agent(ToolPairMiddleware(handler))
    with pytest.raises(InvalidToolResultsError):
        graph.invoke({"messages": POISONED}, {"configurable": {"thread_id": f"stopped by {way}"}})
    (line,) = caplog.messages
    assert line.startswith("blocked request: INVALID_TOOL_RESULTS: missing_result")
    assert (
        f"; thread stopped by {way} is stored with a breach, so every later turn fails until it is "
        f"mended: toolpair-observe threads DATABASE_URL --thread 'stopped by {way}'; to do: "
    ) in line


def test_what_fails_here_loses_no_near_miss(make_handler, monkeypatch):
    def fail(*_: Any) -> str:
        raise LookupError

    monkeypatch.setattr(judge, "poisoned_thread_id", fail)
    observed: list[Any] = []
    handler = make_handler(on_near_miss=observed.append)
    agent().invoke({"messages": POISONED}, {"callbacks": [handler], **THREAD})
    assert handler.flush()
    assert [(each.is_near_miss, each.poisoned_thread_id) for each in observed] == [(True, None)]
    assert handler.internal_errors == {("LookupError", "check"): 1}


def test_the_stored_list_is_checked_once_more_only_where_the_request_is_another(
    make_handler, monkeypatch
):
    checked: list[int] = []

    def counting(messages: Any, *more: Any, **how: Any) -> Any:
        checked.append(len(messages))
        return check(messages, *more, **how)

    monkeypatch.setattr(judge, "check", counting)
    handler = make_handler()
    for graph, messages in [
        (agent(system_prompt="You are kind."), POISONED),
        (agent(drops_results), POISONED),
        (agent(), SOUND),
        (agent(checkpointer=None), POISONED),
        # It is copied for the tracers.
        (agent(), [PICTURE, *POISONED]),
    ]:
        graph.invoke({"messages": messages}, {"callbacks": [handler], **THREAD})
    assert checked == [5, 3, 4, 4, 4, 5, 5]
