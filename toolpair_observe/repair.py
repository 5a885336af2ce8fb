"""Repair a history whose tool calls and tool results do not pair, as far as nothing is lost.

Pure: a list of messages in, a `Repair` out; the given messages are never changed. A repair does
only a few things, and reports each of them:

- It moves a late result back to its call: the newest earlier call with its id. If two open calls
  share the id, or the result comes before the call, it guesses nothing and moves nothing.
- It inserts an error result for a call without one, after the results of its sibling calls, unless
  the caller names the call as pending.
- It keeps orphans and duplicates, because they hold data of the application; an option drops them.

Human, AI and system messages keep their content and order. A repair never invents or changes an
id, and never matches by position.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from langchain_core.messages import ToolMessage

from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.inputs import as_messages
from toolpair_observe.pairing.predict import as_turn
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.profile import Profile
from toolpair_observe.pairing.providers.table import profile_named
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.transcript import Result
from toolpair_observe.pairing.words import EVERY_CALL, EVERY_RESULT, Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pairing.transcript import Call, Entry

MARK: Final = "toolpair_repair"
"""Key in `additional_kwargs` of an inserted result; its value is the action."""

NO_RESULT_TEXT: Final = (
    "Error: no result of this tool call is available. The call was interrupted or its result was "
    "lost; whether the tool ran is not known."
)
_NAMESPACE: Final = UUID("6f0c8a52-2d0b-5d53-9a43-3a6c5f9e1b7d")


class RepairAction(StrEnum):
    """What a repair did with one call or result."""

    INSERTED = "inserted_error_result"
    """An error result was inserted for a call that had no result."""

    MOVED = "moved_result"
    """A result was moved to its call."""

    DROPPED = "dropped_result"
    """A result was dropped: it answered no call, or a call that already had an answer."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change that a repair made.

    Attributes:
        action: The kind of change.
        tool_call_id: The id of the call and of its result.
        tool_name: Name of the tool, or None if the history does not contain it.
        message_index: Position of the result in the original history, from 0; for an inserted
            result, the position of its call.
        new_index: Position of the result in the repaired history, from 0, or None for a dropped
            result.
    """

    action: RepairAction
    tool_call_id: str
    tool_name: str | None
    message_index: int
    new_index: int | None


@dataclass(frozen=True, slots=True)
class Repair:
    """A repaired history and its changes.

    Attributes:
        messages: The history to send. If nothing was changed, it is the given list itself.
        changes: The changes, in the order of the repaired history; dropped results come last.
        before: The check of the original history.
        after: The check of the repaired history. Violations in it could not be repaired without
            loss.
    """

    messages: list[BaseMessage] = field(repr=False)
    changes: tuple[Change, ...]
    before: PairingReport
    after: PairingReport

    @property
    def changed(self) -> bool:
        """Whether anything was changed."""
        return bool(self.changes)

    def summary(self) -> str:
        """Return one line for a log, without message content."""
        counted = Counter(change.action for change in self.changes)
        done = ", ".join(f"{counted[each]} {each}" for each in RepairAction if counted[each])
        return f"{done or 'nothing changed'}; before: {self.before.summary()}; after: " + (
            "tool calls and results pair" if self.after.ok else self.after.summary()
        )


def repair_messages(  # noqa: PLR0913 -- each keyword is a separate fact
    messages: LanguageModelInput,
    profile: str | Profile | None = None,
    *,
    pending: Collection[str] = (),
    drop_unpaired: bool = False,
    tools_bound: bool = True,
    server_state: bool = False,
    resumes_response: bool = False,
    integration_version: str | None = None,
    model: str | None = None,
) -> Repair:
    """Repair what can be repaired without loss, and report the changes.

    The given messages are never changed. docs/attach.md lists what a repair does and what it
    never does.

    Args:
        messages: What LangChain takes as chat input: messages, `(role, content)` tuples, message
            dicts (also in OpenAI format), a `PromptValue`.
        profile: Name of the profile to check against, or a `Profile`; None is LangChain's
            contract.
        pending: Ids of calls whose results are still to come, such as an interrupted tool's. They
            stay open.
        drop_unpaired: Whether results that answer no call, and further results of an answered
            call, are dropped. That loses data.
        tools_bound: Whether the request carries tool definitions.
        server_state: Whether earlier turns may lie with the provider (`previous_response_id`,
            `conversation`).
        resumes_response: Whether only what follows the last response is sent
            (`use_previous_response_id`).
        integration_version: Version of the integration package (of `openrouter`, the client
            beneath it, for the profile of that name); None is the newest known.
        model: The model as requested.

    Returns:
        The repair. It leaves a history unchanged if the profile accepts it, or if every possible
        change would make it worse.

    Raises:
        TypeError: `messages` is not chat input.
        ValueError: A message or the profile's name is not known; the text says which.
    """
    if not isinstance(profile, Profile):
        profile = CONTRACT if profile is None else profile_named(profile)
    facts = Facts(
        tools_bound=tools_bound,
        server_state=server_state,
        resumes_response=resumes_response,
        version=integration_version,
        model=model,
    )
    return repair_history(messages, profile, facts, pending=pending, drop_unpaired=drop_unpaired)


def repair_history(
    messages: LanguageModelInput,
    profile: Profile,
    facts: Facts,
    *,
    pending: Collection[str],
    drop_unpaired: bool,
) -> Repair:
    """Repair a history for a request whose profile and facts are known. See `repair_messages`."""
    given = as_messages(messages)
    if isinstance(messages, list) and all(a is b for a, b in zip(messages, given, strict=True)):
        given = messages
    before = check(given, profile, facts)
    if before.ok:
        return Repair(given, (), before, before)
    # A single id is a str, which is also a collection: of characters.
    open_ids = frozenset([pending] if isinstance(pending, str) else pending)
    plan = _Plan(given, profile.row(facts), open_ids, drop_unpaired=drop_unpaired)
    best = Repair(given, (), before, before)
    for in_call_order in (False, True):
        repaired, changes = plan.apply(in_call_order=in_call_order)
        if not changes:
            continue
        after = check(repaired, profile, facts)
        # A new order has to improve the report; other changes only must not worsen it.
        if _severity(after) < _severity(best.after) or (
            not in_call_order and _severity(after) == _severity(before)
        ):
            best = Repair(repaired, changes, before, after)
    return best


def _severity(report: PairingReport) -> tuple[int, int]:
    near_misses = sum(violation.effect.is_near_miss for violation in report.violations)
    return -report.effect.rank, near_misses


def _calls_in(entry: Entry, profile: Profile) -> list[Call]:
    sent = profile.calls_of(entry)
    return [call for call in entry.calls if call.carriers & EVERY_CALL or call in sent]


@dataclass(slots=True, eq=False)
class _CallGroup:
    """An AI message with calls, and the results right after it.

    Attributes:
        calls: Its calls.
        start: Position of its first result.
        end: Position after its last result.
        answers: For each result in place the call that it answers.
        strangers: Results among them that answer none of the calls.
        moved: Results that move to it, with their calls.
        missing: Calls that get an error result.
    """

    calls: list[Call]
    start: int
    end: int
    answers: dict[Result, Call] = field(default_factory=dict)
    strangers: list[Result] = field(default_factory=list)
    moved: dict[Result, Call] = field(default_factory=dict)
    missing: list[Call] = field(default_factory=list)

    def out_of_place(self, results: Sequence[Result]) -> dict[Result, Call]:
        """Return the results, with their calls, that are not in the order of the history."""
        found = [*self.answers, *self.moved]
        owners = self.answers | self.moved
        return {new: owners[new] for new, old in zip(results, found, strict=True) if new is not old}


class _Plan:
    """The changes to make to each result and each call."""

    def __init__(
        self,
        messages: Sequence[BaseMessage],
        profile: Profile,
        pending: Collection[str],
        *,
        drop_unpaired: bool,
    ) -> None:
        self._messages = messages
        # A call counts even if the integration does not send it, so its result is not an orphan.
        results = EVERY_RESULT | profile.results
        if Carrier.TOOL_RESULT_IN_TOOL not in profile.results:
            results -= {Carrier.TOOL_RESULT_IN_TOOL}
        self._turns = [
            as_turn(entry, _calls_in(entry, profile), results)
            for entry in read_transcript(messages).entries
        ]
        self._groups: list[_CallGroup] = []
        self._strays: list[Result] = []
        self._unpaired: list[Result] = []
        self._open: dict[Call, _CallGroup] = {}
        # Ids with a result that may belong to more than one call.
        self._ambiguous_ids: set[str] = set()
        # The number of earlier calls with the same id.
        self._occurrence: dict[Call, int] = {}
        self._pair_in_place()
        self._place_strays()
        for call, group in self._open.items():
            if (
                call.id not in self._ambiguous_ids
                and call.id not in pending
                and _is_answerable(call, profile)
            ):
                group.missing.append(call)
        self._dropped = [r for r in self._unpaired if drop_unpaired and self._is_alone(r)]

    def _pair_in_place(self) -> None:
        group: _CallGroup | None = None
        for turn in self._turns:
            for result in turn.results:
                self._pair(result, group)
            if turn.calls or not turn.results or turn.has_text:
                group = None
            elif group is not None:
                group.end = turn.index + 1
            if turn.calls:
                group = _CallGroup(turn.calls, turn.index + 1, turn.index + 1)
                self._groups.append(group)
                self._open.update(dict.fromkeys(turn.calls, group))

    def _pair(self, result: Result, group: _CallGroup | None) -> None:
        for call in group.calls if group and result.id else ():
            if call.id == result.id and call in self._open:
                self._open.pop(call).answers[result] = call
                return
        self._strays.append(result)
        if group is not None:
            group.strangers.append(result)

    def _place_strays(self) -> None:
        calls: dict[str, list[Call]] = {}
        waiting: dict[str, list[Call]] = {}
        for group in self._groups:
            for call in group.calls:
                same_id = calls.setdefault(call.id, [])
                self._occurrence[call] = len(same_id)
                if same_id and same_id[-1].index == call.index:
                    # If two calls of one message share an id, a result may belong to either.
                    self._ambiguous_ids.add(call.id)
                same_id.append(call)
                if call in self._open:
                    waiting.setdefault(call.id, []).append(call)
        for result in self._strays:
            if result.id:
                self._place(result, calls.get(result.id, []), waiting.get(result.id, []))

    def _place(self, result: Result, calls: list[Call], waiting: list[Call]) -> None:
        """Move the result to its call, or record why that is not possible.

        Args:
            result: A result that does not follow a call with its id.
            calls: The calls with its id.
            waiting: Those of them that have no result yet.
        """
        earlier = bisect_left(calls, result.index, key=_index_of)
        candidates = bisect_left(waiting, result.index, key=_index_of)
        if not candidates and (earlier or not waiting):
            self._unpaired.append(result)
            return
        is_clear = candidates == 1 and waiting[0] is calls[earlier - 1]
        if is_clear and result.id not in self._ambiguous_ids and self._is_alone(result):
            call = waiting.pop(0)
            self._open.pop(call).moved[result] = call
        else:
            self._ambiguous_ids.add(result.id)

    def _is_alone(self, result: Result) -> bool:
        """Whether its message contains nothing but the result."""
        turn = self._turns[result.index]
        return turn.role is Role.TOOL and turn.results == [result]

    def apply(self, *, in_call_order: bool) -> tuple[list[BaseMessage], tuple[Change, ...]]:
        """Return the repaired history and the changes.

        Args:
            in_call_order: Whether real results are also sorted in the order of their calls.
        """
        gone = self._removed_positions()
        taken: set[int] = set()
        moves: dict[Result, Call] = {}
        inserts: dict[int, list[Result | Call]] = {}
        for group in self._groups:
            put = list(group.moved)
            moves.update(group.moved)
            if in_call_order and self._is_sortable(group, gone):
                put = self._in_call_order(group)
                moves.update(group.out_of_place(put))
            taken.update(result.index for result in put)
            inserts[group.end] = [*put, *group.missing]
        return self._assemble(gone | taken, inserts, moves)

    def _removed_positions(self) -> set[int]:
        """Return the positions of results that are moved or dropped in any order of results."""
        moved = {result.index for group in self._groups for result in group.moved}
        return moved | {result.index for result in self._dropped}

    def _in_call_order(self, group: _CallGroup) -> list[Result]:
        """Return the results in the order of their calls, those of an earlier repair last."""
        place = {call: position for position, call in enumerate(group.calls)}
        owners = group.answers | group.moved

        def order(result: Result) -> tuple[bool, int]:
            return MARK in self._messages[result.index].additional_kwargs, place[owners[result]]

        return sorted(owners, key=order)

    def _is_sortable(self, group: _CallGroup, removed: Collection[int]) -> bool:
        """Whether only results of the group's calls will remain after its message."""
        return all(stranger.index in removed for stranger in group.strangers) and all(
            map(self._is_alone, group.answers)
        )

    def _assemble(
        self,
        gone: Collection[int],
        inserts: Mapping[int, list[Result | Call]],
        moves: Mapping[Result, Call],
    ) -> tuple[list[BaseMessage], tuple[Change, ...]]:
        repaired: list[BaseMessage] = []
        changes: list[Change] = []
        for index in range(len(self._messages) + 1):
            for put in inserts.get(index, ()):
                if isinstance(put, Result):
                    if put in moves:
                        changes.append(
                            _change(RepairAction.MOVED, put, moves[put].name, len(repaired))
                        )
                    repaired.append(self._messages[put.index])
                else:
                    changes.append(_change(RepairAction.INSERTED, put, put.name, len(repaired)))
                    repaired.append(self._error_result(put))
            if index < len(self._messages) and index not in gone:
                repaired.append(self._messages[index])
        changes += [
            _change(RepairAction.DROPPED, result, result.name, None) for result in self._dropped
        ]
        return repaired, tuple(changes)

    def _error_result(self, call: Call) -> ToolMessage:
        """Return an error result, the same one in every repair of the same call."""
        message_id = self._messages[call.index].id or str(self._occurrence[call])
        return ToolMessage(
            NO_RESULT_TEXT,
            tool_call_id=call.id,
            name=call.name,
            status="error",
            id=str(uuid5(_NAMESPACE, f"{message_id}/{call.id}")),
            additional_kwargs={MARK: RepairAction.INSERTED.value},
        )


def _index_of(call: Call) -> int:
    return call.index


def _change(
    action: RepairAction, subject: Call | Result, name: str | None, new_index: int | None
) -> Change:
    return Change(action, subject.id, name, subject.index, new_index)


_PROVIDER_KINDS = frozenset({Carrier.RESPONSES_ITEM, Carrier.KEPT_ITEM})


def _is_answerable(call: Call, profile: Profile) -> bool:
    """Whether an error result can replace the call's own result.

    It needs the call's id. The answer to a provider's own kind of call (a screenshot, a patch)
    can't be invented. The result of a call that is not sent would be an orphan.
    """
    can_be_invented = not call.carriers & _PROVIDER_KINDS
    return bool(call.id) and can_be_invented and bool(call.carriers & profile.calls)
