"""`mend_thread`: put a stored thread right, through its graph's own API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from toolpair_observe.pairing.flags import check_flags
from toolpair_observe.pairing.providers.given import judge_given
from toolpair_observe.threads.diagnose import IDLE
from toolpair_observe.threads.diagnosis import ThreadVerdict
from toolpair_observe.threads.door import AsyncDoor, SyncDoor
from toolpair_observe.threads.given import check_config, check_graph, check_idle
from toolpair_observe.threads.stores.opened import require_threads

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.threads.door import Door
    from toolpair_observe.threads.plan import MendPlan


def mend_thread(  # noqa: PLR0913 - each keyword is a choice of its own
    graph: Any,  # noqa: ANN401 - a compiled graph; langgraph is an extra
    config: RunnableConfig,
    *,
    apply: bool = False,
    profile: str | Profile | None = None,
    idle: float = IDLE,
    drop_questions: bool = False,
) -> MendPlan:
    """Plan how a stored thread is put right, and do it where `apply` says so.

    Results that the thread's rows hold come back; only calls without one get an error result. What
    is written goes through the graph's own `update_state`, is tried on a copy first and read back
    after. Nothing stored is deleted or changed: the mend is a new checkpoint, or two. Where
    `TOOLPAIR_HASH_IDS` asks for it, the plan's reports and reasons have hashes in place of ids.

    Args:
        graph: The compiled graph, with the checkpointer that stores the thread.
        config: The thread, as for `graph.get_state`: `{"configurable": {"thread_id": …}}`, with
            `checkpoint_ns` for a subgraph that has a history of its own. A `checkpoint_id` is the
            head that is expected.
        apply: Whether to write. Otherwise the plan's `apply` does.
        profile: Who judges (see `check_messages`); None for whoever gave the newest answer.
        idle: Seconds that must have passed since the thread was stored: no checkpointer tells
            whether a run is still going on.
        drop_questions: Whether a thread that waits for an answer is mended too. Its question is
            lost by that.

    Returns:
        The plan, which says what was or would be done, or why the thread is left alone.

    Raises:
        MendError: The thread is not stored, or `apply` is True and it was not mended.
        MissingExtraError: The extra `threads` is not installed.
        TypeError: `graph` is no compiled graph with a checkpointer, `profile` can't judge, or
            another argument is of a type that it can't be.
        ValueError: The config names no thread, `idle` is less than 0, or the profile's name is not
            known.
    """
    check_flags(apply=apply)
    plan = _planned(SyncDoor(), graph, config, profile, idle, drop_questions)
    if apply and _is_to_be_applied(plan):
        plan.apply()
    return plan


async def amend_thread(  # noqa: PLR0913 - each keyword is a choice of its own
    graph: Any,  # noqa: ANN401 - a compiled graph; langgraph is an extra
    config: RunnableConfig,
    *,
    apply: bool = False,
    profile: str | Profile | None = None,
    idle: float = IDLE,
    drop_questions: bool = False,
) -> MendPlan:
    """Do what `mend_thread` does, by the graph's asynchronous methods.

    The plan's own `aapply` and `arollback` are to be awaited.

    Args:
        graph: See `mend_thread`.
        config: See there.
        apply: See there.
        profile: See there.
        idle: See there.
        drop_questions: See there.

    Returns:
        See there.

    Raises:
        MendError: See there.
        MissingExtraError: See there.
        TypeError: See there.
        ValueError: See there.
    """
    check_flags(apply=apply)
    door = AsyncDoor(asyncio.get_running_loop())
    plan = await asyncio.to_thread(_planned, door, graph, config, profile, idle, drop_questions)
    if apply and _is_to_be_applied(plan):
        await plan.aapply()
    return plan


def _is_to_be_applied(plan: MendPlan) -> bool:
    """Whether there is something to write, or something that can't be written."""
    return plan.can_be_applied or plan.is_needed or plan.verdict is ThreadVerdict.UNREADABLE


def _planned(  # noqa: PLR0913, PLR0917 - what `mend_thread` takes
    door: Door,
    graph: Any,  # noqa: ANN401 - a compiled graph
    config: RunnableConfig,
    profile: str | Profile | None,
    idle: float,
    drop_questions: bool,  # noqa: FBT001
) -> MendPlan:
    require_threads()
    from toolpair_observe.threads.planner import Planner, PlanOptions  # noqa: PLC0415 - of the extra

    check_graph(graph)
    check_config(config)
    check_idle(idle)
    check_flags(drop_questions=drop_questions)
    judge = None if profile is None else judge_given(profile)[0]
    return Planner(door, graph, config, judge, PlanOptions(idle, drop_questions)).plan()
