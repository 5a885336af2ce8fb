"""The sent messages with some breaches mended: to see which one a template minds.

Nothing of it is sent or shown; a history that raises is tried again with one breach at a time.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from toolpair_observe.pairing.words import Case, ViolationKind
from toolpair_observe.templates.sent import Marks, Sent, SentCall

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolpair_observe.pairing.transcript import Call, Result
    from toolpair_observe.pairing.turns import Finding, Pairing

_RENAMED = frozenset(
    {Case.CALL_WITHOUT_ID, Case.DUPLICATE_CALL_ID, Case.DUPLICATE_CALL_ID_ONE_RESULT}
)


@dataclass(slots=True)
class _Changes:
    """What is done to the messages.

    Attributes:
        ids: New ids of calls and results.
        dropped: Results that are left out where they stand.
        added: Results to put in, by the index of the message before which they go.
    """

    ids: dict[Call | Result, str] = field(default_factory=dict)
    dropped: set[Result] = field(default_factory=set)
    added: dict[int, list[Result | Call]] = field(default_factory=lambda: defaultdict(list))


def repaired(sent: list[Sent], pairing: Pairing, findings: Iterable[Finding]) -> list[Sent]:
    """Return the messages without these breaches of the pairing.

    A missing result is put in, an orphan or a duplicate left out, a misplaced result moved to its
    call, a wrong or lost id replaced.
    """
    changes = _Changes()
    ends = {call: block.end for block in pairing.blocks for call in block.turn.calls}
    for number, finding in enumerate(findings):
        _mend(finding, number, pairing, ends, changes)
    return _with(sent, changes)


def _mend(
    finding: Finding, number: int, pairing: Pairing, ends: dict[Call, int], changes: _Changes
) -> None:
    call, result, kind = finding.call, finding.result, finding.case.kind
    if finding.case in _RENAMED and call is not None:
        # As long as Mistral's, which are the shortest that anybody asks for.
        changes.ids[call] = f"tp{number:07d}"
        answer = pairing.answer.get(call)
        if answer is None:
            changes.added[ends[call]].append(call)
        else:
            changes.ids[answer] = changes.ids[call]
    elif call is not None and result is None:
        changes.added[ends[call]].append(call)
    elif result is not None and kind is ViolationKind.MISPLACED_RESULT and call is not None:
        changes.dropped.add(result)
        changes.added[ends[call]].append(result)
    elif result is not None and kind is ViolationKind.MISMATCHED_RESULT and call is not None:
        changes.ids[result] = call.id
    elif result is not None:
        changes.dropped.add(result)


def _with(sent: list[Sent], changes: _Changes) -> list[Sent]:
    of: dict[Call | Result, Sent] = {
        message.result: message for message in sent if message.result is not None
    }
    marks = Marks(10**6)
    made: list[Sent] = []

    def add(index: int) -> None:
        for subject in changes.added.pop(index, ()):
            moved = of.get(subject)
            call_id = changes.ids.get(subject, subject.id)
            if moved is not None:
                made.append(replace(moved, answers=call_id))
            else:
                made.append(Sent(subject.index, "tool", marks.make(), answers=call_id))

    for message in sent:
        add(message.index)
        if message.result is None or message.result not in changes.dropped:
            made.append(_with_ids(message, changes.ids))
    for index in sorted(changes.added):
        add(index)
    return made


def _with_ids(message: Sent, ids: dict[Call | Result, str]) -> Sent:
    if message.result is not None and message.result in ids:
        return replace(message, answers=ids[message.result])
    if any(call.call in ids for call in message.calls):
        calls = (_renamed(call, ids) for call in message.calls)
        return message.has_calls(calls)
    return message


def _renamed(call: SentCall, ids: dict[Call | Result, str]) -> SentCall:
    if call.call is None or call.call not in ids:
        return call
    return replace(call, id=ids[call.call])
