"""Why a history probably broke.

Several mechanisms leave the same list. A cause is named only where the list tells it; otherwise the
member names the group, and its entry in `cause_notes` lists the mechanisms that can lie behind it.
What no predicate recognizes is `Cause.UNKNOWN`, which beats a wrong label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.scene import (
    Scene,
    is_handoff_name,
    is_random_id,
    is_schema_name,
    names_an_agent,
    tells_schema,
)
from toolpair_observe.pairing.signs import Sign
from toolpair_observe.pairing.words import ATTRIBUTES, BAD_CALLS, Carrier, Case, Cause, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolpair_observe.pairing.transcript import Call
    from toolpair_observe.pairing.turns import Block, Finding

    Predicate = Callable[[Finding, Scene], bool]


_EXAMPLE_NAMES = ("example_user", "example_assistant")
_LEAST_EXAMPLES = 2
# What only the Responses API has stands in the content alone. All else beside the attributes is a
# copy of them, or was when the message was made.
_NO_COPY = frozenset({Carrier.RESPONSES_ITEM, Carrier.KEPT_ITEM}) | BAD_CALLS | ATTRIBUTES
_WITHOUT_ID = frozenset({Carrier.CHAT_TOOL, Carrier.FUNCTION})
_STOPPED = frozenset({Sign.LIMIT, Sign.REFUSED, Sign.CANCELLED, Sign.FAILED})
_SERVER_IDS = ("srvtoolu_", "mcptoolu_")


def cause_of(finding: Finding, scene: Scene) -> Cause:
    """Name the likely cause of a finding: the first predicate that holds."""
    finding = scene.root_of(finding)
    for cause, holds in _BY_CASE.get(finding.case, ()):
        if holds(finding, scene):
            return cause
    return Cause.UNKNOWN


def sign_behind(finding: Finding, scene: Scene) -> Sign | None:
    """What the messages around a finding say of how it came about, or None."""
    block = scene.root_of(finding).block
    if block is None:
        return None
    return scene.learn(_foremost_sign, block)


def _foremost_sign(block: Block, scene: Scene) -> Sign | None:
    follower = scene.after(block)
    signs = scene.signs_of(block)
    if follower is not None and follower.sign is not None:
        signs |= {follower.sign}
    return next((sign for sign in Sign if sign in signs), None) if signs else None


def _is_invalid_call(finding: Finding, _: Scene) -> bool:
    call = finding.call
    return (
        call is not None
        and Carrier.TOOL_CALL not in call.carriers
        and bool(call.carriers & BAD_CALLS)
    )


def _answers_invalid_call(finding: Finding, scene: Scene) -> bool:
    return finding.result is not None and finding.result.id in scene.bad_call_ids


def _is_cut_short(finding: Finding, scene: Scene) -> bool:
    return finding.call is not None and scene.entries[finding.call.index].cut_short


def _is_stale(finding: Finding, _: Scene) -> bool:
    return finding.call is not None and _is_copy(finding.call)


def _is_copy(call: Call) -> bool:
    """Whether a call stands where copies do, and `tool_calls` has it not."""
    return bool(call.carriers) and call.carriers.isdisjoint(_NO_COPY)


def _has_legacy_copy(finding: Finding, _: Scene) -> bool:
    # Gemini's integrations keep their last call there, which others send beside `tool_calls`.
    return finding.call is not None and Carrier.LEGACY_CALL in finding.call.carriers


def _answers_stale_call(finding: Finding, scene: Scene) -> bool:
    made = _made_but_not_read(finding, scene)
    if made is None:
        return False
    # An edit shows where a message has its calls in different places.
    return _is_copy(made) or made.index in scene.edited


def _answers_foreign_call(finding: Finding, scene: Scene) -> bool:
    return _made_but_not_read(finding, scene) is not None


def _made_but_not_read(finding: Finding, scene: Scene) -> Call | None:
    # An orphan's call that is there all the same: this client does not read it where it stands.
    result = finding.result
    made = scene.first_made.get(result.id) if result is not None and result.id else None
    return made if made is not None and result is not None and made.index < result.index else None


def _is_of_server(finding: Finding, _: Scene) -> bool:
    subject = finding.call or finding.result
    return subject is not None and subject.id.startswith(_SERVER_IDS)


def _is_server_tool_kept_as_call(finding: Finding, scene: Scene) -> bool:
    call = finding.call
    return call is not None and bool(call.carriers & ATTRIBUTES) and _is_of_server(finding, scene)


def _is_named_example(finding: Finding, scene: Scene) -> bool:
    return finding.call is not None and scene.entries[finding.call.index].name in _EXAMPLE_NAMES


def _is_example(finding: Finding, scene: Scene) -> bool:
    if finding.call is None:
        return False
    at_head = finding.call.index < scene.first_answered
    return at_head and scene.leading_examples >= _LEAST_EXAMPLES


def _tells_schema(finding: Finding, scene: Scene) -> bool:
    name = finding.call.name if finding.call else None
    return name is not None and tells_schema(name) and name not in scene.answered_names


def _has_schema_name(finding: Finding, scene: Scene) -> bool:
    return finding.call is not None and is_schema_name(finding.call, scene)


def _has_no_results(finding: Finding, scene: Scene) -> bool:
    if scene.has_results:
        return False
    return len(scene.pairing.blocks) > 1 or _ai_follows(finding, scene)


def _stands_twice(finding: Finding, scene: Scene) -> bool:
    follower = scene.after(finding.block) if finding.block else None
    if follower is None or finding.block is None or finding.block.answered:
        return False
    return scene.learn(_is_made_again, finding.block)


def _is_made_again(block: Block, scene: Scene) -> bool:
    ids = [call.id for call in block.turn.calls if call.id]
    return bool(ids) and ids == [call.id for call in scene.entries[block.end].calls]


def _handed_off(finding: Finding, scene: Scene) -> bool:
    return finding.block is not None and scene.learn(_has_handoff, finding.block)


def _has_handoff(block: Block, scene: Scene) -> bool:
    """Whether a hand-off among the message's calls took place.

    The name of a tool does not show that: banks transfer too, and a hand-off may be given up before
    it ran. A hand-off that ran has a result, or its agent goes on.
    """
    for call in block.turn.calls:
        result = scene.pairing.answer.get(call)
        if result is not None and result.sign is Sign.HANDED_OFF:
            return True
        if not is_handoff_name(call.name):
            continue
        if result is not None and result.sign not in _STOPPED:
            return True
        if result is None and _went_on_without(call.name, block, scene):
            return True
    return False


def _went_on_without(name: str | None, block: Block, scene: Scene) -> bool:
    follower = scene.after(block)
    if follower is not None and follower.role is not Role.AI:
        return False
    if names_an_agent(name, scene.agents):
        return True
    if follower is None:
        return bool(scene.agents)
    return follower.name is not None and follower.name != scene.entries[block.turn.index].name


def _is_result_of_handoff(finding: Finding, scene: Scene) -> bool:
    result = finding.result
    if result is None:
        return False
    if finding.block is not None and scene.learn(_has_handoff, finding.block):
        return True  # the message was cut down to its hand-off, the results were not
    if result.index in scene.beside_handoffs:
        return True
    if finding.index > scene.first_call or not is_handoff_name(result.name):
        return False
    return result.index > 0 and scene.entries[result.index - 1].role is Role.HUMAN


def _ends_there(finding: Finding, scene: Scene) -> bool:
    return finding.block is not None and scene.after(finding.block) is None


def _person_follows(finding: Finding, scene: Scene) -> bool:
    if scene.follows(finding.block, Role.CHAT):
        return not _unread_result_follows(finding, scene)
    return scene.follows(finding.block, Role.HUMAN, Role.SYSTEM)


def _unread_result_follows(finding: Finding, scene: Scene) -> bool:
    # Only a message that says nothing else holds such a result.
    follower = scene.after(finding.block) if finding.block else None
    results = follower.results if follower is not None else []
    return len(results) == 1 and results[0].carrier in _WITHOUT_ID


def _ai_follows(finding: Finding, scene: Scene) -> bool:
    return scene.follows(finding.block, Role.AI)


def _was_given_up(finding: Finding, scene: Scene) -> bool:
    block = finding.block
    return block is not None and _person_follows(finding, scene) and scene.ran_nothing(block)


def _was_stopped(finding: Finding, scene: Scene) -> bool:
    follower = scene.after(finding.block) if finding.block else None
    return follower is not None and follower.sign is not None


def _ran_in_part(finding: Finding, scene: Scene) -> bool:
    """Whether the calls without a result look as if they never ran, though an AI message follows.

    A limit, a review or an error says so on the results that are there. An executor that stops
    early does so wherever there are several calls: where others are all answered, a result is gone.
    """
    block = finding.block
    if block is None or not _ai_follows(finding, scene):
        return True
    if _limit_or_error(block, scene):
        return True
    if finding.call is not None and finding.call.name in scene.lost_names:
        return False  # a filter takes away every result of a tool
    return not scene.has_whole_group


def _limit_or_error(block: Block, scene: Scene) -> bool:
    follower = scene.after(block)
    if follower is not None and follower.sign is not None:
        return True  # the message says what stopped the turn
    return not scene.signs_of(block).isdisjoint(_STOPPED)


def _before_all_calls(finding: Finding, scene: Scene) -> bool:
    return finding.index < scene.first_call


def _behind_summary(finding: Finding, scene: Scene) -> bool:
    if finding.case is Case.ORPHAN_AMONG_RESULTS:
        # Among the results of the first calls behind it: later ones the summary did not reach.
        first = finding.block is not None and finding.block.turn.index == scene.first_call
        return first and scene.first_summary < scene.first_call
    # To find a summary takes a look at every message.
    return finding.index < scene.first_call and scene.first_summary < finding.index


def _behind_summary_first(finding: Finding, scene: Scene) -> bool:
    return scene.first_summary < finding.index


def _is_all_there_is(_: Finding, scene: Scene) -> bool:
    return scene.only_results


def _ai_said_something_before(finding: Finding, scene: Scene) -> bool:
    return finding.case is Case.ORPHAN_AFTER_AI or finding.index > scene.first_call


def _no_id_of_block_matches(finding: Finding, _: Scene) -> bool:
    return finding.block is not None and not finding.block.answered


def _one_id_holds_the_other(finding: Finding, _: Scene) -> bool:
    call, result = finding.call, finding.result
    if call is None or result is None or not call.id or not result.id:
        return False
    return call.id.startswith(result.id) or result.id.startswith(call.id)


def _calls_lack_ids(finding: Finding, scene: Scene) -> bool:
    return finding.block is not None and scene.learn(_has_call_without_id, finding.block)


def _has_call_without_id(block: Block, _: Scene) -> bool:
    return any(not call.id for call in block.turn.calls)


def _invalid_calls_lack_ids(finding: Finding, scene: Scene) -> bool:
    block = finding.block
    return block is not None and scene.learn(_has_no_id_for_bad_calls_alone, block)


def _has_no_id_for_bad_calls_alone(block: Block, _: Scene) -> bool:
    without_id = [call for call in block.turn.calls if not call.id]
    return bool(without_id) and all(call.carriers & BAD_CALLS for call in without_id)


def _was_made_twice(finding: Finding, scene: Scene) -> bool:
    """Whether a message or a session was appended again, rather than an id given out again."""
    call = finding.call
    first = scene.first_made.get(call.id) if call is not None else None
    if call is None or first is None or first.index == call.index or first.name != call.name:
        return False
    return first.index == call.index - 1 or is_random_id(call)


def _is_split(finding: Finding, scene: Scene) -> bool:
    call, result = finding.call, finding.result
    return call is not None and result is not None and scene.is_split(call, result)


def _cannot_carry_id(finding: Finding, _: Scene) -> bool:
    return finding.result is not None and finding.result.carrier in _WITHOUT_ID


def _always(_: Finding, __: Scene) -> bool:
    return True


# The specific before the general: the first that holds names the cause.
_UNREAD: tuple[tuple[Cause, Predicate], ...] = (
    (Cause.SERVER_TOOL_AS_CALL, _is_of_server),
    (Cause.STREAM_CUT, _is_cut_short),
    (Cause.INVALID_ARGUMENTS, _is_invalid_call),
    (Cause.STALE_ENCODING, _is_stale),
)
_MISSING: tuple[tuple[Cause, Predicate], ...] = (
    *_UNREAD,
    (Cause.UNSUPPORTED_MESSAGE, _unread_result_follows),
    (Cause.HANDOFF, _handed_off),
    (Cause.FEW_SHOT_EXAMPLES, _is_named_example),
    (Cause.STRUCTURED_OUTPUT, _tells_schema),
    (Cause.FEW_SHOT_EXAMPLES, _is_example),
    (Cause.STRUCTURED_OUTPUT, _has_schema_name),
    (Cause.FILTERED_TOOL_MESSAGES, _has_no_results),
    (Cause.REPLAYED_HISTORY, _stands_twice),
    (Cause.ABANDONED_TURN, _was_given_up),
)
_ORPHANED: tuple[tuple[Cause, Predicate], ...] = (
    (Cause.SERVER_TOOL_AS_CALL, _is_of_server),
    (Cause.INVALID_ARGUMENTS, _answers_invalid_call),
    (Cause.STALE_ENCODING, _answers_stale_call),
    (Cause.CROSS_PROVIDER_HISTORY, _answers_foreign_call),
    (Cause.SUMMARISED, _behind_summary),
    (Cause.HANDOFF, _is_result_of_handoff),
    (Cause.OVERWRITTEN_STATE, _is_all_there_is),
    (Cause.REMOVED_MESSAGE, _ai_said_something_before),
    (Cause.TRIMMED_HEAD, _before_all_calls),
)
_INTERLEAVED: tuple[tuple[Cause, Predicate], ...] = ((Cause.INTERLEAVED_MESSAGE, _always),)
_NO_ID: tuple[tuple[Cause, Predicate], ...] = (
    (Cause.UNSUPPORTED_MESSAGE, _cannot_carry_id),
    (Cause.LOST_ID, _always),
)
_REUSED: tuple[tuple[Cause, Predicate], ...] = (
    (Cause.REPLAYED_HISTORY, _was_made_twice),
    (Cause.ID_REUSED_BY_BACKEND, _always),
)
_TEMPLATE: tuple[tuple[Cause, Predicate], ...] = ((Cause.CHAT_TEMPLATE, _always),)

_BY_CASE: Final[Mapping[Case, tuple[tuple[Cause, Predicate], ...]]] = {
    Case.MISSING_ALL: (
        *_MISSING,
        (Cause.ABANDONED_TURN, _person_follows),
        (Cause.ABANDONED_TURN, _was_stopped),
        (Cause.REMOVED_MESSAGE, _ai_follows),
    ),
    Case.MISSING_SOME: (
        *_MISSING,
        (Cause.PARTIAL_EXECUTION, _ran_in_part),
        (Cause.REMOVED_MESSAGE, _always),
    ),
    Case.MISSING_AT_END: (*_MISSING, (Cause.UNFINISHED_TURN, _ends_there)),
    Case.ORPHAN_AT_START: _ORPHANED,
    Case.ORPHAN_FIRST: _ORPHANED,
    Case.ORPHAN_AFTER_HUMAN: _ORPHANED,
    Case.ORPHAN_AFTER_AI: _ORPHANED,
    Case.ORPHAN_AMONG_RESULTS: (
        (Cause.INVALID_ARGUMENTS, _invalid_calls_lack_ids),
        (Cause.LOST_ID, _calls_lack_ids),
        *(pair for pair in _ORPHANED if pair[0] is not Cause.TRIMMED_HEAD),
        (Cause.REMOVED_MESSAGE, _always),
    ),
    Case.DUPLICATE: ((Cause.RETRY_DUPLICATE, _always),),
    Case.DUPLICATE_LATER: ((Cause.REPLAYED_HISTORY, _always),),
    Case.MISMATCHED_WITHOUT_ID: _NO_ID,
    Case.MISMATCHED: (
        (Cause.ID_REWRITTEN, _no_id_of_block_matches),
        (Cause.ID_REWRITTEN, _one_id_holds_the_other),
    ),
    Case.AFTER_HUMAN: _INTERLEAVED,
    Case.AFTER_SYSTEM: _INTERLEAVED,
    Case.AFTER_AI: ((Cause.SPLIT_CALLS, _is_split), *_INTERLEAVED),
    Case.LATE: ((Cause.LATE_RESULT, _always),),
    Case.DUPLICATE_CALL_ID: _REUSED,
    Case.DUPLICATE_CALL_ID_ONE_RESULT: _REUSED,
    Case.CALL_SENT_TWICE: (
        (Cause.CROSS_PROVIDER_HISTORY, _has_legacy_copy),
        (Cause.STALE_ENCODING, _always),
    ),
    Case.REUSED_CALL_ID: _REUSED,
    # What else is wrong with the call comes first: it may never have had an id to restore.
    Case.CALL_WITHOUT_ID: (*_UNREAD, *_NO_ID),
    Case.RESULT_WITHOUT_ID: _NO_ID,
    Case.INVALID_ID: ((Cause.CROSS_PROVIDER_HISTORY, _always),),
    Case.UNDOCUMENTED_ID: ((Cause.CROSS_PROVIDER_HISTORY, _always),),
    Case.TEXT_BEFORE_RESULT: _INTERLEAVED,
    Case.TEXT_AFTER_CALL: _INTERLEAVED,
    Case.CALL_NOT_SENT: _MISSING,
    Case.CALL_FIRST: (
        (Cause.SUMMARISED, _behind_summary_first),
        (Cause.TRIMMED_HEAD, _always),
    ),
    Case.RESULT_ORDER: ((Cause.RESULT_ORDER, _always),),
    Case.SERVER_TOOL_UNPAIRED: ((Cause.SERVER_TOOL_AS_CALL, _is_server_tool_kept_as_call),),
    Case.UNSUPPORTED_RESULT: ((Cause.UNSUPPORTED_MESSAGE, _always),),
    Case.UNSUPPORTED_CLASS: ((Cause.UNSUPPORTED_MESSAGE, _always),),
    Case.UNSUPPORTED_CALL: ((Cause.CROSS_PROVIDER_HISTORY, _always),),
    Case.BAD_ARGUMENTS: ((Cause.INVALID_ARGUMENTS, _always),),
    Case.HUMAN_AFTER_TOOL: _TEMPLATE,
    Case.SYSTEM_AFTER_TOOL: _TEMPLATE,
    Case.SEVERAL_CALLS: _TEMPLATE,
    Case.ROLE_REFUSED: _TEMPLATE,
    Case.NOT_DRAWN: _TEMPLATE,
    Case.NOT_RENDERED: _TEMPLATE,
}
