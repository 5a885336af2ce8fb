"""Agents with more to them: middleware, results that are commands, structured answers."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import openai
from langchain.agents import create_agent
from langchain.agents.middleware import (
    HumanInTheLoopMiddleware,
    SummarizationMiddleware,
    ToolCallLimitMiddleware,
)
from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, StructuredTool, tool
from langgraph.types import Command, interrupt
from pydantic import BaseModel

from tests.loopback.scripted_provider import DONE
from tests.threads.programs import graphs
from tests.threads.programs.graphs import (
    ASK,
    BAD,
    GOOD,
    OTHER,
    agent,
    asks,
    bad,
    bad_alone,
    calls,
    good,
    other,
)
from tests.threads.programs.record import POISONED, SOUND, STALLED, WAITING, Catalog, Run, says
from tests.threads.programs.world import World, fails
from toolpair_observe.demo.loopback.provider import Reply, ToolCall

AGENTS = Catalog()
BOTH = (calls("good", "bad"),)
HAS_REVIEWS_PER_CALL = "interrupt_mode" in inspect.signature(HumanInTheLoopMiddleware).parameters


def commands(world: World) -> StructuredTool:
    """Return a tool whose result is a command."""

    @tool
    def good(tool_call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Do good."""
        return Command(update={"messages": [ToolMessage("good: set", tool_call_id=tool_call_id)]})

    return good


@AGENTS.program(
    STALLED,
    graph=agent(commands, bad),
    script=BOTH,
    next=("tools",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def a_command_for_a_result(run: Run):
    """The finished tool wrote its result by a command."""
    with fails(ValueError):
        run.say()


@AGENTS.program(
    POISONED,
    graph=agent(commands, bad),
    script=BOTH,
    next=("model",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def a_command_for_a_result_and_a_message(run: Run):
    """The user writes on."""
    with fails(ValueError):
        run.say()
    with fails(openai.BadRequestError):
        run.say("Hello?")


def _pictures(world: World) -> Any:
    blocks = [
        {"type": "text", "text": "good: a picture"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
    ]
    return graphs.tool("good", lambda: blocks)


@AGENTS.program(
    POISONED,
    graph=agent(_pictures, bad),
    script=BOTH,
    next=("model",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def a_picture_for_a_result(run: Run):
    """The result that comes back is a list of blocks."""
    with fails(ValueError):
        run.say()
    with fails(openai.BadRequestError):
        run.say("Hello?")


def _asks_twice(world: World) -> Any:
    return graphs.tool("ask", lambda: f"{interrupt('May I?')} and {interrupt('Really?')}")


@AGENTS.program(WAITING, graph=agent(_asks_twice), script=(calls("ask"),), next=("tools",))
def a_tool_asks_again(run: Run):
    """The first of two questions of one tool has its answer."""
    run.say()
    run.resume("yes")


def _reviews_per_call(world: World) -> Any:
    return [HumanInTheLoopMiddleware(interrupt_on={"good": True}, interrupt_mode="per_call")]


if HAS_REVIEWS_PER_CALL:

    @AGENTS.program(
        WAITING,
        graph=agent(good, other, middleware=_reviews_per_call),
        script=(calls("good", "other"),),
        next=("tools",),
        answer={"type": "approve"},
    )
    def a_review_of_one_call_is_pending(run: Run):
        """The middleware asks in the tool's own task, and the other tool is finished."""
        run.say()

    @AGENTS.program(
        POISONED,
        graph=agent(good, other, middleware=_reviews_per_call),
        script=(calls("good", "other"),),
        next=("model",),
        recoverable=[OTHER],
        made_up=[GOOD],
    )
    def a_message_instead_of_the_review_of_one_call(run: Run):
        """The user writes on."""
        run.say()
        with fails(openai.BadRequestError):
            run.say("Leave that.")


def _limit(behavior: str) -> Any:
    def build(world: World) -> Any:
        return [ToolCallLimitMiddleware(run_limit=1, exit_behavior=behavior)] if world.live else []

    return build


@AGENTS.program(
    SOUND,
    graph=agent(good, other, middleware=_limit("continue")),
    script=(calls("good", "other"),),
)
def a_limit_of_calls(run: Run):
    """The middleware answers the call that is too much."""
    run.say()


class Answer(BaseModel):
    """A structured answer."""

    degrees: int


def _structured(world: World) -> Any:
    return ToolStrategy(Answer)


ANSWER = Reply(tool_calls=(ToolCall("Answer", {"degrees": 18}, id="call_answer"),))


@AGENTS.program(
    SOUND,
    graph=agent(good, response_format=_structured),
    script=(calls("good"), ANSWER),
)
def a_structured_answer(run: Run):
    """The answer is a call, which the agent answers itself."""
    run.say()


def _summary(world: World) -> Any:
    model = world.model()
    return [SummarizationMiddleware(model, trigger=("messages", 5), keep=("messages", 2))]


@AGENTS.program(
    SOUND,
    graph=agent(good, middleware=_summary),
    script=(calls("good"), DONE, DONE, calls("good", suffix="_2"), DONE),
    needs="langchain>=1.5",
)
def a_summary_of_the_history(run: Run):
    """The middleware of langchain keeps calls and results together."""
    run.say()
    run.say("Again.")


def _returns(world: World) -> Any:
    return StructuredTool.from_function(
        lambda: "good: done", name="good", description="Do good.", return_direct=True
    )


@AGENTS.program(SOUND, graph=agent(_returns), script=(calls("good"),))
def a_result_that_is_the_answer(run: Run):
    """The last message is a result."""
    run.say()


@AGENTS.program(
    STALLED,
    graph=agent(good, bad),
    script=BOTH,
    next=("tools",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def a_crash_with_durability_exit(run: Run):
    """What is stored is stored at the end, which an error is."""
    how = {"stream_mode": "updates", "durability": "exit"}
    with fails(ValueError):
        for chunk in run.graph.stream(says("Look both up."), run.config, **how):
            if "tools" in chunk:
                run.world.stored(GOOD).set()


@AGENTS.program(WAITING, graph=agent(good, asks), script=(calls("good", "ask"),), next=("tools",))
def a_question_with_durability_exit(run: Run):
    """The question ends the run."""
    run.say(durability="exit")


async def _asked(run: Run) -> None:
    async with run.opened() as graph:
        await graph.ainvoke(says("Look both up."), run.config)


@AGENTS.program(WAITING, graph=agent(good, asks), script=(calls("good", "ask"),), next=("tools",))
def a_question_in_an_asynchronous_run(run: Run):
    """An asynchronous run asks."""
    run.wait(_asked(run))


async def _left(run: Run) -> None:
    async with run.opened() as graph:
        await graph.ainvoke(says("Look both up."), run.config)
        with fails(openai.BadRequestError):
            await graph.ainvoke(says("Leave that."), run.config)


@AGENTS.program(
    POISONED,
    graph=agent(good, asks),
    script=(calls("good", "ask"),),
    next=("model",),
    recoverable=[GOOD],
    made_up=[ASK],
)
def a_message_instead_of_the_answer_in_asynchronous_runs(run: Run):
    """The user writes on."""
    run.wait(_left(run))


@AGENTS.program(SOUND, graph=agent(good), script=(calls("good"),))
def a_system_message_in_the_state(run: Run):
    """The caller's own instructions are stored, too."""
    run.graph.invoke(
        {"messages": [SystemMessage("Be brief."), HumanMessage("Look it up.")]}, run.config
    )


class Shouted(HumanMessage):
    """A message of the application's own class."""


@AGENTS.program(
    STALLED, graph=agent(bad_alone), script=(calls("bad"),), next=("tools",), made_up=[BAD]
)
def a_message_of_its_own_class(run: Run):
    """It is read as data, without its class."""
    with fails(ValueError):
        run.graph.invoke({"messages": [Shouted("LOOK IT UP")]}, run.config)


@AGENTS.program(SOUND, graph=agent(good), script=(calls("good"),))
def messages_as_dicts_that_are_read(run: Run):
    """The caller sends dicts, and `add_messages` makes messages of them."""
    run.graph.invoke({"messages": [{"role": "user", "content": "Look it up."}]}, run.config)


def _renamed(saver: Any, world: World) -> Any:
    """An agent after a deployment that has taken a tool away."""
    tools = [good(world), bad(world)] if world.live else [good(world)]
    return create_agent(world.model(), tools, checkpointer=saver)


@AGENTS.program(
    STALLED, graph=_renamed, script=BOTH, next=("tools",), recoverable=[GOOD], made_up=[BAD]
)
def a_tool_that_was_taken_away(run: Run):
    """The tool node says so to the model, once it is resumed."""
    with fails(ValueError):
        run.say()


@AGENTS.program(
    POISONED,
    graph=agent(good, bad),
    script=(*BOTH, DONE),
    next=("model",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def three_messages_after_a_crash(run: Run):
    """Each attempt adds one."""
    with fails(ValueError):
        run.say()
    for text in ("Hello?", "HELLO?", "Please."):
        with fails(openai.BadRequestError):
            run.say(text)


@AGENTS.program(
    STALLED,
    graph=agent(good, other, bad),
    script=(calls("good", "other", "bad"),),
    next=("tools",),
    recoverable=[GOOD, OTHER],
    made_up=[BAD],
)
def one_of_three_tools_raises(run: Run):
    """Two results are stored."""
    _waits_for(run, OTHER)


def _waits_for(run: Run, call: str) -> None:
    stored = run.world.stored
    seen = stored(GOOD)
    first = seen.wait

    def both(seconds: float) -> bool:
        return first(seconds) and stored(call).wait(seconds)

    seen.wait = both
    with fails(ValueError):
        run.say()
