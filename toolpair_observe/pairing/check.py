"""The check: one pass over a history under a profile."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from toolpair_observe.pairing.causes import CAUSES, History, cause_of
from toolpair_observe.pairing.pair import Case, Finding, Pairing, Turn, pair
from toolpair_observe.pairing.profile import NO_FACTS, Facts, Profile, Rule
from toolpair_observe.pairing.report import Effect, PairingReport, Violation
from toolpair_observe.pairing.transcript import (
    Carrier,
    Entry,
    Transcript,
    plain_call_ids,
    read_transcript,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_core.messages import BaseMessage


def check(
    messages: Sequence[BaseMessage], profile: Profile, facts: Facts = NO_FACTS
) -> PairingReport:
    """Say what does not pair in `messages`, and what `profile` will do about it.

    Args:
        messages: The history, as it is given to the chat model.
        profile: Who will judge it.
        facts: What only a live call knows.

    Returns:
        The report. Time is linear in the messages.
    """
    ids = plain_call_ids(messages)
    if ids is not None and _ids_suit(ids, profile):
        count = len(ids)
        return PairingReport(profile.name, (), Effect.CLEAN, len(messages), count, count)
    return judge(read_transcript(messages), profile, facts)


def judge(transcript: Transcript, profile: Profile, facts: Facts = NO_FACTS) -> PairingReport:
    """Judge a history that has been read already."""
    turns = [_turn(entry, profile) for entry in transcript.entries]
    pairing = pair(turns)
    findings = sorted(
        [*pairing.findings, *_invalid_ids(turns, profile)], key=lambda finding: finding.index
    )
    history = History(transcript, pairing)
    violations = tuple(_violation(finding, history, profile) for finding in findings)
    return PairingReport(
        profile=profile.name,
        violations=violations,
        effect=Effect.worst(*(violation.effect for violation in violations)),
        message_count=len(turns),
        call_count=sum(len(turn.calls) for turn in turns),
        result_count=sum(len(turn.results) for turn in turns),
        transcript=transcript if violations else None,
    )


def _turn(entry: Entry, profile: Profile) -> Turn:
    """What of an entry the profile's integration takes for calls and results."""
    calls = [call for call in entry.calls if call.carriers & profile.calls]
    results = [result for result in entry.results if result.carrier in profile.results]
    inner = [result for result in results if result.carrier is Carrier.TOOL_RESULT_IN_TOOL]
    # Whoever reads the blocks inside a ToolMessage does not read the message's own id.
    return Turn(
        entry.index, entry.index, entry.role, calls, inner or results, has_text=entry.has_text
    )


def _ids_suit(ids: list[str], profile: Profile) -> bool:
    if profile.id_max is not None and ids and max(map(len, ids)) > profile.id_max:
        return False
    return (
        profile.id_pattern is None or _pattern(profile.id_pattern).match("".join(ids)) is not None
    )


@lru_cache(maxsize=32)
def _pattern(characters: str) -> re.Pattern[str]:
    return re.compile(rf"[{characters}]*\Z")


def _invalid_ids(turns: Iterable[Turn], profile: Profile) -> list[Finding]:
    if profile.id_max is None and profile.id_pattern is None:
        return []
    found: list[Finding] = []
    for turn in turns:
        found += [
            Finding(Case.INVALID_ID, call, None, turn.position)
            for call in turn.calls
            if not _ids_suit([call.id], profile)
        ]
        found += [
            Finding(Case.INVALID_ID, None, result, turn.position)
            for result in turn.results
            if not _ids_suit([result.id], profile)
        ]
    return found


def _violation(finding: Finding, history: History, profile: Profile) -> Violation:
    rule = profile.rules.get(finding.case)
    cause = cause_of(finding, history)
    call, result = finding.call, finding.result
    offender = call if result is None else result
    return Violation(
        kind=finding.case.kind,
        effect=rule.effect if rule else Effect.ACCEPT,
        cause=cause,
        message_index=finding.index,
        call_message_index=call.index if call else None,
        tool_call_id=offender.id if offender else "",
        tool_name=(call and call.name) or (result and result.name) or None,
        expected_error=_expected_error(rule, finding, history.pairing) if rule else "",
        hint=CAUSES[cause].hint,
        call_id=call.id if call and finding.case is Case.MISMATCHED else "",
    )


def _expected_error(rule: Rule, finding: Finding, pairing: Pairing) -> str:
    if not rule.text:
        return ""
    call, result = finding.call, finding.result
    bearer = call or result
    answer = pairing.answer.get(call) if call else None
    missing = [call.id for call in finding.block.missing] if finding.block else []
    own_id = bearer.id if bearer else ""
    return rule.text.format(
        id=own_id,
        ids=", ".join(missing or [own_id]),
        result_id=result.id if result else "",
        position=finding.position,
        first_position=answer.index if answer else finding.position,
        length=len(own_id),
        id_field="tool_call_id" if result else "tool_calls[0].id",
    )
