"""A program's thread that is mended and rolled back on a copy, and what was seen on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ToolMessage,
    convert_to_messages,
    messages_from_dict,
)

from tests.threads.programs.truth import continued
from toolpair_observe.threads.diagnose import MEND_MARK, diagnose_threads
from toolpair_observe.threads.mend import mend_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.threads.programs.record import Program
    from tests.threads.programs.threads import Copy, Threads
    from tests.threads.programs.truth import Outcome
    from toolpair_observe.threads.diagnosis import ThreadDiagnosis
    from toolpair_observe.threads.plan import MendPlan

TABLES = {
    "sqlite": ("checkpoints", "writes"),
    "postgres": ("checkpoints", "checkpoint_blobs", "checkpoint_writes"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a thread looks like at one time.

    Attributes:
        rows: Every row of its tables.
        next: The nodes that run next, as the graph tells.
        told: What its values say.
    """

    rows: frozenset[Any]
    next: tuple[str, ...]
    told: Any

    @classmethod
    def of(cls, copy: Copy) -> State:
        """Look at a thread."""
        state = copy.graph.get_state(config_of(copy))
        return cls(rows=rows_of(copy), next=state.next, told=told(state.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What was seen when a copy of a thread was mended.

    Attributes:
        before: The thread before.
        planned: The thread once the plan was made.
        plan: The plan, which has been applied and rolled back.
        made: The id of the head that the mend has made.
        mended: The thread once it was mended.
        results: By call id the results that then stand behind their call.
        diagnosis: The diagnosis of the mended thread.
        marked: The ids of the checkpoints that bear the mend's mark.
        rolled_back: The thread after the rollback.
        again: What is planned for it after the rollback.
        resumed: What a resume met after the rollback.
    """

    before: State
    planned: State
    plan: MendPlan
    made: str
    mended: State
    results: dict[str, list[ToolMessage]]
    diagnosis: ThreadDiagnosis
    marked: frozenset[str]
    rolled_back: State
    again: MendPlan
    resumed: Outcome


def mended(program: Program, threads: Threads) -> Mended:
    """Mend a copy of a program's thread, and roll it back."""
    with threads.copied(program) as copy:
        before = State.of(copy)
        plan = planned(copy)
        after_plan = State.of(copy)
        assert plan.can_be_applied, plan.refused
        plan.apply()
        made = plan.new_checkpoint_id
        seen: dict[str, Any] = {
            "mended": State.of(copy),
            "results": results_in(messages_of(copy)),
            "diagnosis": _diagnosis(copy, plan.namespace),
            "marked": _marked(copy, plan.checkpoint_id),
        }
        plan.rollback()
        rolled_back, again = State.of(copy), planned(copy)
        return Mended(
            before=before,
            planned=after_plan,
            plan=plan,
            made=made,
            **seen,
            rolled_back=rolled_back,
            again=again,
            resumed=continued(copy, resume=True),
        )


def planned(copy: Copy, **options: Any) -> MendPlan:
    """Plan a mend of the namespace that is broken."""
    given = {"idle": 0, "profile": copy.program.profile, **options}
    return mend_thread(copy.graph, config_of(copy), **given)


def config_of(copy: Copy) -> dict[str, Any]:
    """Return the config of the namespace that is broken."""
    where = {"checkpoint_ns": copy.program.broken_namespace}
    return {"configurable": {**copy.config["configurable"], **where}}


def rows_of(copy: Copy) -> frozenset[Any]:
    """Return every row of a thread, byte for byte."""
    connection = copy.saver.conn
    if hasattr(connection, "iterdump"):
        query = "select * from {} where thread_id = ?"
        found = {
            (table, *row)
            for table in TABLES["sqlite"]
            for row in connection.execute(query.format(table), (copy.thread_id,))
        }
    else:
        query = "select t::text as row from {} t where thread_id = %s"
        found = {
            (table, row["row"])
            for table in TABLES["postgres"]
            for row in connection.execute(query.format(table), (copy.thread_id,))
        }
    return frozenset(found)


def messages_of(copy: Copy) -> list[Any]:
    """Return the messages of the head, with what finished tasks have written."""
    channel = copy.program.channel or ""
    if channel == "__previous__":
        return copy.saver.get_tuple(config_of(copy)).checkpoint["channel_values"][channel]
    values = copy.graph.get_state(config_of(copy)).values
    if channel == "__root__":
        return values
    for key in channel.split("."):
        values = values[key]
    return list(values)


def results_in(messages: list[Any]) -> dict[str, list[ToolMessage]]:
    """Return the results by the call's id, in order, those in the wrong place left out."""
    found: dict[str, list[ToolMessage]] = {}
    called: set[str | None] = set()
    for message in _as_messages(messages):
        if isinstance(message, AIMessage):
            called = {each["id"] for each in [*message.tool_calls, *message.invalid_tool_calls]}
        elif not isinstance(message, ToolMessage):
            called = set()
        elif message.tool_call_id in called:
            found.setdefault(message.tool_call_id, []).append(message)
    return found


def told(value: Any) -> Any:
    """Return what a value says, without the ids that are made up each time it is read."""
    if isinstance(value, dict):
        return {key: told(each) for key, each in value.items()}
    if isinstance(value, list):
        return [told(each) for each in value]
    if isinstance(value, BaseMessage):
        calls = [(each["id"], each["name"]) for each in getattr(value, "tool_calls", ())]
        result = [getattr(value, name, None) for name in ("tool_call_id", "status", "name")]
        return (value.type, value.content, calls, *result)
    return value


def _as_messages(messages: list[Any]) -> Iterator[Any]:
    for message in messages:
        if isinstance(message, dict) and "data" in message:
            yield from messages_from_dict([message])
        else:
            given = tuple(message) if isinstance(message, list) else message
            yield from convert_to_messages([given])


def _diagnosis(copy: Copy, namespace: str) -> ThreadDiagnosis:
    found = diagnose_threads(
        copy.saver, thread_ids=[copy.thread_id], idle=0, profile=copy.program.profile
    )
    return {each.namespace: each for each in found}[namespace]


def _marked(copy: Copy, head: str) -> frozenset[str]:
    found = copy.saver.list(None, filter={MEND_MARK: head})
    return frozenset(each.config["configurable"]["checkpoint_id"] for each in found)
