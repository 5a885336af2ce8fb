"""Why a history probably broke.

Several mechanisms leave the same list. A cause is named only where the list tells it; otherwise the
member names the group, and its entry in `cause_notes` lists the mechanisms that can lie behind it.
What no predicate recognizes is `Cause.UNKNOWN`, which beats a wrong label.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.words import Carrier, Case, Cause, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolpair_observe.pairing.transcript import Entry, Transcript
    from toolpair_observe.pairing.turns import Block, Finding, Pairing


_EXAMPLE_NAMES = ("example_user", "example_assistant")
_HANDOFF_NAMES = ("transfer_to", "transfer_back", "handoff", "hand_off")
_LEAST_EXAMPLES = 2


@dataclass
class Scene:
    """What the predicates look at; derived facts are worked out once a history."""

    transcript: Transcript
    pairing: Pairing

    @property
    def entries(self) -> list[Entry]:
        """The messages, without content."""
        return self.transcript.entries

    @cached_property
    def first_call(self) -> int:
        """Index of the first AI message with calls, or past the end."""
        blocks = self.pairing.blocks
        return blocks[0].turn.index if blocks else len(self.entries)

    @cached_property
    def first_answered(self) -> int:
        """Index of the first AI message with an answered call, or past the end."""
        answered = (block.turn.index for block in self.pairing.blocks if block.answered)
        return next(answered, len(self.entries))

    @cached_property
    def first_summary(self) -> int:
        """Index of the first summary message, or past the end."""
        return next((e.index for e in self.entries if e.is_summary), len(self.entries))

    @cached_property
    def has_results(self) -> bool:
        """Whether any message carries a result."""
        return any(entry.results for entry in self.entries)

    @cached_property
    def bad_call_ids(self) -> frozenset[str]:
        """Ids of calls whose arguments are not JSON."""
        calls = (call for entry in self.entries for call in entry.calls)
        return frozenset(call.id for call in calls if Carrier.INVALID_TOOL_CALL in call.carriers)

    @cached_property
    def leading_examples(self) -> int:
        """How many wholly unanswered calls stand before the first answered one."""
        if self.first_answered == len(self.entries):
            return 0
        return sum(block.turn.index < self.first_answered for block in self.pairing.blocks)

    def after(self, block: Block) -> Entry | None:
        """The message that follows the block's results, or None."""
        return self.entries[block.end] if block.end < len(self.entries) else None


def cause_of(finding: Finding, scene: Scene) -> Cause:
    """Name the likely cause of a finding: the first predicate that holds."""
    for cause, holds in _BY_CASE.get(finding.case, ()):
        if holds(finding, scene):
            return cause
    return Cause.UNKNOWN


def _is_invalid_call(finding: Finding, _: Scene) -> bool:
    return (
        finding.call is not None
        and Carrier.TOOL_CALL not in finding.call.carriers
        and (Carrier.INVALID_TOOL_CALL in finding.call.carriers)
    )


def _answers_invalid_call(finding: Finding, scene: Scene) -> bool:
    return finding.result is not None and finding.result.id in scene.bad_call_ids


def _is_cut_short(finding: Finding, scene: Scene) -> bool:
    return finding.call is not None and scene.entries[finding.call.index].cut_short


def _is_example(finding: Finding, scene: Scene) -> bool:
    if finding.call is None:
        return False
    if scene.entries[finding.call.index].name in _EXAMPLE_NAMES:
        return True
    at_head = finding.call.index < scene.first_answered
    return at_head and scene.leading_examples >= _LEAST_EXAMPLES


def _has_no_results(_: Finding, scene: Scene) -> bool:
    return not scene.has_results and len(scene.pairing.blocks) > 1


def _is_handoff(finding: Finding, _: Scene) -> bool:
    names = [call.name for call in finding.block.turn.calls] if finding.block else []
    if finding.result is not None:
        names.append(finding.result.name)
    return any(name is not None and name.startswith(_HANDOFF_NAMES) for name in names)


def _ends_there(finding: Finding, scene: Scene) -> bool:
    return finding.block is not None and scene.after(finding.block) is None


def _person_follows(finding: Finding, scene: Scene) -> bool:
    follower = scene.after(finding.block) if finding.block else None
    return follower is not None and follower.role in (Role.HUMAN, Role.SYSTEM)


def _ai_follows(finding: Finding, scene: Scene) -> bool:
    follower = scene.after(finding.block) if finding.block else None
    return follower is not None and follower.role is Role.AI


def _before_all_calls(finding: Finding, scene: Scene) -> bool:
    return finding.index < scene.first_call


def _behind_summary(finding: Finding, scene: Scene) -> bool:
    return scene.first_summary < finding.index < scene.first_call


def _ai_said_something_before(finding: Finding, scene: Scene) -> bool:
    return finding.case is Case.ORPHAN_AFTER_AI or finding.index > scene.first_call


def _no_id_of_block_matches(finding: Finding, _: Scene) -> bool:
    return finding.block is not None and not finding.block.answered


def _cannot_carry_id(finding: Finding, _: Scene) -> bool:
    return finding.result is not None and finding.result.carrier in (
        Carrier.CHAT_TOOL,
        Carrier.FUNCTION,
    )


def _always(_: Finding, __: Scene) -> bool:
    return True


if TYPE_CHECKING:
    Predicate = Callable[[Finding, Scene], bool]

# The specific before the general: the first that holds names the cause.
_MISSING: tuple[tuple[Cause, Predicate], ...] = (
    (Cause.INVALID_ARGUMENTS, _is_invalid_call),
    (Cause.STREAM_CUT, _is_cut_short),
    (Cause.HANDOFF, _is_handoff),
    (Cause.FEW_SHOT_EXAMPLES, _is_example),
    (Cause.FILTERED_TOOL_MESSAGES, _has_no_results),
)
_ORPHANED: tuple[tuple[Cause, Predicate], ...] = (
    (Cause.INVALID_ARGUMENTS, _answers_invalid_call),
    (Cause.SUMMARISED, _behind_summary),
    (Cause.HANDOFF, _is_handoff),
    (Cause.REMOVED_MESSAGE, _ai_said_something_before),
    (Cause.TRIMMED_HEAD, _before_all_calls),
)
_INTERLEAVED: tuple[tuple[Cause, Predicate], ...] = ((Cause.INTERLEAVED_MESSAGE, _always),)
_NO_ID: tuple[tuple[Cause, Predicate], ...] = (
    (Cause.UNSUPPORTED_MESSAGE, _cannot_carry_id),
    (Cause.LOST_ID, _always),
)
_REUSED: tuple[tuple[Cause, Predicate], ...] = ((Cause.ID_REUSED_BY_BACKEND, _always),)

_BY_CASE: Final[Mapping[Case, tuple[tuple[Cause, Predicate], ...]]] = {
    Case.MISSING_ALL: (
        *_MISSING,
        (Cause.ABANDONED_TURN, _person_follows),
        (Cause.REMOVED_MESSAGE, _ai_follows),
    ),
    Case.MISSING_SOME: (
        *_MISSING,
        (Cause.REMOVED_MESSAGE, _ai_follows),
        (Cause.PARTIAL_EXECUTION, _always),
    ),
    Case.MISSING_AT_END: (*_MISSING, (Cause.UNFINISHED_TURN, _ends_there)),
    Case.ORPHAN_AT_START: _ORPHANED,
    Case.ORPHAN_FIRST: _ORPHANED,
    Case.ORPHAN_AFTER_HUMAN: _ORPHANED,
    Case.ORPHAN_AFTER_AI: _ORPHANED,
    Case.ORPHAN_AMONG_RESULTS: (
        (Cause.INVALID_ARGUMENTS, _answers_invalid_call),
        (Cause.REMOVED_MESSAGE, _always),
    ),
    Case.DUPLICATE: ((Cause.RETRY_DUPLICATE, _always),),
    Case.DUPLICATE_LATER: ((Cause.REPLAYED_HISTORY, _always),),
    Case.MISMATCHED_WITHOUT_ID: _NO_ID,
    Case.MISMATCHED: ((Cause.ID_REWRITTEN, _no_id_of_block_matches),),
    Case.AFTER_HUMAN: _INTERLEAVED,
    Case.AFTER_SYSTEM: _INTERLEAVED,
    Case.AFTER_AI: _INTERLEAVED,
    Case.LATE: ((Cause.LATE_RESULT, _always),),
    Case.DUPLICATE_CALL_ID: _REUSED,
    Case.DUPLICATE_CALL_ID_ONE_RESULT: _REUSED,
    Case.REUSED_CALL_ID: _REUSED,
    Case.CALL_WITHOUT_ID: _NO_ID,
    Case.RESULT_WITHOUT_ID: _NO_ID,
    Case.INVALID_ID: ((Cause.CROSS_PROVIDER_HISTORY, _always),),
    Case.TEXT_BEFORE_RESULT: _INTERLEAVED,
    Case.TEXT_AFTER_CALL: _INTERLEAVED,
    Case.CALL_NOT_SENT: _MISSING,
    Case.RESULT_ORDER: ((Cause.RESULT_ORDER, _always),),
    Case.UNSUPPORTED_RESULT: ((Cause.UNSUPPORTED_MESSAGE, _always),),
    Case.UNSUPPORTED_CALL: ((Cause.CROSS_PROVIDER_HISTORY, _always),),
}
