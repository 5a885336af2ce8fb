"""Tools that raise, beside others that worked."""

from __future__ import annotations

from tests.threads.programs.graphs import (
    BAD,
    GOOD,
    agent,
    bad,
    bad_alone,
    calls,
    good,
    loop,
    other,
    prebuilt,
)
from tests.threads.programs.record import POISONED, SOUND, STALLED, Catalog, Run
from tests.threads.programs.world import fails

CRASHES = Catalog()
BOTH = (calls("good", "bad"),)


@CRASHES.program(
    STALLED,
    graph=agent(good, bad),
    script=BOTH,
    next=("tools",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def one_of_two_tools_raises(run: Run):
    """The default of langchain's agent: a tool's error ends the run."""
    with fails(ValueError):
        run.say()


@CRASHES.program(
    POISONED,
    graph=agent(good, bad),
    script=BOTH,
    next=("model",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def one_of_two_tools_raises_then_a_message(run: Run):
    """The user writes again, and the provider refuses it."""
    import openai

    with fails(ValueError):
        run.say()
    with fails(openai.BadRequestError):
        run.say("Hello?")


@CRASHES.program(
    STALLED,
    graph=loop(good, bad_alone),
    script=BOTH,
    next=("tools",),
    made_up=[GOOD, BAD],
)
def one_task_of_two_tools_raises(run: Run):
    """All tools are one task, so nothing of the one that worked is stored."""
    with fails(ValueError):
        run.say()


@CRASHES.program(
    STALLED,
    graph=prebuilt(good, bad),
    script=BOTH,
    next=("tools",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def one_of_two_tools_of_the_prebuilt_agent_raises(run: Run):
    """The same with langgraph's own agent."""
    with fails(ValueError):
        run.say()


@CRASHES.program(SOUND, graph=agent(good, other), script=(calls("good", "other"),))
def two_tools_work(run: Run):
    """Nothing happens."""
    run.say()


@CRASHES.program(SOUND, graph=loop(good, other), script=(calls("good", "other"),))
def two_tools_of_a_loop_work(run: Run):
    """Nothing happens."""
    run.say()


@CRASHES.program(SOUND, graph=prebuilt(good, other), script=(calls("good", "other"),))
def two_tools_of_the_prebuilt_agent_work(run: Run):
    """Nothing happens."""
    run.say()
