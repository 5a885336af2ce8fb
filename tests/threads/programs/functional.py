"""Agents of the functional API, whose history is what the last turn has returned."""

from __future__ import annotations

from typing import Any

import openai
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.func import entrypoint, task
from langgraph.types import interrupt

from tests.loopback.scripted_provider import DONE
from tests.threads.programs.graphs import GOOD, bad_alone, calls, good
from tests.threads.programs.record import POISONED, SOUND, WAITING, Catalog, Run
from tests.threads.programs.world import World, die, fails

FUNCTIONAL = Catalog()
ONE = (calls("good"),)
START = "chat"
PREVIOUS = "__previous__"


def _all(messages: list[Any]) -> list[Any]:
    return messages


def _last_two(messages: list[Any]) -> list[Any]:
    return messages[-2:]


def _functional(
    *,
    keeps: Any = _all,
    asks: bool = False,
    dies: bool = False,
    tools: Any = (),
) -> Any:
    """Return what makes an agent of the functional API.

    Args:
        keeps: What of the history is kept for the next turn.
        asks: Whether it asks before each call.
        dies: Whether the process is killed after the first result.
        tools: Its tools.
    """

    def build(saver: Any, world: World) -> Any:
        made = {each.name: each for each in (each(world) for each in tools or (good,))}
        model = world.model().bind_tools(list(made.values()))

        @task
        def ask_model(messages: list[Any]) -> AIMessage:
            return model.invoke(messages)

        @task
        def call_tool(call: dict[str, Any]) -> ToolMessage:
            return made[call["name"]].invoke(call)

        @entrypoint(checkpointer=saver)
        def chat(said: list[Any], *, previous: list[Any] | None = None) -> Any:
            messages = [*(previous or []), *said]
            answer = ask_model(messages).result()
            messages.append(answer)
            while answer.tool_calls:
                if asks and interrupt("May I?") == "no":
                    return entrypoint.final(value=answer, save=messages)
                messages += [call_tool(each).result() for each in answer.tool_calls]
                if dies and world.live:
                    world.await_stored(GOOD)
                    die()
                answer = ask_model(messages).result()
                messages.append(answer)
            return entrypoint.final(value=answer, save=keeps(messages))

        return chat

    return build


def _say(graph: Any, config: Any) -> Any:
    return graph.invoke([HumanMessage("Look it up.")], config)


PLAIN = {"channel": PREVIOUS, "new": _say}
FIRST = {"channel": None, "new": _say, "names_next": False}


@FUNCTIONAL.program(SOUND, graph=_functional(), script=ONE, **PLAIN)
def a_function(run: Run):
    """Nothing happens."""
    _say(run.graph, run.config)


@FUNCTIONAL.program(POISONED, graph=_functional(keeps=_last_two), script=ONE, mends=None, **PLAIN)
def a_function_that_keeps_the_last_two(run: Run):
    """It keeps a result and the answer, and cuts their call off."""
    _say(run.graph, run.config)


@FUNCTIONAL.program(
    POISONED,
    graph=_functional(asks=True),
    script=ONE,
    made_up=[GOOD],
    **PLAIN,
)
def a_function_that_keeps_an_open_call(run: Run):
    """Somebody said no, and nobody answers the call."""
    _say(run.graph, run.config)
    run.resume("no")


@FUNCTIONAL.program(
    WAITING,
    graph=_functional(asks=True),
    script=ONE,
    next=("chat",),
    **FIRST,
    new_works=True,
)
def a_function_asks(run: Run):
    """The first turn is not over, so nothing is kept of it yet."""
    _say(run.graph, run.config)


@FUNCTIONAL.program(
    WAITING,
    graph=_functional(asks=True),
    script=(DONE, *ONE),
    next=("chat",),
    new_works=True,
    names_next=False,
    **PLAIN,
)
def a_function_asks_in_the_second_turn(run: Run):
    """The first turn's history is whole."""
    _say(run.graph, run.config)
    _say(run.graph, run.config)


@FUNCTIONAL.program(
    SOUND,
    graph=_functional(tools=[bad_alone]),
    script=(calls("bad"),),
    next=("chat",),
    **FIRST,
)
def a_function_raises(run: Run):
    """Nothing is kept of a turn that fails."""
    with fails(ValueError):
        _say(run.graph, run.config)


@FUNCTIONAL.program(
    SOUND,
    graph=_functional(dies=True),
    script=ONE,
    next=("chat",),
    kills=True,
    **FIRST,
)
def a_function_is_killed(run: Run):
    """A resume goes on behind the tasks that are stored."""
    run.graph.invoke([HumanMessage("Look it up.")], run.config, durability="sync")


@FUNCTIONAL.program(
    POISONED,
    graph=_functional(keeps=_last_two),
    script=ONE,
    next=("chat",),
    mends=None,
    **PLAIN,
)
def a_function_that_keeps_the_last_two_and_a_message(run: Run):
    """The second turn has failed already."""
    _say(run.graph, run.config)
    with fails(openai.BadRequestError):
        _say(run.graph, run.config)
