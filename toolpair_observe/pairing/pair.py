"""Tie results to calls in a sequence of turns, and name what does not pair.

The same pass serves twice: on the messages as LangChain holds them (the contract), and on the turns
that an integration really sends, after its merging, dropping and moving.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING

from toolpair_observe.pairing.turns import Block, Finding, Pairing, Stray, Turn
from toolpair_observe.pairing.words import Carrier, Case, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from toolpair_observe.pairing.transcript import Call, Result


def pair(
    turns: Iterable[Turn],
    keys: Mapping[Call | Result, str] | None = None,
    *,
    ids_matter: bool = True,
) -> Pairing:
    """Pair calls and results; ids are scoped to the block that follows an AI turn.

    Args:
        turns: Who says what, in order.
        keys: What to match by in place of the ids, for integrations that send none.
        ids_matter: Whether a call or result without an id is a breach of its own.
    """
    return _Pass(keys or {}, ids_matter=ids_matter).run(turns)


def without_async(turns: list[Turn]) -> list[Turn]:
    """Leave out calls that need not be answered at once, and the results that answer them later.

    The turns are not changed; where no call is of that kind they are returned as they are.
    """
    if not any(call.is_async for turn in turns for call in turn.calls):
        return turns
    waiting: set[str] = set()
    kept: list[Turn] = []
    for turn in turns:
        calls = [call for call in turn.calls if not call.is_async]
        results = [result for result in turn.results if result.id not in waiting]
        # A second result of a call is a second one all the same.
        waiting -= {result.id for result in turn.results}
        waiting |= {call.id for call in turn.calls if call.is_async}
        if turn.only_answers and not results:
            continue
        copy = turn.copy()
        copy.calls, copy.results = calls, results
        kept.append(copy)
    return kept


def pair_anywhere(turns: Sequence[Turn]) -> Pairing:
    """Pair calls and results over the whole request, wherever they stand."""
    blocks = [Block(turn, turn.last + 1, at_end=turn is turns[-1]) for turn in turns if turn.calls]
    asked: dict[str, tuple[Call, Block]] = {}
    findings: list[Finding] = []
    for block in blocks:
        for call in block.turn.calls:
            if call.null_id:
                continue
            first, owner = asked.setdefault(call.id, (call, block))
            case = Case.DUPLICATE_CALL_ID if first is not call and owner is block else None
            case = case if call.id else Case.CALL_WITHOUT_ID
            if case is not None:
                findings.append(Finding(case, call, None, block.turn.position, block))
    answer: dict[Call, Result] = {}
    before: Role | None = None
    for turn in turns:
        for result in turn.results:
            if result.id in asked:
                call, block = asked[result.id]
                findings += _answer_anywhere(call, result, turn, block, answer)
            else:
                case = _orphan_case(before, result)
                findings.append(Finding(case, None, result, turn.position))
        if not turn.only_answers:
            before = turn.role
    answered = {call.id for call in answer}
    for block in blocks:
        findings += _missing_anywhere(block, answered)
    findings.sort(key=lambda finding: finding.index)
    return Pairing(findings, blocks, answer)


def _answer_anywhere(
    call: Call, result: Result, turn: Turn, block: Block, answer: dict[Call, Result]
) -> list[Finding]:
    if call in answer:
        return [Finding(Case.DUPLICATE, call, result, turn.position, block)]
    answer[call] = result
    block.answered += 1
    if result.index < call.index:
        return [Finding(Case.EARLY, call, result, turn.position, block)]
    return []


def _missing_anywhere(block: Block, answered: set[str]) -> list[Finding]:
    block.missing = [c for c in block.turn.calls if c.null_id or c.id not in answered]
    case = Case.MISSING_AT_END if block.at_end else Case.MISSING_ALL
    if block.answered:
        case = Case.MISSING_SOME
    return [Finding(case, call, None, block.turn.position, block) for call in block.missing]


class _Waiting:
    """The unanswered calls under one id, for results that come in the order of the messages."""

    def __init__(self) -> None:
        self.ahead: deque[Call] = deque()
        self._behind: list[Call] = []

    def take(self, index: int) -> Call | None:
        """Take the last call before `index`; a result that came early gets the first one after."""
        while self.ahead and self.ahead[0].index < index:
            self._behind.append(self.ahead.popleft())
        if self._behind:
            return self._behind.pop()
        return self.ahead.popleft() if self.ahead else None


class _Pass:
    """State of one pass. Strays wait until the end, because their call may stand further on."""

    def __init__(self, keys: Mapping[Call | Result, str], *, ids_matter: bool) -> None:
        self.keys = keys
        self.ids_matter = ids_matter
        self.findings: list[Finding] = []
        self.blocks: list[Block] = []
        self.strays: list[Stray] = []
        self.answer: dict[Call, Result] = {}
        # Both are filled once there are strays: no sound history needs them.
        self.answered_by_id: dict[str, list[Call]] = {}
        self.block_of: dict[Call, Block] = {}
        self.turns: list[Turn] = []

    def run(self, turns: Iterable[Turn]) -> Pairing:
        self.turns = list(turns)
        block: Block | None = None
        open_calls: dict[str, deque[Call]] = {}
        before: Role | None = None
        for turn in self.turns:
            if turn.results:
                self._take_results(turn, block, open_calls, before)
            if turn.calls or not turn.results or turn.has_text:
                if block is not None:
                    _close(block, open_calls, self.keys)
                    block.at_end = False
                block, before = None, turn.role
            if turn.calls:
                block = Block(turn, turn.last + 1)
                open_calls = self._open(block)
        if block is not None:
            _close(block, open_calls, self.keys)
        self._settle()
        self.findings.sort(key=lambda finding: finding.index)
        return Pairing(self.findings, self.blocks, self.answer)

    def _take_results(
        self,
        turn: Turn,
        block: Block | None,
        open_calls: dict[str, deque[Call]],
        before: Role | None,
    ) -> None:
        for result in turn.results:
            key = self.keys.get(result, result.id)
            waiting = open_calls.get(key)
            if block is not None and waiting and self._may_answer(waiting[0], key):
                block.answered += 1
                self.answer[waiting.popleft()] = result
            else:
                self.strays.append(Stray(result, turn.position, block, before))
        if block is not None:
            block.end = turn.last + 1
            block.at_end = False

    def _settle(self) -> None:
        if self.strays:
            self._settle_strays()
        for block in self.blocks:
            if block.unanswered or block.strangers:
                self._settle_block(block)
        for finding in self.findings:
            if finding.case is Case.DUPLICATE_CALL_ID and finding.call not in self.answer:
                finding.case = self._case_of_shared_id(finding.block)

    def _case_of_shared_id(self, block: Block | None) -> Case:
        # Who sees no ids counts results, and has nothing to count where the history ends.
        if not self.ids_matter and block is not None and block.at_end:
            return Case.MISSING_AT_END
        return Case.DUPLICATE_CALL_ID_ONE_RESULT

    def _open(self, block: Block) -> dict[str, deque[Call]]:
        self.blocks.append(block)
        open_calls: dict[str, deque[Call]] = {}
        for call in block.turn.calls:
            key = self.keys.get(call, call.id)
            same_id = open_calls.get(key)
            if same_id is None:
                open_calls[key] = deque((call,))
            else:
                same_id.append(call)
            if not call.id:
                if self.ids_matter:
                    self._find(Case.CALL_WITHOUT_ID, call, None, block.turn.position, block)
            elif same_id is not None:
                self._find(Case.DUPLICATE_CALL_ID, call, None, block.turn.position, block)
        return open_calls

    def _may_answer(self, call: Call, key: str) -> bool:
        # Only a provider that matches whatever the id is tells None from "".
        return bool(key) or self.ids_matter or not call.null_id

    def _find(  # noqa: PLR0913, PLR0917 - a finding is all of these
        self,
        case: Case,
        call: Call | None,
        result: Result | None,
        position: int,
        block: Block | None = None,
        gap: range = range(0),
    ) -> None:
        self.findings.append(Finding(case, call, result, position, block, gap))

    def _settle_strays(self) -> None:
        """Tie each stray to the newest unanswered call that bears its id; sort out the rest."""
        for call in self.answer:
            self.answered_by_id.setdefault(call.id, []).append(call)
        self.block_of = {call: block for block in self.blocks for call in block.turn.calls}
        waiting: dict[str, _Waiting] = defaultdict(_Waiting)
        for block in self.blocks:
            for call in block.unanswered:
                if call.id:
                    waiting[call.id].ahead.append(call)
        for stray in self.strays:
            owner = None
            same_id = waiting.get(stray.result.id)
            if same_id is not None and not self._repeats_answer(stray):
                owner = same_id.take(stray.result.index)
            if owner is not None:
                self._settle_misplaced(owner, stray)
            else:
                self._settle_stranger(stray)

    def _repeats_answer(self, stray: Stray) -> bool:
        """Whether the block of the result has an answer under its id already."""
        answered = _newest(self.answered_by_id.get(stray.result.id), stray.result.index)
        return answered is not None and self.block_of[answered] is stray.block

    def _settle_misplaced(self, call: Call, stray: Stray) -> None:
        block = self.block_of[call]
        self.answer[call] = stray.result
        gap = range(block.end, stray.result.index)
        early = stray.result.index < call.index
        case = Case.EARLY if early else self._case_of_gap(gap)
        self._find(case, call, stray.result, stray.position, block, gap)

    def _case_of_gap(self, gap: range) -> Case:
        start = bisect_left(self.turns, gap.start, key=lambda turn: turn.index)
        # A few turns tell "one kind of speaker" from "several": a long gap is not walked.
        near = self.turns[start : start + _GAP_LOOK]
        roles = {turn.role for turn in near if turn.index < gap.stop and not turn.only_answers}
        return _GAP_CASES.get(roles.pop(), Case.LATE) if len(roles) == 1 else Case.LATE

    def _settle_stranger(self, stray: Stray) -> None:
        result, block = stray.result, stray.block
        answered = _newest(self.answered_by_id.get(result.id), result.index) if result.id else None
        if answered is not None:
            owner = self.block_of[answered]
            case = Case.DUPLICATE if owner is block else Case.DUPLICATE_LATER
            self._find(case, answered, result, stray.position, owner)
        elif block is not None:
            block.strangers.append(stray)
        elif result.carrier in _NEVER_WITH_ID and self.ids_matter:
            self._find(Case.RESULT_WITHOUT_ID, None, result, stray.position)
        else:
            self._find(_orphan_case(stray.before, result), None, result, stray.position)

    def _settle_block(self, block: Block) -> None:
        missing = [
            call
            for call in block.unanswered
            if call not in self.answer and (call.id or not self.ids_matter)
        ]
        pairs = _match_strangers(missing, block.strangers)
        for call, stray in pairs:
            nameless = self.ids_matter and not stray.result.id
            case = Case.MISMATCHED_WITHOUT_ID if nameless else Case.MISMATCHED
            self._find(case, call, stray.result, stray.position, block)
        taken_calls = {call for call, _ in pairs}
        taken = {stray.result for _, stray in pairs}
        for stray in block.strangers:
            if stray.result not in taken:
                nameless = self.ids_matter and not stray.result.id
                case = Case.RESULT_WITHOUT_ID if nameless else Case.ORPHAN_AMONG_RESULTS
                self._find(case, None, stray.result, stray.position, block)
        if block.answered or taken_calls:
            case = Case.MISSING_SOME
        else:
            case = Case.MISSING_AT_END if block.at_end else Case.MISSING_ALL
        block.missing = [call for call in missing if call not in taken_calls]
        for call in block.missing:
            self._find(case, call, None, block.turn.position, block)


_NEVER_WITH_ID = frozenset({Carrier.CHAT_TOOL, Carrier.FUNCTION})
_GAP_LOOK = 4
_GAP_CASES = {
    Role.HUMAN: Case.AFTER_HUMAN,
    Role.SYSTEM: Case.AFTER_SYSTEM,
    Role.AI: Case.AFTER_AI,
}
_ORPHAN_CASES = {
    None: Case.ORPHAN_FIRST,
    Role.SYSTEM: Case.ORPHAN_FIRST,
    Role.AI: Case.ORPHAN_AFTER_AI,
}


def _orphan_case(before: Role | None, result: Result) -> Case:
    if before is None and result.index == 0:
        return Case.ORPHAN_AT_START
    return _ORPHAN_CASES.get(before, Case.ORPHAN_AFTER_HUMAN)


def _close(
    block: Block, open_calls: Mapping[str, deque[Call]], keys: Mapping[Call | Result, str]
) -> None:
    """Note which calls of the block are unanswered.

    Of several calls under one id the shared id is the breach; they are missing a result only where
    none of them has one, and then once.
    """
    if block.answered == len(block.turn.calls):
        return
    if len(open_calls) == len(block.turn.calls):  # the rule
        block.unanswered += [call for calls in open_calls.values() for call in calls]
        return
    made = Counter(keys.get(call, call.id) for call in block.turn.calls)
    for calls in open_calls.values():
        for call in calls:
            if not call.id or made[keys.get(call, call.id)] == 1:
                block.unanswered.append(call)
        if calls and calls[0].id and len(calls) == made[keys.get(calls[0], calls[0].id)] > 1:
            block.unanswered.append(calls[0])


def _newest(calls: Sequence[Call] | None, index: int) -> Call | None:
    """The last call that stands before `index`, or None."""
    if not calls:
        return None
    place = bisect_left(calls, index, key=lambda call: call.index)
    return calls[place - 1] if place else None


def _match_strangers(
    missing: Sequence[Call], strangers: Sequence[Stray]
) -> list[tuple[Call, Stray]]:
    """Match calls without a result and results with unknown ids, by tool name, then in order."""
    if not strangers:
        return []
    by_name: dict[str, deque[Stray]] = {}
    for stray in strangers:
        if stray.result.name:
            by_name.setdefault(stray.result.name, deque()).append(stray)
    pairs = [
        (call, by_name[call.name].popleft())
        for call in missing
        if call.name and by_name.get(call.name)
    ]
    done = {call for call, _ in pairs} | {stray.result for _, stray in pairs}
    left_calls = [call for call in missing if call not in done]
    left_strays = [stray for stray in strangers if stray.result not in done]
    return pairs + list(zip(left_calls, left_strays, strict=False))
