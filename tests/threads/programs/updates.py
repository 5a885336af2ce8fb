"""Histories that are written to from outside: updates, forks, trimming, late deliveries."""

from __future__ import annotations

from functools import partial
from typing import Any

import openai
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    trim_messages,
)
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Overwrite

from tests.loopback.scripted_provider import DONE
from tests.threads.programs.graphs import (
    BAD,
    GOOD,
    OTHER,
    agent,
    bad,
    calls,
    good,
    loop,
    other,
)
from tests.threads.programs.record import POISONED, SOUND, WAITING, Catalog, Run, says
from tests.threads.programs.world import World, fails

UPDATES = Catalog()
ONE = (calls("good"),)
TWO = (calls("good", "other"),)
PAUSING = {"interrupt_before": ["tools"]}


def _messages(run: Run) -> list[Any]:
    return run.state.values["messages"]


def _result(call: str, text: str = "late: 18 degrees") -> ToolMessage:
    return ToolMessage(text, tool_call_id=call)


@UPDATES.program(POISONED, graph=loop(good, **PAUSING), script=ONE, made_up=[GOOD])
def a_message_in_the_name_of_the_model(run: Run):
    """Somebody writes a message while tools are pending, in the name of the model's node."""
    run.say()
    run.update(says("Leave that."), as_node="chatbot")


@UPDATES.program(
    POISONED, graph=loop(good, **PAUSING), script=ONE, next=("chatbot",), made_up=[GOOD]
)
def a_message_in_the_name_of_the_start(run: Run):
    """The same, as if it was a new input."""
    run.say()
    run.update(says("Leave that."), as_node=START)


@UPDATES.program(POISONED, graph=loop(good, **PAUSING), script=ONE, made_up=[GOOD])
def a_message_in_nobodys_name(run: Run):
    """The same without a node: LangGraph infers the one that ran last."""
    run.say()
    run.update(says("Leave that."))


@UPDATES.program(
    POISONED, graph=loop(good, **PAUSING), script=ONE, next=("chatbot",), made_up=[GOOD]
)
def a_message_in_the_name_of_the_tools(run: Run):
    """The same in the name of the tools, which have no result."""
    run.say()
    run.update(says("Leave that."), as_node="tools")


@UPDATES.program(POISONED, graph=agent(good, **PAUSING), script=ONE, made_up=[GOOD])
def ended_by_an_update(run: Run):
    """Somebody ends a paused turn with the update that documentation shows for it."""
    run.say()
    run.update(None, as_node=END)


@UPDATES.program(SOUND, graph=agent(good, **PAUSING), script=ONE, next=("model",))
def a_result_in_the_name_of_the_tools(run: Run):
    """The right way to answer a call from outside."""
    run.say()
    run.update({"messages": [_result(GOOD)]}, as_node="tools")


@UPDATES.program(
    POISONED,
    graph=agent(good, other, **PAUSING),
    script=TWO,
    next=("model",),
    made_up=[OTHER],
)
def one_of_two_results_in_the_name_of_the_tools(run: Run):
    """The other call stays open, and nothing is pending any more."""
    run.say()
    run.update({"messages": [_result(GOOD)]}, as_node="tools")


@UPDATES.program(
    POISONED,
    graph=agent(good, bad),
    script=(calls("good", "bad"),),
    next=("model",),
    recoverable=[GOOD],
)
def an_error_result_that_drops_the_finished_one(run: Run):
    """The obvious mend of a crash, which many write: the sibling's real result is lost."""
    with fails(ValueError):
        run.say()
    run.update({"messages": [_result(BAD, "failed")]}, as_node="tools")


@UPDATES.program(POISONED, graph=agent(good, **PAUSING), script=ONE, next=("model",))
def a_late_delivery(run: Run):
    """A job's result arrives after the user has written on: it stands in the wrong place."""
    run.say()
    with fails(openai.BadRequestError):
        run.say("And?")
    run.update({"messages": [_result(GOOD)]}, as_node="tools")


@UPDATES.program(POISONED, graph=agent(good, **PAUSING), script=ONE, next=("model",))
def a_second_delivery(run: Run):
    """A webhook is delivered twice."""
    run.say()
    run.update({"messages": [_result(GOOD)]}, as_node="tools")
    run.update({"messages": [_result(GOOD)]}, as_node="tools")


@UPDATES.program(POISONED, graph=agent(good), script=ONE, next=("model",), mends=None)
def a_delivery_after_the_answer(run: Run):
    """The same call is answered again, at the end of a finished turn."""
    run.say()
    run.update({"messages": [_result(GOOD)]}, as_node="tools")


@UPDATES.program(POISONED, graph=agent(good), script=ONE, next=("model",), mends=False)
def a_delivery_for_nobody(run: Run):
    """A result whose call was never made in this thread."""
    run.say()
    run.update({"messages": [_result("call_of_another_thread")]}, as_node="tools")


@UPDATES.program(POISONED, graph=agent(good), script=ONE, recoverable=[GOOD])
def a_removed_result(run: Run):
    """Somebody tidies up: tool results are long, so they go."""
    run.say()
    removed = [RemoveMessage(id=each.id) for each in _messages(run) if each.type == "tool"]
    run.update({"messages": removed}, as_node="model")


@UPDATES.program(POISONED, graph=agent(good), script=ONE, restored=[GOOD])
def a_removed_call(run: Run):
    """Somebody removes the message that calls, and its result stays."""
    run.say()
    removed = [
        RemoveMessage(id=each.id) for each in _messages(run) if getattr(each, "tool_calls", None)
    ]
    run.update({"messages": removed}, as_node="model")


@UPDATES.program(POISONED, graph=agent(good), script=ONE, restored=[GOOD])
def the_last_messages_only(run: Run):
    """A job keeps the last two messages of each thread."""
    run.say()
    kept = _messages(run)[-2:]
    run.update({"messages": [RemoveMessage(id=REMOVE_ALL_MESSAGES), *kept]}, as_node="model")


@UPDATES.program(SOUND, graph=agent(good), script=ONE, channel=None, needs="langchain>=1.5")
def a_cleared_thread(run: Run):
    """Somebody clears the chat."""
    run.say()
    run.update({"messages": [RemoveMessage(id=REMOVE_ALL_MESSAGES)]}, as_node="model")


@UPDATES.program(SOUND, graph=agent(good), script=ONE, needs="langchain>=1.5")
def an_overwritten_history(run: Run):
    """Somebody writes a summary over it."""
    run.say()
    run.update(
        {"messages": Overwrite([SystemMessage("They asked for the weather.")])}, as_node="model"
    )


def _trim(last: int) -> Any:
    """Return a node that keeps the last messages only, wherever that cuts."""

    def trim(state: Any) -> Any:
        kept = trim_messages(state["messages"], max_tokens=last, token_counter=len, strategy="last")
        removed = [each for each in state["messages"] if each not in kept]
        return {"messages": [RemoveMessage(id=each.id) for each in removed]}

    return trim


def _trimming(saver: Any, world: World, *, first: bool) -> Any:
    tools = [good(world)]
    model = world.model().bind_tools(tools)
    builder = StateGraph(MessagesState)
    builder.add_node("trim", _trim(3 if first else 2))
    builder.add_node("chatbot", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_node("tools", ToolNode(tools))
    builder.add_edge(START, "trim" if first else "chatbot")
    builder.add_edge("trim", "chatbot" if first else END)
    end = END if first else "trim"
    builder.add_conditional_edges("chatbot", tools_condition, {"tools": "tools", END: end})
    builder.add_edge("tools", "chatbot")
    return builder.compile(checkpointer=saver)


@UPDATES.program(POISONED, graph=partial(_trimming, first=False), script=ONE, restored=[GOOD])
def trimmed_after_the_turn(run: Run):
    """A last node keeps the stored history short, and cuts between call and result."""
    run.say()


@UPDATES.program(
    POISONED,
    graph=partial(_trimming, first=True),
    script=ONE,
    next=("chatbot",),
    restored=[GOOD],
    new_works=True,
    trims_itself=True,
)
def trimmed_before_each_turn(run: Run):
    """A first node does it. It cuts elsewhere next time, which no row tells."""
    run.say()
    with fails(openai.BadRequestError):
        run.say("And?")


@UPDATES.program(
    POISONED, graph=agent(good), script=(*ONE, DONE), next=("model",), recoverable=[GOOD]
)
def a_message_at_a_fork(run: Run):
    """Somebody edits and sends again from the step before the tools."""
    run.say()
    before_tools = next(
        each for each in run.graph.get_state_history(run.config) if each.next == ("tools",)
    )
    with fails(openai.BadRequestError):
        run.graph.invoke(says("No, the other way."), before_tools.config)


@UPDATES.program(SOUND, graph=agent(good), script=(*ONE, DONE))
def a_message_at_a_sound_fork(run: Run):
    """Somebody edits the first message and sends it again."""
    run.say()
    first = next(
        each for each in run.graph.get_state_history(run.config) if each.next == ("__start__",)
    )
    run.graph.invoke(says("The other one."), first.config)


@UPDATES.program(SOUND, graph=agent(good), script=(*ONE, DONE))
def went_back_and_went_on(run: Run):
    """Time travel: the step before the tools is run again."""
    run.say()
    before_tools = next(
        each for each in run.graph.get_state_history(run.config) if each.next == ("tools",)
    )
    run.graph.invoke(None, before_tools.config)


@UPDATES.program(POISONED, graph=agent(good), script=ONE, made_up=["call_changed"], restored=[GOOD])
def a_replaced_call(run: Run):
    """Somebody edits the stored call, and gives it another id than its result has."""
    run.say()
    call = next(each for each in _messages(run) if each.type == "ai")
    changed = [{**call.tool_calls[0], "id": "call_changed"}]
    run.update(
        {"messages": [AIMessage("", id=call.id, tool_calls=changed)]},
        as_node="model",
    )


@UPDATES.program(WAITING, graph=agent(good), next=("tools",))
def a_call_in_the_name_of_the_model(run: Run):
    """An application writes the first call itself, and means to resume."""
    call = AIMessage("", tool_calls=[{"name": "good", "args": {}, "id": GOOD}])
    run.graph.update_state(run.config, says("Look it up."), as_node=START)
    run.update({"messages": [call]}, as_node="model")


@UPDATES.program(SOUND, graph=agent(good))
def an_imported_history(run: Run):
    """A history from elsewhere is written in one go, whole."""
    call = AIMessage("", tool_calls=[{"name": "good", "args": {}, "id": GOOD}])
    history = [HumanMessage("Look it up."), call, _result(GOOD), AIMessage("18 degrees.")]
    run.update({"messages": history}, as_node="model")


@UPDATES.program(POISONED, graph=agent(good), made_up=[GOOD])
def an_imported_history_with_a_gap(run: Run):
    """The export had left out the results."""
    call = AIMessage("", tool_calls=[{"name": "good", "args": {}, "id": GOOD}])
    history = [HumanMessage("Look it up."), call, AIMessage("18 degrees.")]
    run.update({"messages": history}, as_node="model")


@UPDATES.program(POISONED, graph=agent(good), made_up=[GOOD], next=("model",))
def sent_with_the_message(run: Run):
    """A stateless client sends the whole history to an agent that stores it, with a gap."""
    call = AIMessage("", tool_calls=[{"name": "good", "args": {}, "id": GOOD}])
    with fails(openai.BadRequestError):
        run.graph.invoke(
            {"messages": [HumanMessage("Look it up."), call, HumanMessage("And?")]}, run.config
        )
