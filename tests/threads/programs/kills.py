"""Processes that the kernel kills, at each point of a turn, whatever durability they run with."""

from __future__ import annotations

from typing import Any

from tests.loopback.scripted_provider import DONE
from tests.threads.programs.graphs import (
    BAD,
    GOOD,
    OTHER,
    agent,
    calls,
    good,
    killer,
    killer_alone,
    loop,
    other,
    prebuilt,
    tool,
)
from tests.threads.programs.record import SOUND, STALLED, WAITING, Catalog, Run
from tests.threads.programs.world import MODEL_ANSWERED, MODEL_SPOKE, World, die

KILLS = Catalog()
BOTH = (calls("good", "bad"),)
BOTH_WORK = (calls("good", "other"),)
ALONE = (calls("bad"),)


@KILLS.program(
    STALLED,
    graph=agent(good, killer),
    script=BOTH,
    next=("tools",),
    recoverable=[GOOD],
    made_up=[BAD],
    kills=True,
)
def killed_between_parallel_tools(run: Run):
    """One result is stored, and the process is killed in the other tool."""
    run.say(durability="sync")


def _patient_killer(world: World) -> Any:
    """Return a tool in which the process is killed, as soon as its own call is stored."""

    def work() -> str:
        if world.live:
            for each in (GOOD, "step 1"):
                world.await_stored(each)
            die()
        return "bad: rain"

    return tool("bad", work)


@KILLS.program(
    STALLED,
    graph=agent(good, _patient_killer),
    script=BOTH,
    next=("tools",),
    recoverable=[GOOD],
    made_up=[BAD],
    kills=True,
)
def killed_between_parallel_tools_async(run: Run):
    """The same with the default durability."""
    run.say(durability="async")


@KILLS.program(
    STALLED,
    graph=prebuilt(good, killer),
    script=BOTH,
    next=("tools",),
    recoverable=[GOOD],
    made_up=[BAD],
    kills=True,
)
def killed_between_parallel_tools_of_the_prebuilt_agent(run: Run):
    """The same with langgraph's own agent."""
    run.say(durability="sync")


@KILLS.program(
    STALLED,
    graph=agent(good, killer),
    script=(calls("good", suffix="_first"), calls("good", "bad")),
    next=("tools",),
    recoverable=[GOOD],
    made_up=[BAD],
    kills=True,
)
def killed_in_the_second_round(run: Run):
    """The agent had called a tool before, with success."""
    run.say(durability="sync")


@KILLS.program(
    STALLED,
    graph=agent(good, killer),
    script=(calls("good", suffix="_first"), DONE, *BOTH),
    next=("tools",),
    recoverable=[GOOD],
    made_up=[BAD],
    kills=True,
)
def killed_in_a_later_turn(run: Run):
    """There are whole turns before."""
    run.say("Look it up.")
    run.say("And now both.", durability="sync")


@KILLS.program(SOUND, graph=agent(killer_alone), script=ALONE, kills=True)
def killed_before_the_calls_are_stored(run: Run):
    """The calls are in writes of a superstep that has no end; nobody has seen them."""
    run.world.dies_before(1, MODEL_SPOKE)
    run.say(durability="sync")


@KILLS.program(WAITING, graph=agent(killer_alone), script=ALONE, next=("tools",), kills=True)
def killed_before_any_tool(run: Run):
    """The calls are stored, no result is: paused, running and killed look the same."""
    run.say(durability="sync")


@KILLS.program(WAITING, graph=loop(killer_alone), script=ALONE, next=("tools",), kills=True)
def killed_before_any_tool_of_a_loop(run: Run):
    """The same with one node for all tools."""
    run.say(durability="sync")


@KILLS.program(
    SOUND,
    graph=agent(good, killer_alone),
    script=(calls("good"), DONE, *ALONE),
    kills=True,
)
def killed_with_nothing_stored(run: Run):
    """With durability `exit` a killed turn is not there at all, so the turn before is the head."""
    run.say("Look it up.")
    run.say("And now the other one.", durability="exit")


@KILLS.program(
    STALLED,
    graph=agent(good, other),
    script=BOTH_WORK,
    recoverable=[GOOD, OTHER],
    twin="two_tools_work",
    kills=True,
)
def killed_after_all_tools(run: Run):
    """Both results are stored as writes, and no checkpoint has them."""
    run.world.dies_before(2, GOOD, OTHER)
    run.say(durability="sync")


@KILLS.program(
    STALLED,
    graph=loop(good, other),
    script=BOTH_WORK,
    recoverable=[GOOD, OTHER],
    twin="two_tools_of_a_loop_work",
    kills=True,
)
def killed_after_all_tools_of_a_loop(run: Run):
    """The same with one node for all tools, whose results are one write."""
    run.world.dies_before(2, GOOD, OTHER)
    run.say(durability="sync")


@KILLS.program(
    STALLED,
    graph=prebuilt(good, other),
    script=BOTH_WORK,
    recoverable=[GOOD, OTHER],
    twin="two_tools_of_the_prebuilt_agent_work",
    kills=True,
)
def killed_after_all_tools_of_the_prebuilt_agent(run: Run):
    """The same with langgraph's own agent."""
    run.world.dies_before(2, GOOD, OTHER)
    run.say(durability="sync")


@KILLS.program(SOUND, graph=agent(good, other), script=BOTH_WORK, next=("model",), kills=True)
def killed_before_the_answer(run: Run):
    """Both results are in the checkpoint, and the model was not asked again."""
    run.world.dies_after(2)
    run.say(durability="sync")


@KILLS.program(SOUND, graph=agent(good, other), script=BOTH_WORK, kills=True)
def killed_after_the_answer(run: Run):
    """The answer is in a write, and in no checkpoint."""
    run.world.dies_before(3, MODEL_ANSWERED)
    run.say(durability="sync")
