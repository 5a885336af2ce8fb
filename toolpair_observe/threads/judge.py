"""The verdict on a head: what a new message and a resume would meet.

The rule, in this order:

1. The stored list with a new message pairs: the thread is sound, or waits where a question is open.
2. It has a breach that is more than the open calls of its last AI message: poisoned.
3. Its tools are still due: it waits where a question is open. Where a task failed, or others of its
   tasks are finished, and nothing has happened for a while, it has stalled; else it waits, since a
   pause before the tools, a kill there and a run in flight are stored alike.
4. Open calls, and nothing due that would answer them: poisoned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.facts import NO_FACTS
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.words import ViolationKind
from toolpair_observe.threads.diagnosis import ThreadVerdict
from toolpair_observe.threads.messages import (
    UnreadableMessageError,
    as_messages,
    input_messages,
    lists_in,
    target_of,
)
from toolpair_observe.threads.pending import TRIGGER
from toolpair_observe.threads.roles import NO_ROLES, newest_nodes
from toolpair_observe.threads.state import (
    channel_of,
    last_answer,
    with_invalid_answered,
    with_results_to_come,
    with_writes,
    written_messages,
)
from toolpair_observe.threads.stored import SENDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolpair_observe.pairing.facts import Facts
    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.threads.pending import Pending, Task
    from toolpair_observe.threads.roles import Roles
    from toolpair_observe.threads.stored import Stored

_TURN: Final = HumanMessage("x")  # stands for what a person says next
# Errors that a model's client may end with before anybody has read the list; a task that was
# cancelled tells as little.
_ERRORS_OF_CLIENTS: Final = (
    *("API", "Auth", "BadRequest", "Cancel", "Connect", "HTTP", "NotFound", "Overloaded"),
    *("Permission", "RateLimit", "Server", "Status", "Throttl", "Timeout", "Unavailable"),
)
_HAND_OFFS: Final = ("transfer", "handoff", "hand_off", "delegate", "assign", "route", "switch")


@dataclass(frozen=True, slots=True)
class Judge:
    """Who judges a list, and what is known of its requests."""

    profile: Profile
    facts: Facts

    def check(
        self, messages: Sequence[BaseMessage], name_id: Callable[[str], str] = str
    ) -> PairingReport:
        """Check a list of messages."""
        return check(messages, self.profile, self.facts, name_id)


def judge_of(messages: Sequence[BaseMessage], profile: Profile | None) -> Judge:
    """Return who judges: the profile that is given, or whoever gave the newest answer."""
    target = target_of(messages)
    if profile is None:
        return Judge(target.profile, target.facts)
    return Judge(profile, target.facts if target.profile is profile else target.facts.but())


@dataclass(slots=True, kw_only=True, eq=False)
class ListVerdict:
    """The verdict on one list of messages.

    Attributes:
        place: The channel, and the keys below it.
        channel: The channel.
        verdict: The verdict.
        stored: The list as it is stored, with what a `Command` has added to it.
        new: The list that a new message makes.
        resume: The list that a resume makes, with results that are still to come.
        report: The check of the list that a new message makes.
        judge: Who judges it.
        reason: Why it is unreadable.
    """

    place: str
    channel: str
    verdict: ThreadVerdict
    stored: list[BaseMessage] = field(default_factory=list)
    new: list[BaseMessage] = field(default_factory=list)
    resume: list[BaseMessage] = field(default_factory=list)
    report: PairingReport | None = None
    judge: Judge | None = None
    reason: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Head:
    """A head, and what its verdict depends on.

    Attributes:
        stored: The head.
        values: The values of its channels, those that are stored as changes among them.
        pending: What is due on it.
        is_idle: Whether a run that has not gone on since is dead.
        profile: Who judges; None for whoever gave the newest answer.
        only: The only channel that is looked at.
        roles: Returns what the nodes of this thread are known to do. It costs a look at the
            thread's history, and is only asked where that decides.
        is_by_agent: Returns whether create_agent sends the lists; it costs a look, too.
    """

    stored: Stored
    values: Mapping[str, Any]
    pending: Pending
    is_idle: bool
    profile: Profile | None = None
    only: str | None = None
    roles: Callable[[], Roles] = lambda: NO_ROLES
    is_by_agent: Callable[[], bool] = lambda: False

    def verdicts(self) -> list[ListVerdict]:
        """Judge each list of messages, and return the verdicts, the worst one first."""
        judged = [
            self._judged(place, elements)
            for place, elements in lists_in(self.values)
            if self.only is None or self.only in (place, channel_of(place, self.values))
        ]
        return sorted(judged, key=lambda each: each.verdict.rank)

    def _judged(self, place: str, elements: Sequence[Any]) -> ListVerdict:
        found = ListVerdict(
            place=place, channel=channel_of(place, self.values), verdict=ThreadVerdict.SOUND
        )
        try:
            found.stored = as_messages(elements)
        except UnreadableMessageError as error:
            found.verdict = ThreadVerdict.UNREADABLE
            found.reason = f"channel {place}: {error}"
            return found
        if found.place == found.channel:
            found.stored = with_writes(found.stored, self.pending.input_writes, found.channel)
        judge = found.judge = judge_of(found.stored, self.profile)
        sent = with_invalid_answered(found.stored, self.is_by_agent)
        found.new = [*sent, _TURN]
        report = found.report = judge.check(found.new)
        covered: set[str] = set()
        if report.ok and (refused := self._refused(judge, found.new)) is not None:
            found.judge, found.report = refused
            found.verdict = ThreadVerdict.POISONED
        elif report.ok:
            if self.pending.questions:
                found.verdict = ThreadVerdict.WAITING
        else:
            calls = open_calls(sent, report)
            completed = [*with_results_to_come(sent, calls), _TURN]
            if not calls or not judge.check(completed).ok:
                found.verdict = ThreadVerdict.POISONED
            else:
                covered = self._covered(calls, found.stored)
                found.verdict = self._of_open_calls(is_covered=covered == calls)
        found.resume = self._resumed(found, covered)
        return found

    def _refused(
        self, judge: Judge, new: Sequence[BaseMessage]
    ) -> tuple[Judge, PairingReport] | None:
        """Return what the provider holds against ids, where its answer is what tells who it is.

        Ids of one server may be no ids for another one, and an answer that was never given can't
        tell which one is asked.
        """
        kinds = {error.kind for error in self.pending.errors}
        if judge.profile is not CONTRACT or ViolationKind.INVALID_ID not in kinds:
            return None
        for profile in PROFILES.values():
            one = Judge(profile, NO_FACTS)
            report = one.check(new)
            if any(found.kind is ViolationKind.INVALID_ID for found in report.violations):
                return one, report
        return None

    def _of_open_calls(self, *, is_covered: bool) -> ThreadVerdict:
        if not is_covered:
            return ThreadVerdict.POISONED
        if self.pending.questions:
            return ThreadVerdict.WAITING
        has_ended = bool(self.pending.errors or self.pending.finished)
        return ThreadVerdict.STALLED if has_ended and self.is_idle else ThreadVerdict.WAITING

    def _covered(self, calls: set[str], stored: Sequence[BaseMessage]) -> set[str]:
        """Return those of the open calls that a resume answers."""
        sent = {each for task in self.pending.tasks for each in task.call_ids}
        covered = calls & (sent | _written_results(self.pending))
        if covered == calls or not any(
            self._runs_tools(task, stored) for task in self.pending.tasks if not task.call_ids
        ):
            return covered
        return calls

    def _runs_tools(self, task: Task, stored: Sequence[BaseMessage]) -> bool:
        """Whether a task that reads the state may be the one that answers its open calls."""
        if task.is_finished or (task.error is not None and task.error.is_pairing):
            return False
        if _has_begun_to_answer(task, stored):
            return True
        roles = self.roles()
        if task.node in roles.tools:
            return True
        if task.node in roles.models:
            return False
        last = last_answer(stored)
        called = [] if last is None else _calls_at(stored, last)
        if any(_is_hand_off(name, task.node) for _, name in called):
            return False
        # The node that ran last made the calls, or has answered some of them already. Where some
        # are answered, another node may be a model that goes on, unless it is known who is one.
        has_run_last = task.node in newest_nodes(self.stored)
        return (isinstance(stored[-1], AIMessage) or bool(roles.models)) and not has_run_last

    def _resumed(self, found: ListVerdict, covered: set[str]) -> list[BaseMessage]:
        """Return the list that a resume makes, with results that are still to come."""
        if not self.pending.tasks and not self.stored.writes:
            return found.new[:-1]
        messages = [*found.stored, *input_messages(self.values, found.place)]
        if found.place == found.channel:
            writes = chain.from_iterable(self.pending.finished)
            messages = with_writes(messages, writes, found.channel)
        last = last_answer(messages)
        if last is not None and last >= len(found.stored) and self._goes_on():
            covered = {identifier for call in _calls_at(messages, last) if (identifier := call[0])}
        answered = {each.tool_call_id for each in messages if isinstance(each, ToolMessage)}
        to_come = [each for each in sorted(covered) if each not in answered]
        return with_invalid_answered(with_results_to_come(messages, to_come), self.is_by_agent)

    def _goes_on(self) -> bool:
        """Whether the finished tasks have named what runs after them."""
        return any(
            write.channel == SENDS or write.channel.startswith(TRIGGER)
            for writes in self.pending.finished
            for write in writes
        )


def _has_begun_to_answer(task: Task, stored: Sequence[BaseMessage]) -> bool:
    """Whether a task has got further than a model could with a list that ends with open calls.

    A model's client would have told of the list before anybody was asked, or else of the network.
    """
    if task.question is not None:
        return True
    return (
        task.error is not None
        and isinstance(stored[-1], AIMessage)
        and not any(sign in task.error.type for sign in _ERRORS_OF_CLIENTS)
    )


def open_calls(messages: Sequence[BaseMessage], report: PairingReport) -> set[str]:
    """Return the ids of the last AI message's open calls; none where more than results follow."""
    last = last_answer(messages)
    return {
        found.tool_call_id
        for found in report.violations
        if found.kind is ViolationKind.MISSING_RESULT and found.call_message_index == last
    } - {""}


def _calls_at(messages: Sequence[BaseMessage], index: int) -> list[tuple[str | None, str]]:
    message = messages[index]
    if not isinstance(message, AIMessage):
        return []
    return [(call["id"], call["name"]) for call in message.tool_calls]


def _is_hand_off(tool: str, node: str) -> bool:
    """Whether a call only hands the turn over to a node, which then is no node that answers it."""
    name = tool.lower().replace("-", "_")
    return name.startswith(_HAND_OFFS) and node.lower().replace("-", "_") in name


def _written_results(pending: Pending) -> set[str]:
    return {
        message.tool_call_id
        for writes in pending.finished
        for write in writes
        for message in written_messages(write.value)
        if isinstance(message, ToolMessage)
    }
