"""What providers mind of turns that pair: who speaks where, what stands around, which ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.transcript import Result
from toolpair_observe.pairing.turns import Finding
from toolpair_observe.pairing.words import Carrier, Case, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.providers.wire import Wire
    from toolpair_observe.pairing.transcript import Entry
    from toolpair_observe.pairing.turns import Pairing, Turn


def _reused_ids(wire: Wire, _: Pairing) -> list[Finding]:
    seen: set[str] = set()
    found: list[Finding] = []
    for turn in wire.turns:
        found += [
            Finding(Case.REUSED_CALL_ID, call, None, turn.position)
            for call in turn.calls
            if call.id and call.id in seen
        ]
        seen.update(call.id for call in turn.calls)
    return found


def _text_before_results(wire: Wire, pairing: Pairing) -> list[Finding]:
    owner = {result: call for call, result in pairing.answer.items()}
    block_of = {call: block for block in pairing.blocks for call in block.turn.calls}
    return [
        Finding(
            Case.TEXT_BEFORE_RESULT, owner[result], result, turn.position, block_of[owner[result]]
        )
        for turn in wire.turns
        for result in turn.behind_text
        if result in owner
    ]


def _text_after_calls(wire: Wire, _: Pairing) -> list[Finding]:
    return [
        Finding(Case.TEXT_AFTER_CALL, call, None, turn.position)
        for turn in wire.turns[:-1]  # no answer is due yet where the request ends
        if turn.text_last
        for call in turn.calls
    ]


def _content_after_calls(wire: Wire, _: Pairing) -> list[Finding]:
    """Find messages whose content goes on behind the last call.

    A call that stands in no block is sent last, so that nothing follows it.
    """
    found: list[Finding] = []
    for turn in wire.turns[:-1]:
        entry = wire.transcript.entries[turn.last]
        goes_on = (
            entry.more_than_text_after_calls if wire.texts_lead else entry.says_more_after_calls
        )
        if turn.calls and goes_on:
            last = [call for call in turn.calls if call.index == turn.last]
            if all(call.carriers & _PLACED for call in last):
                found.append(Finding(Case.CONTENT_AFTER_CALL, turn.calls[-1], None, turn.position))
    return found


_PLACED = frozenset({Carrier.TOOL_USE, Carrier.CONVERSE_BLOCK, Carrier.V1_BLOCK})


def _humans_after_results(wire: Wire, _: Pairing) -> list[Finding]:
    return [
        Finding(Case.HUMAN_AFTER_TOOL, None, turn.results[-1], turn.position)
        for turn in wire.turns
        if turn.results and turn.has_text and turn.role is not Role.AI
    ]


def _systems_after_results(wire: Wire, _: Pairing) -> list[Finding]:
    return [
        Finding(Case.SYSTEM_AFTER_TOOL, None, before.results[-1], turn.position)
        for before, turn in zip(wire.turns, wire.turns[1:], strict=False)
        if before.results and turn.role is Role.SYSTEM
    ]


def _call_first(wire: Wire, _: Pairing) -> list[Finding]:
    given = next((e for e in wire.transcript.entries if e.role is not Role.SYSTEM), None)
    first = next((turn for turn in wire.turns if turn.role is not Role.SYSTEM), None)
    # Where a human message that says nothing is left out, the list then starts with a call through
    # no fault of its pairs.
    if given is None or given.role is Role.HUMAN or first is None or not first.calls:
        return []
    return [Finding(Case.CALL_FIRST, first.calls[0], None, first.position)]


def _server_tools_unpaired(wire: Wire, _: Pairing) -> list[Finding]:
    """Find provider-executed calls whose result block is gone while the conversation went on.

    A program that calls the client's tools, one after the other, waits for their results: until
    it is done, turns made of nothing but such calls and results follow.
    """
    entries = wire.transcript.entries
    went_on = next((e.index for e in reversed(entries) if not _only_calls_or_results(e)), -1)
    done = {result_id: e.index for e in entries for result_id in e.server_results}
    return [
        Finding(Case.SERVER_TOOL_UNPAIRED, use, None, entry.index)
        for entry in entries
        for use in entry.server_uses
        if use not in wire.unsent_uses and done.get(use.id, -1) < entry.index < went_on
    ]


def _server_results_unpaired(wire: Wire, _: Pairing) -> list[Finding]:
    """Find results of provider-executed calls whose call stands neither there nor before."""
    asked: set[str] = set()
    found: list[Finding] = []
    for entry in wire.transcript.entries:
        asked.update(use.id for use in entry.server_uses)
        asked.update(call.id for call in entry.calls)
        found += [
            Finding(
                Case.SERVER_RESULT_UNPAIRED,
                None,
                Result(entry.index, result_id, None, Carrier.SERVER_RESULT),
                entry.index,
            )
            for result_id in entry.server_results
            if result_id not in asked
        ]
    return found


def _results_in_ai_turns(wire: Wire, _: Pairing) -> list[Finding]:
    return [
        Finding(Case.RESULT_IN_AI_TURN, None, result, entry.index)
        for entry in wire.transcript.entries
        for result in entry.results
        if result.carrier is Carrier.TOOL_RESULT_IN_AI and result not in wire.own_results
    ]


def _only_calls_or_results(entry: Entry) -> bool:
    says_more = entry.has_text or entry.server_uses or entry.server_results
    return bool(entry.calls or entry.results) and not says_more


BEYOND_PAIRING: Final[Mapping[Case, Callable[[Wire, Pairing], list[Finding]]]] = {
    Case.REUSED_CALL_ID: _reused_ids,
    Case.TEXT_BEFORE_RESULT: _text_before_results,
    Case.TEXT_AFTER_CALL: _text_after_calls,
    Case.CONTENT_AFTER_CALL: _content_after_calls,
    Case.RESULT_IN_AI_TURN: _results_in_ai_turns,
    Case.SERVER_RESULT_UNPAIRED: _server_results_unpaired,
    Case.HUMAN_AFTER_TOOL: _humans_after_results,
    Case.SYSTEM_AFTER_TOOL: _systems_after_results,
    Case.CALL_FIRST: _call_first,
    Case.SERVER_TOOL_UNPAIRED: _server_tools_unpaired,
}


def invalid_ids(turns: Sequence[Turn], profile: Profile) -> list[Finding]:
    """Find ids that the provider refuses, or does not document, on calls and on results."""
    found = _misfits(turns, Case.INVALID_ID, profile.takes_ids)
    if profile.id_documented is not None:
        known = {finding.call or finding.result for finding in found}
        doubtful = _misfits(turns, Case.UNDOCUMENTED_ID, profile.documents_ids)
        found += [finding for finding in doubtful if (finding.call or finding.result) not in known]
    return found


def _misfits(
    turns: Sequence[Turn], case: Case, suits: Callable[[Sequence[str]], bool]
) -> list[Finding]:
    ids = [call.id for turn in turns for call in turn.calls]
    ids += [result.id for turn in turns for result in turn.results]
    if suits(ids):
        return []
    found: list[Finding] = []
    for turn in turns:
        found += [
            Finding(case, call, None, turn.position) for call in turn.calls if not suits([call.id])
        ]
        found += [
            Finding(case, None, result, turn.position)
            for result in turn.results
            if not suits([result.id])
        ]
    return found
