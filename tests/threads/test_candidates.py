"""In whose name a mend is written: what runs next pairs, and trials tell nobody."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict
from unittest.mock import Mock

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Send

from tests.threads.broken import (
    CONFIG,
    SECRET,
    BackendError,
    called,
    fails,
    messages,
    poisoned,
    rows,
    say,
    sqlite_saver,
    stalled,
    verdict,
)
from toolpair_observe import amend_thread
from toolpair_observe.threads.mend import mend_thread

if TYPE_CHECKING:
    from collections.abc import Callable


class RefusedError(Exception):
    """What a provider says to calls without results."""


def answer(state: Any) -> dict[str, Any]:
    """Call both tools, and be done after their results."""
    said = state["messages"]
    open_calls = {c["id"] for m in said if isinstance(m, AIMessage) for c in m.tool_calls}
    answered = [m.tool_call_id for m in said if isinstance(m, ToolMessage)]
    if sorted(answered) != sorted(open_calls):
        raise RefusedError
    is_done = isinstance(said[-1], ToolMessage) or said[-1].content == "bye"
    calls = [] if is_done else called("good", "bad")
    return {"messages": [AIMessage("" if calls else "done", tool_calls=calls)]}


def results(*names: str) -> Callable[[Any], dict[str, Any]]:
    made = [ToolMessage(name, tool_call_id=f"call_{name}") for name in names]
    return lambda _: {"messages": made}


def once(work: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A node that fails the first time."""
    tried: list[Any] = []

    def node(state: Any) -> Any:
        tried.append(state)
        if len(tried) == 1:
            fails()
        return work(state)

    return node


def a_node_after_which_nothing_runs() -> StateGraph:
    made = StateGraph(MessagesState).add_node("model", answer)
    made.add_node("work", once(results("good", "bad")))
    made.add_edge(START, "model")
    made.add_conditional_edges("model", lambda s: "work" if s["messages"][-1].tool_calls else END)
    return made


def a_barrier_that_is_half_filled() -> StateGraph:
    made = StateGraph(MessagesState).add_node("model", answer).add_node("done", answer)
    made.add_node("first", results("good")).add_node("between", lambda _: {})
    made.add_node("second", once(results("bad")))
    made.add_edge(START, "model").add_edge("between", "second").add_edge(
        ["first", "second"], "done"
    )
    targets = ["first", "between"]
    made.add_conditional_edges(
        "model",
        lambda s: targets if s["messages"][-1].tool_calls else END,
        [*targets, END],
    )
    return made


class Parts(TypedDict):
    """A state of parts of some work."""

    messages: Annotated[list[AnyMessage], add_messages]
    parts: Annotated[list[int], operator.add]


def packets_whose_results_are_gathered() -> StateGraph:
    fail = once(lambda _: {"parts": [1]})

    def work(given: Any) -> Any:
        return fail(given) if given["part"] == 1 else {"parts": [given["part"]]}

    def gather(state: Any) -> Any:
        return {
            "messages": [
                ToolMessage("gathered", tool_call_id=call["id"])
                for call in getattr(state["messages"][-1], "tool_calls", called("good", "bad"))
            ]
        }

    made = StateGraph(Parts).add_node("model", answer).add_node("work", work)
    made.add_node("gather", gather).add_edge(START, "model").add_edge("work", "gather")
    made.add_edge("gather", "model")
    made.add_conditional_edges(
        "model",
        lambda s: (
            [Send("work", {"part": n}) for n in range(3)] if s["messages"][-1].tool_calls else END
        ),
        ["work", END],
    )
    return made


@pytest.mark.parametrize(
    "builder",
    [
        a_node_after_which_nothing_runs,
        a_barrier_that_is_half_filled,
        packets_whose_results_are_gathered,
    ],
)
@pytest.mark.parametrize("goes_on", ["with a message", "with a resume"])
def test_nothing_answers_again_what_a_mend_has_answered(builder, goes_on):
    made = builder().compile(checkpointer=(saver := InMemorySaver()))
    say(made)
    assert verdict(saver) == "stalled"

    mend_thread(made, CONFIG, idle=0, apply=True)
    given = {"messages": [HumanMessage("bye")]} if goes_on == "with a message" else None
    made.invoke(given, CONFIG)

    answered = [call_id for _, _, call_id in messages(made) if call_id]
    assert sorted(answered) == ["call_bad", "call_good"]


def test_edges_that_raise_in_each_name_leave_the_thread_alone():
    raises: list[bool] = []

    def edge() -> None:
        if raises:
            raise BackendError(SECRET)

    # Without the name of a node, and in the name of the tools, no edge of the model is asked.
    made = poisoned(saver := sqlite_saver(), after_model=edge)
    raises.append(True)
    before = rows(saver)

    plan = mend_thread(made, CONFIG, idle=0)
    assert SECRET not in f"{plan}{plan!r}{plan.to_dict()}"
    assert rows(saver) == before
    if plan.can_be_applied:
        plan.apply()
        assert verdict(saver) == "sound"


def shortened(old: list[Any], new: Any) -> list[Any]:
    return add_messages(old, new)[-3:] if not isinstance(new, list) or new else []


def unnamed(old: list[Any], new: Any) -> list[Any]:
    """A reducer that takes the marks from results, so that a mend can't be told from a result."""
    return [
        each.model_copy(update={"additional_kwargs": {}, "status": "success"})
        if isinstance(each, ToolMessage)
        else each
        for each in add_messages(old, new)
    ]


@pytest.mark.parametrize("reducer", [shortened, unnamed])
def test_a_list_that_is_written_past_a_reducer_is_read_back_as_it_is_wanted(reducer):
    state = TypedDict(  # noqa: UP013 - its annotations are made here
        "State", {"messages": Annotated[list[AnyMessage], reducer]}
    )
    made = poisoned(saver := sqlite_saver(), state=state)
    plan = mend_thread(made, CONFIG, idle=0)

    if plan.can_be_applied:
        plan.apply()
        assert verdict(saver) == "sound"
        assert [call_id for _, _, call_id in messages(made) if call_id] == ["call_good", "call_bad"]
    else:
        assert "leads to it" in plan.refused


class Heard(BaseCallbackHandler):
    """What callbacks are told."""

    def __init__(self) -> None:
        self.starts: list[str] = []

    def on_chain_start(self, *_: Any, name: str = "", **__: Any) -> None:
        self.starts.append(name)


@pytest.mark.parametrize("broken", [stalled, poisoned], ids=["stalled", "poisoned"])
async def test_a_trial_tells_no_callback_of_the_graph_of_the_config_or_of_a_run_around_it(broken):
    made = broken(InMemorySaver())
    graphs, configs, outer = Heard(), Heard(), Heard()
    heard = made.with_config(callbacks=[graphs])
    config = {**CONFIG, "callbacks": [configs]}

    RunnableLambda(lambda _: mend_thread(heard, config, idle=0)).invoke(
        None, {"callbacks": [outer], "run_name": "around"}
    )
    await amend_thread(heard, config, idle=0)
    assert (graphs.starts, configs.starts, outer.starts) == ([], [], ["around"])

    say(heard, "bye")
    assert graphs.starts, "nothing would have been told"


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_trial_is_not_traced(asynchronous, monkeypatch):
    traced: list[str] = []
    made = poisoned(InMemorySaver())
    module = "langchain_core.tracers.langchain"
    tracer = f"{module}.LangChainTracer"
    monkeypatch.setattr(f"{module}.get_client", Mock)
    monkeypatch.setattr(f"{tracer}._persist_run_single", lambda _, run: traced.append(run.name))
    monkeypatch.setattr(f"{tracer}._update_run_single", lambda *_: None)
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGCHAIN_TRACING_V2", "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", "none")
    from langsmith.utils import get_env_var

    get_env_var.cache_clear()
    try:
        if asynchronous:
            await amend_thread(made, CONFIG, idle=0)
        else:
            mend_thread(made, CONFIG, idle=0)
        assert traced == []
        say(made, "bye")
        assert traced, "nothing would have been traced"
    finally:
        monkeypatch.undo()
        get_env_var.cache_clear()
