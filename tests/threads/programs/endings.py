"""Runs that are cancelled, closed, or refused by the provider for other reasons than pairs."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import openai
from langchain_core.tools import StructuredTool

from tests.threads.programs.graphs import (
    BAD,
    GOOD,
    agent,
    bad_alone,
    calls,
    good,
    loop,
    prebuilt,
    tool,
)
from tests.threads.programs.record import POISONED, SOUND, STALLED, WAITING, Catalog, Run, says
from tests.threads.programs.world import World, fails
from toolpair_observe.demo.loopback.judge import WireError

ENDINGS = Catalog()
BOTH = (calls("good", "bad"),)
TOO_LONG = WireError("This model's maximum context length is 8 tokens.", "messages")


def hangs(world: World) -> StructuredTool:
    """Return a tool that never ends in an asynchronous graph, until it is cancelled."""

    async def awork() -> str:
        if world.live:
            world.stored("the hanging tool").set()
            await asyncio.Event().wait()
        return "bad: rain"

    return StructuredTool.from_function(
        lambda: "bad: rain", awork, name="bad", description="Do bad."
    )


async def _cancelled(run: Run, *awaited: str) -> None:
    async with run.opened() as graph:
        asked = asyncio.create_task(graph.ainvoke(says("Look both up."), run.config))
        for each in (*awaited, "the hanging tool"):
            await asyncio.to_thread(run.world.await_stored, each)
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asked


@ENDINGS.program(
    STALLED,
    graph=agent(good, hangs),
    script=BOTH,
    next=("tools",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def cancelled_beside_a_finished_tool(run: Run):
    """The user closes the window: the web server cancels the task."""
    run.wait(_cancelled(run, GOOD))


@ENDINGS.program(
    STALLED,
    graph=agent(hangs),
    script=(calls("bad"),),
    next=("tools",),
    made_up=[BAD],
    also=(WAITING,),
)
def cancelled_in_the_only_tool(run: Run):
    """Nothing is finished."""
    run.wait(_cancelled(run))


@ENDINGS.program(
    STALLED,
    graph=loop(good, hangs),
    script=BOTH,
    next=("tools",),
    made_up=[GOOD, BAD],
    also=(WAITING,),
)
def cancelled_in_the_one_node_of_all_tools(run: Run):
    """The result of the finished tool is stored nowhere."""
    run.wait(_cancelled(run))


@ENDINGS.program(
    POISONED,
    graph=agent(good, hangs),
    script=BOTH,
    next=("model",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def cancelled_and_then_a_message(run: Run):
    """The user comes back."""
    run.wait(_cancelled(run, GOOD))
    with fails(openai.BadRequestError):
        run.say("Are you there?")


@ENDINGS.program(WAITING, graph=agent(good), script=(calls("good"),), next=("tools",))
def a_closed_stream(run: Run):
    """The consumer leaves the loop as soon as the model has spoken."""
    for chunk in run.graph.stream(says("Look it up."), run.config, durability="sync"):
        if "model" in chunk:
            break


async def _closed(run: Run) -> None:
    async with run.opened() as graph:
        stream = graph.astream(says("Look it up."), run.config, durability="sync")
        async for chunk in stream:
            if "model" in chunk:
                break
        await stream.aclose()


@ENDINGS.program(WAITING, graph=agent(good), script=(calls("good"),), next=("tools",))
def a_closed_asynchronous_stream(run: Run):
    """The same with an asynchronous stream."""
    run.wait(_closed(run))


@ENDINGS.program(
    POISONED, graph=agent(good), script=(calls("good"),), next=("model",), made_up=[GOOD]
)
def a_message_after_a_closed_stream(run: Run):
    """The user writes again."""
    a_closed_stream(run)
    with fails(openai.BadRequestError):
        run.say("And?")


@ENDINGS.program(SOUND, graph=agent(good), script=(calls("good"), TOO_LONG), next=("model",))
def the_answer_is_refused(run: Run):
    """The provider refuses the request for a reason that has nothing to do with pairs."""
    with fails(openai.BadRequestError):
        run.say()


@ENDINGS.program(SOUND, graph=agent(good), script=(TOO_LONG,), next=("model",))
def the_first_request_is_refused(run: Run):
    """There is nothing but a question."""
    with fails(openai.BadRequestError):
        run.say()


def _unreachable(saver: Any, world: World) -> Any:
    if not world.live:
        return agent(good)(saver, world)
    from langchain.agents import create_agent

    model = world.model(base_url="http://127.0.0.1:1/v1")
    return create_agent(model, [good(world)], checkpointer=saver)


@ENDINGS.program(SOUND, graph=_unreachable, next=("model",))
def the_provider_is_away(run: Run):
    """The connection is refused."""
    with fails(openai.APIConnectionError):
        run.say()


def _raises_after_tools(world: World) -> Any:
    from langchain.agents.middleware import before_model

    @before_model
    def check(state: Any, runtime: Any) -> None:
        if world.live and state["messages"][-1].type == "tool":
            msg = "the audit log is full"
            raise OSError(msg)

    return [check]


@ENDINGS.program(
    SOUND,
    graph=agent(good, middleware=_raises_after_tools),
    script=(calls("good"),),
    next=("check.before_model",),
)
def middleware_raises_before_the_answer(run: Run):
    """Every call has its result."""
    with fails(OSError):
        run.say()


def _raises_before_tools(world: World) -> Any:
    from langchain.agents.middleware import after_model

    @after_model
    def check(state: Any, runtime: Any) -> None:
        if world.live:
            msg = "the audit log is full"
            raise OSError(msg)

    return [check]


@ENDINGS.program(
    STALLED,
    graph=agent(good, middleware=_raises_before_tools),
    script=(calls("good"),),
    next=("check.after_model",),
    made_up=[GOOD],
)
def middleware_raises_after_the_calls(run: Run):
    """The calls are stored, and no tool was reached: the pending node is a hook's."""
    with fails(OSError):
        run.say()


@ENDINGS.program(
    STALLED, graph=agent(bad_alone), script=(calls("bad"),), next=("tools",), made_up=[BAD]
)
def the_only_tool_raises(run: Run):
    """No result is stored."""
    with fails(ValueError):
        run.say()


@ENDINGS.program(
    STALLED, graph=prebuilt(bad_alone), script=(calls("bad"),), next=("tools",), made_up=[BAD]
)
def the_only_tool_of_the_prebuilt_agent_raises(run: Run):
    """No result is stored."""
    with fails(ValueError):
        run.say()


@ENDINGS.program(SOUND, graph=agent(bad_alone), script=(calls("bad"),))
def a_tool_raised_and_a_resume_went_on(run: Run):
    """Whoever retries is out of the woods."""
    with fails(ValueError):
        run.say()
    run.world.live = False
    run.resume()


@ENDINGS.program(
    STALLED, graph=agent(bad_alone), script=(calls("bad"),), next=("tools",), made_up=[BAD]
)
def a_tool_raised_and_a_resume_too(run: Run):
    """The backend is still away."""
    with fails(ValueError):
        run.say()
    with fails(ValueError):
        run.resume()


@ENDINGS.program(SOUND, graph=agent(lambda world: tool("good", lambda: "")), script=BOTH[:0])
def no_calls_at_all(run: Run):
    """A chat."""
    run.say("Hello.")


@ENDINGS.program(SOUND, graph=agent(good), script=(calls("missing"),))
def a_tool_that_does_not_exist(run: Run):
    """The tool node answers such calls itself."""
    run.say()


def _raises_beside_a_hanging_one(world: World) -> StructuredTool:
    async def awork() -> str:
        if world.live:
            await asyncio.to_thread(world.await_stored, "the hanging tool")
            msg = "the backend is away"
            raise ValueError(msg)
        return "other: rain"

    return StructuredTool.from_function(
        lambda: "other: rain", awork, name="other", description="Do other."
    )


async def _failed(run: Run) -> None:
    async with run.opened() as graph:
        with fails(ValueError):
            await graph.ainvoke(says("Look both up."), run.config)


@ENDINGS.program(
    STALLED,
    graph=agent(_raises_beside_a_hanging_one, hangs),
    script=(calls("other", "bad"),),
    next=("tools", "tools"),
    made_up=["call_other", BAD],
)
def a_tool_raises_and_the_other_one_is_cancelled(run: Run):
    """In an asynchronous run, an error ends the tools that are still at work."""
    run.wait(_failed(run))


def _waits_for_the_error(world: World) -> StructuredTool:
    def work() -> str:
        if world.live:
            world.await_stored("__error__")
        return "good: 18 degrees"

    return tool("good", work)


@ENDINGS.program(
    STALLED,
    graph=agent(_waits_for_the_error, bad_alone),
    script=BOTH,
    next=("tools",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def a_tool_raises_and_the_other_one_works_on(run: Run):
    """In a synchronous run, the others work on, and their results are stored after the error."""
    with fails(ValueError):
        run.say()
