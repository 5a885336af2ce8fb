"""Move late results to their calls, insert error results, and drop what answers nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from langchain_core.messages import ToolMessage

from toolpair_observe.pairing.masked_texts import NO_RESULT_TEXT, REPAIR_MARK
from toolpair_observe.pairing.predict import as_turn
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.transcript import Result
from toolpair_observe.pairing.words import EVERY_CALL, EVERY_RESULT, Carrier, Role
from toolpair_observe.repair.report import Change, RepairAction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.transcript import Call, Entry

_NAMESPACE: Final = UUID("6f0c8a52-2d0b-5d53-9a43-3a6c5f9e1b7d")


@dataclass(frozen=True, slots=True)
class Draft:
    """A history on its way to a repair.

    Attributes:
        messages: The messages.
        changes: What was changed so far.
        origins: For each message its position in the original history, None for an inserted one;
            empty while nothing has moved.
    """

    messages: list[BaseMessage]
    changes: tuple[Change, ...] = ()
    origins: tuple[int | None, ...] = ()

    def origin(self, at: int) -> int:
        """Return where a message of the original history stood."""
        origin = self.origins[at] if self.origins else at
        return at if origin is None else origin


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
        missing: Calls that get an error result, one for each id.
        also_missing: Further calls under these ids.
        waiting: By id the calls that none of its results answers yet.
    """

    calls: list[Call]
    start: int
    end: int
    answers: dict[Result, Call] = field(default_factory=dict)
    strangers: list[Result] = field(default_factory=list)
    moved: dict[Result, Call] = field(default_factory=dict)
    missing: list[Call] = field(default_factory=list)
    also_missing: list[Call] = field(default_factory=list)
    waiting: dict[str, deque[Call]] = field(default_factory=lambda: defaultdict(deque))

    def __post_init__(self) -> None:
        for call in self.calls:
            self.waiting[call.id].append(call)

    def out_of_place(self, results: Sequence[Result]) -> dict[Result, Call]:
        """Return the results, with their calls, that are not in the order of the history."""
        found = [*self.answers, *self.moved]
        owners = self.answers | self.moved
        return {new: owners[new] for new, old in zip(results, found, strict=True) if new is not old}


class Plan:
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
        # Then a late result is as good where it stands.
        self._pairs_anywhere = profile.pairs_anywhere
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
        # Ids that two calls of one message share: a result may belong to either.
        self._shared_ids: set[str] = set()
        # The number of earlier calls with the same id.
        self._occurrence: dict[Call, int] = {}
        # Calls whose id another call of their message has as well, before them.
        self._again: set[Call] = set()
        self._pair_in_place()
        self._place_strays()
        for group in self._groups:
            self._find_missing(group, profile, pending)
        self._dropped = [r for r in self._unpaired if drop_unpaired and self._is_alone(r)]

    def _find_missing(self, group: _CallGroup, profile: Profile, pending: Collection[str]) -> None:
        """Find the calls of a group that get an error result."""
        done = {call.id for call in (*group.answers.values(), *group.moved.values())}
        once: set[str] = set()
        waiting = [call for call in group.calls if call in self._open]
        for call in waiting:
            known = (done, pending, self._ambiguous_ids)
            if _is_answerable(call, profile) and not any(call.id in ids for ids in known):
                (group.also_missing if call.id in once else group.missing).append(call)
                once.add(call.id)

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
        if group is not None and result.id and group.waiting[result.id]:
            call = group.waiting[result.id].popleft()
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
                    self._shared_ids.add(call.id)
                    self._again.add(call)
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
        is_clear = is_clear and result.id not in self._shared_ids
        if is_clear and result.id not in self._ambiguous_ids and self._is_alone(result):
            call = waiting.pop(0)
            group = self._open.pop(call)
            if not self._pairs_anywhere:
                group.moved[result] = call
        else:
            self._ambiguous_ids.add(result.id)

    def _is_alone(self, result: Result) -> bool:
        """Whether its message contains nothing but the result."""
        turn = self._turns[result.index]
        return turn.role is Role.TOOL and turn.results == [result]

    @property
    def ways(self) -> Iterator[tuple[bool, bool]]:
        """What `apply` can be asked for, the least change first."""
        each_call = (False, True) if any(group.also_missing for group in self._groups) else (False,)
        return product((False, True), each_call)

    def apply(self, *, in_call_order: bool, each_call: bool) -> Draft:
        """Return the repaired history and the changes.

        Args:
            in_call_order: Whether real results are also sorted in the order of their calls.
            each_call: Whether calls of one message that share an id get an error result each, as
                those want it who count results, rather than one for the id.
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
            inserts[group.end] = [*put, *group.missing, *group.also_missing * each_call]
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
            own = self._messages[result.index].additional_kwargs or {}
            return REPAIR_MARK in own, place[owners[result]]

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
    ) -> Draft:
        repaired: list[BaseMessage] = []
        origins: list[int | None] = []
        changes: list[Change] = []
        for index in range(len(self._messages) + 1):
            for put in inserts.get(index, ()):
                if isinstance(put, Result):
                    if put in moves:
                        changes.append(
                            _change(RepairAction.MOVED, put, moves[put].name, len(repaired))
                        )
                    repaired.append(self._messages[put.index])
                    origins.append(put.index)
                else:
                    changes.append(_change(RepairAction.INSERTED, put, put.name, len(repaired)))
                    repaired.append(self._error_result(put))
                    origins.append(None)
            if index < len(self._messages) and index not in gone:
                repaired.append(self._messages[index])
                origins.append(index)
        changes += [
            _change(RepairAction.DROPPED, result, result.name, None) for result in self._dropped
        ]
        return Draft(repaired, tuple(changes), tuple(origins))

    def _error_result(self, call: Call) -> ToolMessage:
        """Return an error result, the same one in every repair of the same call."""
        name = f"{self._messages[call.index].id or self._occurrence[call]}"
        if call in self._again:
            name += f"/{self._occurrence[call]}"
        # An id of the application may hold what UTF-8 can't carry.
        name = f"{name}/{call.id}".encode(errors="backslashreplace").decode()
        return ToolMessage(
            NO_RESULT_TEXT,
            tool_call_id=call.id,
            name=call.name,
            status="error",
            id=str(uuid5(_NAMESPACE, name)),
            additional_kwargs={REPAIR_MARK: RepairAction.INSERTED.value},
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
    can't be invented, nor that of a call that still runs. The result of a call that is not sent
    would be an orphan.
    """
    can_be_invented = not call.carriers & _PROVIDER_KINDS and not call.is_async
    return bool(call.id) and can_be_invented and bool(call.carriers & profile.calls)
