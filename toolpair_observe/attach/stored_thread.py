"""Whether the stored thread that a request belongs to is broken, and not the request alone.

LangGraph tells each of its nodes whether a checkpointer stores the thread, and lets the node read
the state. That is asked for flagged requests only, since what trims or repairs a request on its way
leaves the thread as it is: a guess from the request would be wrong for both.
"""

from __future__ import annotations

import contextlib
import sys
from operator import is_
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe import foreign
from toolpair_observe.pairing.words import ViolationKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.report import PairingReport

CHANNEL: Final = "messages"


def poisoned_thread_id(
    messages: Sequence[BaseMessage],
    report: PairingReport,
    check: Callable[[Sequence[BaseMessage]], PairingReport],
) -> str:
    """Return the id of the thread whose stored history is broken, `""` where none is known to be.

    Calls at the end of the stored history that wait for their results do not break it: the node may
    run before, or instead of, the tools.

    Args:
        messages: A request that was flagged.
        report: The report of it.
        check: Checks another list as the request was checked.
    """
    where = _configurable()
    thread_id = where.get("thread_id")
    if thread_id is None or not foreign.CHECKPOINTER.of(where) or _is_of_call(where):
        return ""
    stored = _stored_messages(where)
    if not stored:
        return ""
    # Most requests are the stored list behind a system message, and have been checked.
    lead = len(messages) - len(stored)
    if not _is_stored_list(messages, stored, lead):
        report, lead = check(stored), 0
    return str(thread_id) if _is_broken(report, _open_call_message(stored) + lead) else ""


def _configurable() -> Mapping[str, Any]:
    # What `ensure_config` begins with, of which that copies every part. Without the module nothing
    # runs in a graph.
    variable = foreign.CURRENT_CONFIG.of(sys.modules.get("langchain_core.runnables.config"))
    config = variable.get() if variable is not None else None
    return (config or {}).get("configurable") or {}


def _is_of_call(where: Mapping[str, Any]) -> bool:
    """Whether the node is one of a subgraph whose history ends with this call of it."""
    namespace, _, _ = str(where.get("checkpoint_ns") or "").rpartition("|")
    return ":" in namespace


def _stored_messages(where: Mapping[str, Any]) -> Sequence[BaseMessage]:
    from langchain_core.messages import BaseMessage  # noqa: PLC0415 -- brings all messages

    read = foreign.READ_STATE.of(where)
    # A state without such a channel, or one that is empty, raises what it likes.
    with contextlib.suppress(Exception):
        stored = read(CHANNEL)
        if isinstance(stored, list) and all(isinstance(each, BaseMessage) for each in stored):
            return stored
    return ()


def _is_stored_list(
    messages: Sequence[BaseMessage], stored: Sequence[BaseMessage], lead: int
) -> bool:
    if lead not in {0, 1} or (lead and messages[0].type != "system"):
        return False
    return all(map(is_, messages[lead:], stored))


def _open_call_message(stored: Sequence[BaseMessage]) -> int:
    """Return the position of the AI message behind which nothing but results stands, or -2."""
    last = len(stored) - 1
    while last >= 0 and stored[last].type == "tool":
        last -= 1
    return last if last >= 0 and stored[last].type == "ai" else -2


def _is_broken(report: PairingReport, open_call_message: int) -> bool:
    return any(
        each.effect.is_near_miss
        and not (
            each.kind is ViolationKind.MISSING_RESULT
            and each.call_message_index == open_call_message
        )
        for each in report.violations
    )
