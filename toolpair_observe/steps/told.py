"""A blame in words: one sentence, and where to look."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.cause_info import OR
from toolpair_observe.pairing.report import worst_of
from toolpair_observe.pairing.shown import line, shown
from toolpair_observe.pairing.words import ViolationKind
from toolpair_observe.steps.blamed import BETWEEN_RUNS, TOOLS, BlameChange, Fate
from toolpair_observe.steps.breach import ids_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.pairing.report import PairingReport, Violation
    from toolpair_observe.steps.blamed import Blame, CallFate

MOST_NAMED: Final = 3
"""Calls that a sentence names."""
_NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LOSING: Final = frozenset({BlameChange.REMOVED, BlameChange.NOT_APPENDED})


def tell(blame: Blame, report: PairingReport) -> str:
    """Return what broke a history as one sentence, without a full stop.

    Args:
        blame: What broke it.
        report: The near miss.

    Returns:
        The sentence, such as `node Trim.before_model removed message 3, the call of call_b, two
        requests ago; tool weather finished and its result was lost`.
    """
    violation = _traced(blame, report)
    clauses = [f"{_subject(blame)} {_deed(blame, violation)}{_when(blame)}"]
    clauses += [_fate(each, blame) for each in blame.fates[:MOST_NAMED]]
    if len(blame.fates) > MOST_NAMED:
        clauses.append(f"and {len(blame.fates) - MOST_NAMED} more calls")
    if blame.began_elsewhere:
        clauses.append("this process did not see the conversation begin")
    return line("; ".join(clauses))


def where_to_look(blame: Blame) -> str:
    """Return what to look at to mend what broke a history, `""` where nothing is known of it."""
    if blame.step is None:
        return ""
    if blame.step == BETWEEN_RUNS:
        return line(f"look at what writes the history between two runs: {_verb(blame)}")
    if _is_of_tools(blame):
        return "look at what stopped the tools: calls were left without a result"
    return line(f"look at node {shown(blame.step)}: {_verb(blame)}")


def with_hint(report: PairingReport, blame: Blame) -> PairingReport:
    """Return a report whose traced violation has a hint to what broke the history."""
    look = where_to_look(blame)
    if not look:
        return report
    first = _traced(blame, report)
    hinted = replace(first, hint=OR.join(filter(None, (look, first.hint))))
    violations = tuple(hinted if each is first else each for each in report.violations)
    return replace(report, violations=violations)


def _traced(blame: Blame, report: PairingReport) -> Violation:
    """Return the violation that a blame is about: one of a call whose fate it tells."""
    told = {each.tool_call_id for each in blame.fates}
    mine = [each for each in report.violations if ids_in(each) & told]
    return worst_of(mine or report.violations)


def _subject(blame: Blame) -> str:
    if blame.step is None:
        return "a step that is not known"
    if blame.step == BETWEEN_RUNS:
        return "the application"
    return "the tools" if _is_of_tools(blame) else f"node {shown(blame.step)}"


def _is_of_tools(blame: Blame) -> bool:
    """Whether it is about the tools, whatever the node that runs them is called."""
    return blame.step == TOOLS and blame.change is BlameChange.NOT_APPENDED


_VERBS: Final = {
    BlameChange.REMOVED: "it removed messages",
    BlameChange.INSERTED: "it inserted messages",
    BlameChange.REORDERED: "it changed the order of messages",
    BlameChange.IDS_CHANGED: "it changed ids",
    BlameChange.NOT_APPENDED: "it left calls without a result",
}


def _verb(blame: Blame) -> str:
    if blame.change is None:
        return "the history was sound before it"
    return _VERBS[blame.change]


def _deed(blame: Blame, violation: Violation) -> str:
    if blame.change is None:
        return "broke the history"
    if blame.change is BlameChange.REMOVED:
        return f"removed {_messages(blame.removed)}{_of_what(violation)}"
    if blame.change is BlameChange.INSERTED:
        return f"inserted {_messages(blame.inserted)}"
    if blame.change is BlameChange.REORDERED:
        return "changed the order of the messages"
    called = shown(violation.call_id or violation.tool_call_id) or "a call"
    if blame.change is BlameChange.IDS_CHANGED:
        return f"changed ids, so that {called} is not answered under its own"
    missing = [shown(each.tool_call_id) for each in blame.fates[:MOST_NAMED]] or [called]
    return f"left {', '.join(missing)} without a result"


def _messages(places: Sequence[int]) -> str:
    if not places:
        return "messages"
    if len(places) == 1:
        return f"message {places[0]}"
    first, last = places[0], places[-1]
    if last - first == len(places) - 1:
        return f"messages {first} to {last}"
    return f"messages {', '.join(map(str, places))}"


def _of_what(violation: Violation) -> str:
    identifier = shown(violation.tool_call_id)
    if not identifier:
        return ""
    if violation.kind is ViolationKind.ORPHAN_RESULT:
        return f", the call of {identifier}"
    if violation.kind is ViolationKind.MISSING_RESULT:
        return f", the result of {identifier}"
    return ""


def _when(blame: Blame) -> str:
    between = " between two runs" if blame.step == BETWEEN_RUNS else ""
    ago = blame.requests_ago
    if not ago:
        return between
    number = _NUMBERS[ago] if ago < len(_NUMBERS) else f"{ago:,}"
    return f"{between}, {number} request{'' if ago == 1 else 's'} ago"


def _fate(fate: CallFate, blame: Blame) -> str:
    name = f"tool {shown(fate.tool_name)}" if fate.tool_name else f"call {shown(fate.tool_call_id)}"
    if fate.fate is Fate.FINISHED:
        lost = " and its result was lost" if blame.change in _LOSING else ""
        return f"{name} finished{lost}"
    if fate.fate is Fate.RAISED:
        return f"{name} raised {shown(fate.error_type) if fate.error_type else 'an error'}"
    return f"{name} {_FATES[fate.fate]}"


_FATES: Final = {
    Fate.CANCELLED: "was canceled",
    Fate.INTERRUPTED: "was interrupted",
    Fate.NEVER_STARTED: "never started",
}
