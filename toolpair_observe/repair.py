"""Mend a history whose tool calls and tool results do not pair, as far as nothing is lost by it.

Pure: a list of messages in, a `Repair` out; the messages given are never touched. What may be done
is little, and all of it is reported:

- A late result goes back to its call. It answers the newest call that bears its id. Where two open
  calls share that id, or the result stands before the call, nothing is guessed and both stay.
- A call without a result gets an error result after its real siblings, unless the caller names it
  as pending.
- An orphan or duplicate is left, because it is somebody's data; an option drops it.

Human, AI and system messages stay as they are and in their order. Ids are never made up, stripped
or matched by position.
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
from toolpair_observe.pairing.transcript import Result, read_transcript
from toolpair_observe.pairing.words import EVERY_CALL, EVERY_RESULT, Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pairing.transcript import Call

MARK: Final = "toolpair_repair"
"""Key in `additional_kwargs` of a result that was put in; its value is the action."""

NO_RESULT_TEXT: Final = (
    "Error: no result of this tool call is available. The call was interrupted or its result was "
    "lost; whether the tool ran is not known."
)
_NAMESPACE: Final = UUID("6f0c8a52-2d0b-5d53-9a43-3a6c5f9e1b7d")


class RepairAction(StrEnum):
    """What was done about one call or result."""

    INSERTED = "inserted_error_result"
    """An error result was put in for a call that had none."""

    MOVED = "moved_result"
    """A result was put back to its call."""

    DROPPED = "dropped_result"
    """A result was left out: it answered no call, or one that was answered already."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a repair did.

    Attributes:
        action: What was done.
        tool_call_id: The id of the call and of its result.
        tool_name: Name of the tool, or None where the history does not tell.
        message_index: Position of the result in the history given, from 0; for an inserted result
            that of its call.
        new_index: Position of the result in the repaired history, from 0, or None where it was
            dropped.
    """

    action: RepairAction
    tool_call_id: str
    tool_name: str | None
    message_index: int
    new_index: int | None


@dataclass(frozen=True, slots=True)
class Repair:
    """A repaired history and what was done to it.

    Attributes:
        messages: The history to send. The very list that was given where nothing was changed.
        changes: What was done, in the order of the repaired history; what was dropped comes last.
        before: The check of the history given.
        after: The check of the repaired history. What it still finds could not be mended without
            loss.
    """

    messages: list[BaseMessage] = field(repr=False)
    changes: tuple[Change, ...]
    before: PairingReport
    after: PairingReport

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return bool(self.changes)

    def summary(self) -> str:
        """Return one line for a log, without content."""
        counted = Counter(change.action for change in self.changes)
        done = ", ".join(f"{counted[each]} {each}" for each in RepairAction if counted[each])
        return f"{done or 'nothing changed'}; before: {self.before.summary()}; after: " + (
            "tool calls and results pair" if self.after.ok else self.after.summary()
        )


def repair_messages(  # noqa: PLR0913 -- each keyword is a fact of its own
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
    """Mend what can be mended without loss, and say what was done.

    The messages given are never touched. docs/attach.md lists what a repair does and what it
    never does.

    Args:
        messages: What LangChain takes as chat input: messages, `(role, content)` tuples, message
            dicts (also in OpenAI format), a `PromptValue`.
        profile: Name of the profile that will judge the history, or a `Profile`; None is
            LangChain's contract.
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
        The repair. A history that the profile takes comes back as it was, and so does one that
        could only be made worse.

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
    """Mend a history for a request whose profile and facts are known. See `repair_messages`."""
    given = as_messages(messages)
    if isinstance(messages, list) and all(a is b for a, b in zip(messages, given, strict=True)):
        given = messages
    before = check(given, profile, facts)
    if before.ok:
        return Repair(given, (), before, before)
    # One id alone is a collection, too: of characters.
    open_ids = frozenset([pending] if isinstance(pending, str) else pending)
    plan = _Plan(given, profile.row(facts), open_ids, drop_unpaired=drop_unpaired)
    best = Repair(given, (), before, before)
    for in_call_order in (False, True):
        mended, changes = plan.carry_out(in_call_order=in_call_order)
        if not changes:
            continue
        after = check(mended, profile, facts)
        # Order is changed only where that helps; the rest where it does no harm.
        if _badness(after) < _badness(best.after) or (
            not in_call_order and _badness(after) == _badness(before)
        ):
            best = Repair(mended, changes, before, after)
    return best


def _badness(report: PairingReport) -> tuple[int, int]:
    near_misses = sum(violation.effect.is_near_miss for violation in report.violations)
    return -report.effect.rank, near_misses


@dataclass(slots=True, eq=False)
class _Block:
    """An AI message with calls and the results that follow it at once.

    Attributes:
        calls: Its calls.
        start: Where its results start.
        end: Where they end.
        answers: For each result in place the call that it answers.
        strangers: Other results that stand among them.
        moved: Results that go back to it, with their calls.
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
        """Those of the results, with their calls, that do not stand where they are found."""
        found = [*self.answers, *self.moved]
        owners = self.answers | self.moved
        return {new: owners[new] for new, old in zip(results, found, strict=True) if new is not old}


class _Plan:
    """What is to be done with each result and each call."""

    def __init__(
        self,
        messages: Sequence[BaseMessage],
        profile: Profile,
        pending: Collection[str],
        *,
        drop_unpaired: bool,
    ) -> None:
        self._messages = messages
        # Every call counts, also one that the integration does not send: its result is no orphan.
        results = EVERY_RESULT | profile.results
        if Carrier.TOOL_RESULT_IN_TOOL not in profile.results:
            results -= {Carrier.TOOL_RESULT_IN_TOOL}
        self._turns = [
            as_turn(entry, EVERY_CALL, results) for entry in read_transcript(messages).entries
        ]
        self._blocks: list[_Block] = []
        self._strays: list[Result] = []
        self._unpaired: list[Result] = []
        self._open: dict[Call, _Block] = {}
        # Ids under which a result may be there that cannot be placed.
        self._held: set[str] = set()
        # How many earlier calls bear the same id.
        self._occurrence: dict[Call, int] = {}
        self._pair_in_place()
        self._place_strays()
        for call, block in self._open.items():
            if (
                call.id not in self._held
                and call.id not in pending
                and _is_answerable(call, profile)
            ):
                block.missing.append(call)
        self._dropped = [r for r in self._unpaired if drop_unpaired and self._is_alone(r)]

    def _pair_in_place(self) -> None:
        block: _Block | None = None
        for turn in self._turns:
            for result in turn.results:
                self._take(result, block)
            if turn.calls or not turn.results or turn.has_text:
                block = None
            elif block is not None:
                block.end = turn.index + 1
            if turn.calls:
                block = _Block(turn.calls, turn.index + 1, turn.index + 1)
                self._blocks.append(block)
                self._open.update(dict.fromkeys(turn.calls, block))

    def _take(self, result: Result, block: _Block | None) -> None:
        for call in block.calls if block and result.id else ():
            if call.id == result.id and call in self._open:
                self._open.pop(call).answers[result] = call
                return
        self._strays.append(result)
        if block is not None:
            block.strangers.append(result)

    def _place_strays(self) -> None:
        bearers: dict[str, list[Call]] = {}
        waiting: dict[str, list[Call]] = {}
        for block in self._blocks:
            for call in block.calls:
                same_id = bearers.setdefault(call.id, [])
                self._occurrence[call] = len(same_id)
                if same_id and same_id[-1].index == call.index:
                    # An id that two calls of one message share does not tell whose a result is.
                    self._held.add(call.id)
                same_id.append(call)
                if call in self._open:
                    waiting.setdefault(call.id, []).append(call)
        for result in self._strays:
            if result.id:
                self._place(result, bearers.get(result.id, []), waiting.get(result.id, []))

    def _place(self, result: Result, bearers: list[Call], waiting: list[Call]) -> None:
        """Give the result to its call, or note why that can't be done.

        Args:
            result: A result that stands with no call of its id.
            bearers: The calls that bear its id.
            waiting: Those of them that nothing has answered yet.
        """
        made = bisect_left(bearers, result.index, key=_index_of)
        might = bisect_left(waiting, result.index, key=_index_of)
        if not might and (made or not waiting):
            self._unpaired.append(result)
            return
        is_told = might == 1 and waiting[0] is bearers[made - 1]
        if is_told and result.id not in self._held and self._is_alone(result):
            call = waiting.pop(0)
            self._open.pop(call).moved[result] = call
        else:
            self._held.add(result.id)

    def _is_alone(self, result: Result) -> bool:
        """Whether the result is all that its message is."""
        turn = self._turns[result.index]
        return turn.role is Role.TOOL and turn.results == [result]

    def carry_out(self, *, in_call_order: bool) -> tuple[list[BaseMessage], tuple[Change, ...]]:
        """Return the mended history and what was done.

        Args:
            in_call_order: Whether real results are put in the order of their calls, too.
        """
        gone = self._leaving()
        taken: set[int] = set()
        moves: dict[Result, Call] = {}
        inserts: dict[int, list[Result | Call]] = {}
        for block in self._blocks:
            put = list(block.moved)
            moves.update(block.moved)
            if in_call_order and self._is_sortable(block, gone):
                put = self._sorted(block)
                moves.update(block.out_of_place(put))
            taken.update(result.index for result in put)
            inserts[block.end] = [*put, *block.missing]
        return self._assembled(gone | taken, inserts, moves)

    def _leaving(self) -> set[int]:
        """Positions of the results that do not stay where they are, whatever the order."""
        moved = {result.index for block in self._blocks for result in block.moved}
        return moved | {result.index for result in self._dropped}

    def _sorted(self, block: _Block) -> list[Result]:
        """The block's results in the order of their calls, those of an earlier repair last."""
        place = {call: position for position, call in enumerate(block.calls)}
        owners = block.answers | block.moved

        def order(result: Result) -> tuple[bool, int]:
            return MARK in self._messages[result.index].additional_kwargs, place[owners[result]]

        return sorted(owners, key=order)

    def _is_sortable(self, block: _Block, leaving: Collection[int]) -> bool:
        """Whether nothing but results of the block's own calls will stand there."""
        return all(stranger.index in leaving for stranger in block.strangers) and all(
            map(self._is_alone, block.answers)
        )

    def _assembled(
        self,
        gone: Collection[int],
        inserts: Mapping[int, list[Result | Call]],
        moves: Mapping[Result, Call],
    ) -> tuple[list[BaseMessage], tuple[Change, ...]]:
        mended: list[BaseMessage] = []
        changes: list[Change] = []
        for index in range(len(self._messages) + 1):
            for put in inserts.get(index, ()):
                if isinstance(put, Result):
                    if put in moves:
                        changes.append(
                            _change(RepairAction.MOVED, put, moves[put].name, len(mended))
                        )
                    mended.append(self._messages[put.index])
                else:
                    changes.append(_change(RepairAction.INSERTED, put, put.name, len(mended)))
                    mended.append(self._error_result(put))
            if index < len(self._messages) and index not in gone:
                mended.append(self._messages[index])
        changes += [
            _change(RepairAction.DROPPED, result, result.name, None) for result in self._dropped
        ]
        return mended, tuple(changes)

    def _error_result(self, call: Call) -> ToolMessage:
        """An error result that is the same for the same call, however often it is made."""
        bearer = self._messages[call.index].id or str(self._occurrence[call])
        return ToolMessage(
            NO_RESULT_TEXT,
            tool_call_id=call.id,
            name=call.name,
            status="error",
            id=str(uuid5(_NAMESPACE, f"{bearer}/{call.id}")),
            additional_kwargs={MARK: RepairAction.INSERTED.value},
        )


def _index_of(call: Call) -> int:
    return call.index


def _change(
    action: RepairAction, subject: Call | Result, name: str | None, new_index: int | None
) -> Change:
    return Change(action, subject.id, name, subject.index, new_index)


_OWN_KINDS = frozenset({Carrier.RESPONSES_ITEM, Carrier.KEPT_ITEM})


def _is_answerable(call: Call, profile: Profile) -> bool:
    """Whether an error result can stand for the call's own.

    Without an id nothing can; what answers a provider's own kind of call (a screenshot, a patch)
    can't be made up; and the result of a call that is not sent would be an orphan.
    """
    return bool(call.id) and not call.carriers & _OWN_KINDS and bool(call.carriers & profile.calls)
