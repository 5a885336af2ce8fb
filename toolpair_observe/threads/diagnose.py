"""`diagnose_threads`: what the next turn of each stored thread will meet."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.hashed import id_namer
from toolpair_observe.pairing.providers.given import judge_given
from toolpair_observe.pairing.words import ViolationKind
from toolpair_observe.settings import from_environment
from toolpair_observe.threads.blame import broken_step
from toolpair_observe.threads.diagnosis import ThreadDiagnosis, ThreadVerdict
from toolpair_observe.threads.given import (
    check_channel,
    check_checkpointer,
    check_idle,
    thread_ids_in,
)
from toolpair_observe.threads.judge import Head, ListVerdict
from toolpair_observe.threads.pending import Pending, pending_of
from toolpair_observe.threads.recover import name_of, recover
from toolpair_observe.threads.roles import roles_in
from toolpair_observe.threads.state import is_of_create_agent
from toolpair_observe.threads.stores.opened import require_threads, store_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from langchain_core.messages import BaseMessage
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.threads.diagnosis import BrokenStep, FoundResult
    from toolpair_observe.threads.recover import Recovered
    from toolpair_observe.threads.roles import Roles
    from toolpair_observe.threads.stored import Stored, ThreadStore

IDLE: Final = 600.0
"""Seconds after which a run that has not gone on is taken for dead."""

MEND_MARK: Final = "toolpair_mended"
"""Key in the metadata of the checkpoints that a mend writes."""

_CHUNK: Final = 128
_DELTA: Final = "counters_since_delta_snapshot"


@dataclass(frozen=True, slots=True)
class DiagnosisOptions:
    """How threads are judged.

    Attributes:
        profile: Who judges; None for whoever wrote the newest AI message.
        channel: The only channel that is looked at; None for each that holds messages.
        idle: Seconds after which a run that has not gone on is taken for dead.
        name_id: Returns what the reports have in place of an id, such as its hash.
    """

    profile: Profile | None = None
    channel: str | None = None
    idle: float = IDLE
    name_id: Callable[[str], str] = str


def diagnose_store(
    store: ThreadStore, options: DiagnosisOptions, thread_ids: Iterable[str] | None = None
) -> Iterator[ThreadDiagnosis]:
    """Diagnose the threads of a store, one after the other.

    Args:
        store: Where they are stored.
        options: How they are judged.
        thread_ids: The threads; None for all of them. One that is not stored yields nothing.
    """
    waiting = iter(store.thread_ids() if thread_ids is None else thread_ids)
    while chunk := list(islice(waiting, _CHUNK)):
        for stored in store.heads(chunk):
            head = StoredHead(store, stored, options)
            yield head.diagnosis()
            if stored.namespace == "" and not stored.unreadable and head.pending.tasks:
                yield from _of_calls(store, head, options)


def _of_calls(
    store: ThreadStore, root: StoredHead, options: DiagnosisOptions
) -> Iterator[ThreadDiagnosis]:
    """Diagnose the single calls of subgraphs that still are due; all others mean nothing."""
    heads = {"": root}
    for stored in store.calls(root.stored.thread_id):
        outer = stored.namespace.rpartition("|")[0]
        task_id = stored.namespace.rpartition(":")[2]
        parent = heads.get(outer)
        if parent is None or stored.unreadable:
            continue
        made_from = stored.metadata.get("parents")
        is_due = (
            isinstance(made_from, dict)
            and made_from.get(outer) == parent.stored.checkpoint_id
            and task_id not in parent.pending.finished_ids
        )
        if is_due:
            heads[stored.namespace] = StoredHead(store, stored, options)
            yield heads[stored.namespace].diagnosis()


class StoredHead:
    """One head of a store, and what is known of it."""

    def __init__(
        self,
        store: ThreadStore,
        stored: Stored,
        options: DiagnosisOptions,
        like: StoredHead | None = None,
    ) -> None:
        """Look at a head.

        Args:
            store: Where it is stored.
            stored: The head.
            options: How it is judged.
            like: The head of the same thread whose history tells of this one, too.
        """
        self.stored = stored
        self._like = like
        self._store = store
        self._options = options

    @cached_property
    def pending(self) -> Pending:
        """What is due on it."""
        return pending_of(self.stored)

    @cached_property
    def age(self) -> float | None:
        """Seconds since it was stored."""
        at = self.stored.at
        return None if at is None else max((datetime.now(UTC) - at).total_seconds(), 0.0)

    @cached_property
    def verdicts(self) -> list[ListVerdict]:
        """The verdict on each of its lists of messages, the worst one first."""
        return self._verdicts(self.stored, self.pending)

    @cached_property
    def roles(self) -> Roles:
        """What the nodes of this thread are known to do."""
        if self._like is not None:
            return self._like.roles
        return roles_in(self._history())

    @cached_property
    def is_by_agent(self) -> bool:
        """Whether create_agent sends its lists: as the graph itself, or as a subgraph of it."""
        if is_of_create_agent(self.stored):
            return True
        if self._like is not None:
            return self._like.is_by_agent
        thread_id = self.stored.thread_id
        others = chain(self._store.heads([thread_id]), self._store.calls(thread_id))
        inner = f"{self.stored.namespace}|" if self.stored.namespace else ""
        return any(
            is_of_create_agent(each)
            for each in others
            if each.namespace != self.stored.namespace and each.namespace.startswith(inner)
        )

    def _history(self) -> Iterator[Stored]:
        return self._store.history(self.stored.thread_id, self.stored.namespace)

    def _verdicts(self, stored: Stored, pending: Pending) -> list[ListVerdict]:
        return Head(
            stored=stored,
            values=self.values_of(stored),
            pending=pending,
            is_idle=self.age is None or self.age >= self._options.idle,
            profile=self._options.profile,
            only=self._options.channel,
            roles=lambda: self.roles,
            is_by_agent=lambda: self.is_by_agent,
        ).verdicts()

    def values_of(self, stored: Stored) -> Mapping[str, Any]:
        """Return a checkpoint's values, those of channels that are stored as changes among them."""
        changed = _changed(stored)
        return {**stored.values, **self._store.delta(stored, changed)} if changed else stored.values

    @property
    def changed_channels(self) -> list[str]:
        """The channels of which it has the changes alone."""
        return _changed(self.stored)

    def diagnosis(self) -> ThreadDiagnosis:
        """Return what is said of it. Never raises for what is stored."""
        if self.stored.unreadable:
            return self._unreadable(self.stored.unreadable)
        try:
            return self._diagnosed()
        except ThreadStoreError as error:
            return self._unreadable(str(error))
        except Exception as error:  # noqa: BLE001 - one odd row must not stop the others
            # The error's own text may quote content.
            return self._unreadable(f"it could not be judged ({type(error).__name__})")

    def _unreadable(self, reason: str) -> ThreadDiagnosis:
        return ThreadDiagnosis(
            thread_id=self.stored.thread_id,
            namespace=self.stored.namespace,
            verdict=ThreadVerdict.UNREADABLE,
            checkpoint_id=self.stored.checkpoint_id,
            age=self.age,
            reason=reason,
        )

    def _diagnosed(self) -> ThreadDiagnosis:
        pending = self.pending
        worst = next(iter(self.verdicts), None)
        of_no_list = ThreadVerdict.WAITING if pending.questions else ThreadVerdict.SOUND
        on_new = on_resume = None
        if worst is not None and worst.judge is not None and worst.report is not None:
            on_new = worst.report
            if self._options.name_id is not str and not on_new.ok:
                on_new = worst.judge.check(worst.new, self._options.name_id)
            if not on_new.violations and not (pending.tasks or self.stored.writes):
                # Nothing is due, so that it is the same list without the new message.
                on_resume = replace(on_new, message_count=len(worst.resume))
            else:
                on_resume = worst.judge.check(worst.resume, self._options.name_id)
        is_finding = worst is not None and worst.verdict.is_finding
        return ThreadDiagnosis(
            thread_id=self.stored.thread_id,
            namespace=self.stored.namespace,
            verdict=self._of_call(worst.verdict) if worst else of_no_list,
            checkpoint_id=self.stored.checkpoint_id,
            channel=worst.place if worst else None,
            on_new=on_new,
            on_resume=on_resume,
            next=pending.next,
            questions=pending.questions,
            errors=pending.errors,
            age=self.age,
            recoverable=self.recoverable() if is_finding else (),
            broken_by=self._broken_by(worst) if worst else None,
            profile=on_new.profile if on_new else "",
            reason=worst.reason if worst else "",
            mended=MEND_MARK in self.stored.metadata,
        )

    def _of_call(self, verdict: ThreadVerdict) -> ThreadVerdict:
        # A new message starts a call of a subgraph anew, so that it meets nothing of this one.
        is_left = self.stored.is_of_call and verdict is ThreadVerdict.STALLED
        return ThreadVerdict.SOUND if is_left else verdict

    def _broken_by(self, worst: ListVerdict) -> BrokenStep | None:
        if worst.verdict is not ThreadVerdict.POISONED:
            return None

        def verdict_of(stored: Stored) -> ThreadVerdict:
            verdicts = self._verdicts(stored, pending_of(stored))
            here = [each.verdict for each in verdicts if each.place == worst.place]
            return here[0] if here else ThreadVerdict.SOUND

        return broken_step(self.stored, self._history(), verdict_of)

    def recovered(
        self, call_ids: AbstractSet[str], readable: Callable[[Stored], Stored] | None = None
    ) -> Recovered:
        """Return what all rows of the thread hold of these calls.

        Args:
            call_ids: The calls.
            readable: Returns in place of a checkpoint one that may be read better.
        """
        history = self._store.history(self.stored.thread_id)
        return recover(map(readable, history) if readable else history, call_ids, self.values_of)

    def recoverable(
        self, recovered_of: Callable[[AbstractSet[str]], Recovered] | None = None
    ) -> tuple[FoundResult, ...]:
        """Return the real results of the calls that have none in its worst list.

        Args:
            recovered_of: Returns what the rows hold of some calls; None for `recovered`.
        """
        worst = self.verdicts[0]
        if worst.report is None:
            return ()
        missing = missing_calls(worst.new, worst.report)
        recovered = (recovered_of or self.recovered)({call_id for call_id, _ in missing})
        found = (recovered.result(call_id, name_of(caller)) for call_id, caller in missing)
        return tuple(each[1] for each in found if each is not None)


def _changed(stored: Stored) -> list[str]:
    """Return the channels of which a checkpoint has the changes alone."""
    counters = stored.metadata.get(_DELTA)
    named = counters if isinstance(counters, dict) else {}
    return [name for name in named if name in stored.versions and name not in stored.values]


def missing_calls(
    messages: Sequence[BaseMessage], report: PairingReport
) -> list[tuple[str, BaseMessage]]:
    """Return the id of each call without a result, and the message that makes it."""
    missing: dict[tuple[str, int], None] = {}
    for violation in report.violations:
        index = violation.call_message_index
        if index is None:
            continue
        if violation.kind is ViolationKind.MISSING_RESULT and violation.tool_call_id:
            missing[violation.tool_call_id, index] = None
        elif violation.kind is ViolationKind.MISMATCHED_RESULT and violation.call_id:
            missing[violation.call_id, index] = None
    return [(call_id, messages[index]) for call_id, index in missing]


def diagnose_threads(
    checkpointer: BaseCheckpointSaver[Any],
    *,
    profile: str | Profile | None = None,
    thread_ids: Iterable[str] | None = None,
    idle: float = IDLE,
    channel: str | None = None,
) -> Iterator[ThreadDiagnosis]:
    """Say of each stored thread what its next turn will meet. Reads only.

    Values are read as data: no class is imported because a row names it. Where `TOOLPAIR_HASH_IDS`
    asks for it, the reports have hashes in place of ids.

    Args:
        checkpointer: What stores the threads.
        profile: Who judges (see `check_messages`); None for whoever gave a thread's newest answer.
        thread_ids: The threads; None for all of them.
        idle: Seconds after which a run that has not gone on is taken for dead. Before, a thread
            that would have stalled is waiting.
        channel: The only channel that is looked at; None for each that holds messages.

    Yields:
        A diagnosis for each thread and namespace, the graph's own first. Of single calls of
        subgraphs only those that are still due have one.

    Raises:
        ThreadStoreError: The store can't be read, or not to its end.
        MissingExtraError: The extra `threads` is not installed.
        TypeError: `profile` is nothing that can judge, or another argument is of a type that it
            can't be.
        ValueError: The profile's name is not known, or `idle` is less than 0.
    """
    options = _options(profile, idle, channel)
    chosen = thread_ids_in(thread_ids)
    require_threads()
    check_checkpointer(checkpointer)
    return diagnose_store(store_of(checkpointer), options, chosen)


def own_id_namer() -> Callable[[str], str]:
    """Return what reports have in place of an id, as `TOOLPAIR_HASH_IDS` asks."""
    return id_namer(hash_ids=from_environment("hash_ids", os.environ))


def _options(profile: str | Profile | None, idle: float, channel: str | None) -> DiagnosisOptions:
    check_idle(idle)
    check_channel(channel)
    judge = None if profile is None else judge_given(profile)[0]
    return DiagnosisOptions(judge, channel, idle, own_id_namer())


async def adiagnose_threads(
    checkpointer: BaseCheckpointSaver[Any],
    *,
    profile: str | Profile | None = None,
    thread_ids: Iterable[str] | None = None,
    idle: float = IDLE,
    channel: str | None = None,
) -> AsyncIterator[ThreadDiagnosis]:
    """Do what `diagnose_threads` does, with a checkpointer of asynchronous methods.

    Args:
        checkpointer: See `diagnose_threads`.
        profile: See there.
        thread_ids: See there.
        idle: See there.
        channel: See there.

    Yields:
        See there.

    Raises:
        ThreadStoreError: See there.
        MissingExtraError: See there.
        TypeError: See there.
        ValueError: See there.
    """
    options = _options(profile, idle, channel)
    chosen = thread_ids_in(thread_ids)
    # A thread of its own waits for the checkpointer's coroutines, which run on this loop.
    check_checkpointer(checkpointer)
    diagnoses = _on(asyncio.get_running_loop(), checkpointer, options, chosen)
    while (found := await asyncio.to_thread(next, diagnoses, None)) is not None:
        yield found


def _on(
    loop: asyncio.AbstractEventLoop,
    checkpointer: BaseCheckpointSaver[Any],
    options: DiagnosisOptions,
    thread_ids: Iterable[str] | None,
) -> Iterator[ThreadDiagnosis]:
    yield from diagnose_store(store_of(checkpointer, loop=loop), options, thread_ids)
