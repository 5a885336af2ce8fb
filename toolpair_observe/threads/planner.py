"""Makes the plan of a mend: the list to write, the node in whose name, and what runs next.

A poisoned thread gets its list in place of the stored one, and what runs next stays. Where tools
are still due, what runs next is what comes after them, since their calls then have results.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from langgraph.constants import END

from toolpair_observe.errors import MendError, ToolPairError
from toolpair_observe.pairing.shown import shown, type_name
from toolpair_observe.threads.candidates import Candidates
from toolpair_observe.threads.diagnose import DiagnosisOptions, StoredHead, own_id_namer
from toolpair_observe.threads.diagnosis import ThreadVerdict
from toolpair_observe.threads.messages import UnreadableMessageError
from toolpair_observe.threads.own import OwnReading
from toolpair_observe.threads.plan import MendPlan
from toolpair_observe.threads.stored import stored_of
from toolpair_observe.threads.stores.opened import store_of
from toolpair_observe.threads.surgery import GraphSurgery
from toolpair_observe.threads.trial import Step, Trial
from toolpair_observe.threads.wanted import Mending, NotMendableError, Wanted
from toolpair_observe.threads.written import Rewritten, same_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.runnables import RunnableConfig

    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.threads.diagnosis import ThreadDiagnosis
    from toolpair_observe.threads.door import Door
    from toolpair_observe.threads.judge import ListVerdict
    from toolpair_observe.threads.stored import Stored, ThreadStore
    from toolpair_observe.threads.trial import Tried

_CLEAR = Step(None, END)
"""Applies what finished tasks wrote, and leaves nothing due."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a caller allows a mend to do. See `mend_thread`."""

    idle: float
    drop_questions: bool


@dataclass(slots=True, kw_only=True)
class _Target:
    """What the mend is to lead to."""

    steps: list[Step]
    rewritten: list[Rewritten]
    tried: Tried
    as_node: str | None = None


@dataclass(eq=False)
class Planner:
    """Plans the mend of one thread."""

    door: Door
    graph: Any
    given: RunnableConfig
    profile: Profile | None
    options: PlanOptions

    def plan(self) -> MendPlan:
        """Return the plan. Raises MendError where the thread is not stored."""
        found = self._head.diagnosis()
        plan = self._plan_of(found)
        plan.refused = self._why_not(found)
        if plan.refused or not self._broken:
            return plan
        try:
            self._complete(plan, self._target())
        except (NotMendableError, UnreadableMessageError) as error:
            plan.refused = str(error)
        return plan

    # --- the thread as it is stored ---------------------------------------------------------------

    @cached_property
    def _name_id(self) -> Callable[[str], str]:
        return own_id_namer()

    @cached_property
    def _config(self) -> RunnableConfig:
        where = {**self.given["configurable"]}
        where.pop("checkpoint_id", None)
        where["checkpoint_ns"] = where.get("checkpoint_ns") or ""
        return {**self.given, "configurable": where}

    @cached_property
    def _store(self) -> ThreadStore:
        return store_of(self.graph.checkpointer, loop=self.door.loop)

    @cached_property
    def _head(self) -> StoredHead:
        where = self._config["configurable"]
        name = f"thread {shown(self._name_id(str(where['thread_id'])))}"
        try:
            saved = self.door.saved(self.graph.checkpointer, self._config)
        except ToolPairError:
            raise
        except Exception as error:  # noqa: BLE001 - of the checkpointer, or of its database
            # The error's own text may quote content.
            msg = f"{name} could not be read by the graph's checkpointer ({type_name(error)})"
            raise MendError(msg) from None
        if saved is None:
            if where["checkpoint_ns"]:
                name += f" with checkpoint_ns {shown(self._name_id(where['checkpoint_ns']))}"
            msg = f"{name} is not stored by the graph's checkpointer"
            raise MendError(msg)
        return self._looked_at(stored_of(saved))

    def _looked_at(self, stored: Stored, store: ThreadStore | None = None) -> StoredHead:
        options = DiagnosisOptions(self.profile, None, self.options.idle, self._name_id)
        if store is None:
            return StoredHead(self._store, stored, options)
        # A copy has the head alone, and what the rest of the thread tells of it holds on.
        return StoredHead(store, stored, options, like=self._head)

    @cached_property
    def _next(self) -> tuple[str, ...]:
        """What runs next, as the graph tells it.

        Raises:
            NotMendableError: The graph itself can't tell.
        """
        try:
            return tuple(self.door.state(self.graph, self._config).next)
        except ToolPairError:
            raise
        except Exception as error:  # noqa: BLE001 - of the graph, for a row that is odd
            msg = f"the graph itself can't read this thread ({type_name(error)})"
            raise NotMendableError(msg) from None

    @cached_property
    def _broken(self) -> list[ListVerdict]:
        """The lists that a new message makes to fail, the worst one first."""
        mended = {ThreadVerdict.POISONED, ThreadVerdict.STALLED}
        if self.options.drop_questions:
            mended.add(ThreadVerdict.WAITING)
        return [
            each
            for each in self._head.verdicts
            if each.verdict in mended and each.report is not None and not each.report.ok
        ]

    def _plan_of(self, found: ThreadDiagnosis) -> MendPlan:
        return MendPlan(
            thread_id=found.thread_id,
            namespace=found.namespace,
            checkpoint_id=found.checkpoint_id,
            verdict=found.verdict,
            channel=found.channel,
            before=found.on_new,
            next_before=found.next,
        )

    def _why_not(self, found: ThreadDiagnosis) -> str:
        """Return why the thread is left alone, `""` where it may be mended or is sound."""
        expected = self.given["configurable"].get("checkpoint_id")
        if expected and expected != found.checkpoint_id:
            head = shown(found.checkpoint_id)
            return f"the thread has moved on: its head is {head}, not the one given"
        if found.verdict is ThreadVerdict.UNREADABLE:
            return found.reason
        if found.verdict is ThreadVerdict.SOUND:
            return ""
        return self._what_waits(found) or self._whether_busy(found)

    def _what_waits(self, found: ThreadDiagnosis) -> str:
        if self.options.drop_questions:
            return ""
        if found.questions:
            return (
                f"it asks {_counted(len(found.questions), 'question')} that a mend would lose: "
                "answer with Command(resume=…), or allow it (drop_questions)"
            )
        if found.verdict is ThreadVerdict.WAITING:
            return "it waits before its tools: a resume (invoke(None, config)) goes on"
        return ""

    def _whether_busy(self, found: ThreadDiagnosis) -> str:
        if found.age is not None and found.age >= self.options.idle:
            return ""
        age = "at an unknown time" if found.age is None else f"{found.age:.0f} s ago"
        return (
            f"it was stored {age}, and a run may still be going on: wait until it is idle for "
            f"{self.options.idle:.0f} s, or lower idle (--idle)"
        )

    # --- what it is to become ---------------------------------------------------------------------

    @cached_property
    def _trial(self) -> Trial:
        saver = self.graph.checkpointer
        saved = self.door.every(saver, self._config) if self._head.changed_channels else []
        if not saved:
            head = self.door.saved(saver, self._config)
            saved = [head] if head else []
        return Trial(self.door, self.graph, self._config, saved, saver.serde)

    def _target(self) -> _Target:
        """Return the steps that mend the thread, tried on a copy."""
        steps: list[Step] = []
        head = self._head
        if self._has_writes_to_keep():
            # They enter the history by the graph's own reducers.
            tried = self._trial.outcome([_CLEAR])
            if tried is not None:
                steps, head = [_CLEAR], self._looked_at(tried.head, tried.store)
                rewritten = [self._rewritten(each, head, steps) for each in self._broken]
                if not any(each.is_changed for each in rewritten):
                    return _Target(steps=steps, rewritten=rewritten, tried=tried)
        rewritten = [self._rewritten(each, head, steps) for each in self._broken]
        target = self._candidates.best(steps, rewritten)
        if target is None:
            msg = (
                "no node of the graph, in whose name the list could be written, leads to it and "
                f"keeps what runs next ({', '.join(self._next) or 'nothing'})"
            )
            raise NotMendableError(msg)
        made, as_node, tried = target
        return _Target(steps=made, rewritten=rewritten, tried=tried, as_node=as_node)

    def _has_writes_to_keep(self) -> bool:
        """Whether tasks have finished whose results count, or a `Command` has added messages."""
        pending = self._head.pending
        if self._broken[0].verdict is not ThreadVerdict.POISONED and pending.finished:
            return True
        channels = {each.channel for each in self._broken}
        return any(write.channel in channels for write in pending.input_writes)

    @cached_property
    def _candidates(self) -> Candidates:
        return Candidates(
            trial=self._trial,
            head=self._head,
            is_stalled=self._broken[0].verdict is not ThreadVerdict.POISONED,
            next=self._next,
            is_good=self._is_good,
        )

    def _rewritten(self, broken: ListVerdict, head: StoredHead, steps: Sequence[Step]) -> Rewritten:
        """Return one list as it is wanted, on the head that it will be written on."""
        values = head.values_of(head.stored)
        if changed := head.changed_channels:
            own = self._trial.values(steps)
            values = {**values, **{name: own[name] for name in changed if name in own}}
        now = Rewritten.of(values, broken.place)
        if broken.judge is None:
            raise NotMendableError(broken.reason)
        mending = Mending(
            lambda: self._head.is_by_agent, broken.judge, self._own.recovered, self._name_id
        )
        now.wanted = mending.wanted(now.messages)
        return now

    @cached_property
    def _own(self) -> OwnReading:
        return OwnReading(self.door, self.graph.checkpointer, self._config, self._head)

    def _is_good(self, tried: Tried, rewritten: Sequence[Rewritten]) -> bool:
        """Whether the lists are the wanted ones, and nothing in them fails a resume."""
        head = self._looked_at(tried.head, tried.store)
        try:
            has_them = _has(head, rewritten)
        except UnreadableMessageError:
            return False  # a reducer can make anything of a list
        if not has_them:
            return False
        places = {each.place for each in rewritten}
        return all(
            each.judge is not None
            and each.report is not None
            and each.report.ok
            and each.judge.check(each.resume).ok
            for each in head.verdicts
            if each.place in places
        )

    def _complete(self, plan: MendPlan, target: _Target) -> None:
        first = target.rewritten[0].wanted
        wanted = [each.wanted for each in target.rewritten if each.wanted is not None]
        plan.after = first.after if first else None
        plan.found = tuple(found for each in wanted for found in each.found)
        plan.found += tuple(self._applied(wanted, target))
        plan.made_up = tuple(made for each in wanted for made in each.made_up)
        plan.restored_calls = tuple(call for each in wanted for call in each.restored_calls)
        plan.next_before = self._next
        plan.next_after = target.tried.next
        plan.as_node = target.as_node
        plan.surgery = GraphSurgery(
            door=self.door,
            graph=self.graph,
            saver=self.graph.checkpointer,
            config=self._config,
            head_id=plan.checkpoint_id,
            steps=target.steps,
            is_as_planned=lambda stored: _has(self._looked_at(stored), target.rewritten),
            next=target.tried.next,
        )

    def _applied(self, wanted: Sequence[Wanted], target: _Target) -> list[Any]:
        """Return the results that come back by themselves, as finished tasks' writes."""
        if _CLEAR not in target.steps[:1]:
            return []
        named = {found.tool_call_id for each in wanted for found in each.found}
        found = self._head.recoverable(self._own.recovered)
        return [each for each in found if each.tool_call_id not in named]


def _has(head: StoredHead, rewritten: Sequence[Rewritten]) -> bool:
    values = head.values_of(head.stored)
    return all(
        each.wanted is not None
        and same_messages(Rewritten.of(values, each.place).messages, each.expected)
        for each in rewritten
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
