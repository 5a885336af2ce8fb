"""Channels that store what has changed, and not what there is. LangGraph has them since 1.2."""

from __future__ import annotations

from typing import Annotated, Any

import openai
from typing_extensions import TypedDict

from tests.loopback.scripted_provider import DONE
from tests.threads.programs.graphs import (
    BAD,
    GOOD,
    OTHER,
    agent,
    asks,
    bad,
    calls,
    good,
    killer,
    loop,
    other,
)
from tests.threads.programs.record import (
    POISONED,
    SOUND,
    STALLED,
    WAITING,
    Catalog,
    Run,
)
from tests.threads.programs.world import fails

DELTAS = Catalog()

try:
    from langgraph.channels.delta import DeltaChannel
    from langgraph.graph.message import _messages_delta_reducer
except ImportError:
    HAS_DELTAS = False
else:
    HAS_DELTAS = True

if HAS_DELTAS:

    class Changes(TypedDict):
        """Messages that are stored as changes."""

        messages: Annotated[list[Any], DeltaChannel(_messages_delta_reducer)]

    class Snapshots(TypedDict):
        """Messages that are stored whole at every second change."""

        messages: Annotated[list[Any], DeltaChannel(_messages_delta_reducer, snapshot_frequency=2)]

    def _agent(*tools: Any, state: Any = Changes) -> Any:
        return agent(*tools, state_schema=lambda world: state)

    BOTH = (calls("good", "bad"),)

    @DELTAS.program(SOUND, graph=loop(good, other, state=Changes), script=(calls("good"), DONE))
    def changes(run: Run):
        """Two turns, and nothing happens."""
        run.say()
        run.say("Thanks.")

    @DELTAS.program(
        STALLED,
        graph=loop(good, bad, state=Changes),
        script=BOTH,
        next=("tools",),
        made_up=[GOOD, BAD],
    )
    def changes_and_a_tool_raises(run: Run):
        """The open call is in no checkpoint, only in writes."""
        run.world.stored(GOOD).set()
        with fails(ValueError):
            run.say()

    @DELTAS.program(
        POISONED,
        graph=loop(good, bad, state=Changes),
        script=BOTH,
        next=("chatbot",),
        made_up=[GOOD, BAD],
    )
    def changes_and_a_message_after_a_crash(run: Run):
        """A reader of the values alone would see an empty thread."""
        run.world.stored(GOOD).set()
        with fails(ValueError):
            run.say()
        with fails(openai.BadRequestError):
            run.say("Hello?")

    @DELTAS.program(
        WAITING, graph=loop(asks, state=Changes), script=(calls("ask"),), next=("tools",)
    )
    def changes_and_a_tool_asks(run: Run):
        """A question is pending."""
        run.say()

    @DELTAS.program(
        POISONED,
        graph=loop(good, state=Snapshots, interrupt_before=["tools"]),
        script=(calls("good"),),
        next=("chatbot",),
        made_up=[GOOD],
    )
    def snapshots_and_a_message_instead_of_going_on(run: Run):
        """Some checkpoints hold the whole list."""
        run.say()
        with fails(openai.BadRequestError):
            run.say("Leave that.")

    @DELTAS.program(SOUND, graph=loop(good, state=Snapshots), script=(calls("good"), DONE))
    def snapshots(run: Run):
        """Two turns, and nothing happens."""
        run.say()
        run.say("Thanks.")

    @DELTAS.program(
        STALLED,
        graph=loop(good, other, state=Changes),
        script=(calls("good", "other"),),
        recoverable=[GOOD, OTHER],
        kills=True,
        twin="two_tools_of_a_loop_work",
    )
    def changes_and_killed_after_all_tools(run: Run):
        """The results are in writes that no checkpoint counts."""
        run.world.dies_before(2, GOOD, OTHER)
        run.say(durability="sync")

    @DELTAS.program(
        STALLED,
        graph=_agent(good, killer),
        script=BOTH,
        next=("tools",),
        recoverable=[GOOD],
        made_up=[BAD],
        kills=True,
    )
    def an_agent_of_changes_is_killed_between_tools(run: Run):
        """An agent whose state is stored as changes."""
        run.say(durability="sync")

    @DELTAS.program(
        POISONED,
        graph=_agent(good, bad),
        script=BOTH,
        next=("model",),
        recoverable=[GOOD],
        made_up=[BAD],
    )
    def an_agent_of_changes_is_broken(run: Run):
        """An agent whose state is stored as changes, and a message after a crash."""
        with fails(ValueError):
            run.say()
        with fails(openai.BadRequestError):
            run.say("Hello?")
