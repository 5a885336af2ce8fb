"""A report as text for people: the timeline first, then each violation."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.cause_info import OR
from toolpair_observe.pairing.cause_notes import CAUSES
from toolpair_observe.pairing.masked import MaskedEvidence, MaskedKind
from toolpair_observe.pairing.report import describe, describe_masked
from toolpair_observe.pairing.shown import line, shown
from toolpair_observe.pairing.timeline import MOST_MASKED, MOST_VIOLATIONS

if TYPE_CHECKING:
    from toolpair_observe.pairing.masked import MaskedResult
    from toolpair_observe.pairing.report import PairingReport, Violation
    from toolpair_observe.pairing.timeline import Stop

RESCUE: Final = "to rescue threads stored like this: toolpair-observe threads DATABASE_URL"
"""Ends what is to do: a change of the code mends no thread that a checkpointer has stored."""

_EFFECTS = {
    "local_error": "the integration raises before any request is sent",
    "reject": "the provider answers with an error",
    "silent_loss": "the request goes through, but the model sees something else",
    "unknown": "nobody has shown what happens",
    "accept": "the provider takes it",
    "clean": "the provider has nothing to complain about",
}


def explain(report: PairingReport, *, of_thread: bool = False, broken_by: str = "") -> str:
    """Render `report` for a terminal or a failure message.

    Args:
        report: The report.
        of_thread: Whether the reader knows that it is about a stored thread.
        broken_by: What broke the history, as a sentence; `""` where nothing tells.
    """
    lines = [
        report.summary(),
        f"predicted effect: {report.effect} ({_EFFECTS[report.effect]})",
    ]
    if broken_by:
        lines.append(f"broken by: {broken_by}")
    if report.timeline:
        lines += ["", *_timeline(report)]
    for number, violation in enumerate(report.violations[:MOST_VIOLATIONS], start=1):
        lines += ["", *_violation(number, violation)]
    for masked in report.masked[-MOST_MASKED:]:
        lines += ["", *_masked(masked)]
    if len(report.masked) > MOST_MASKED:
        more = len(report.masked) - MOST_MASKED
        lines += ["", f"and {more} more made-up results before them; report.masked has them"]
    left_out = report.violation_count - MOST_VIOLATIONS
    if left_out > 0:
        held = f"the {len(report.violations)} foremost" if report.more_violations else "them all"
        lines += ["", f"and {left_out} more violations; report.violations has {held}"]
    if not (report.ok or of_thread):
        lines += ["", RESCUE]
    return "\n".join(map(line, lines))


def _timeline(report: PairingReport) -> list[str]:
    marks: dict[int, list[str]] = defaultdict(list)
    for violation in report.violations[:MOST_VIOLATIONS]:
        marks[violation.message_index].append(violation.kind)
    for masked in report.masked[-MOST_MASKED:]:
        marks[masked.message_index].append(f"made up by {shown(masked.by)} ({masked.kind})")
    lines: list[str] = []
    following = 0
    for stop in report.timeline:
        lines += _fold_line(stop.index - following)
        following = stop.index + 1
        lines.append(_stop(stop, marks.get(stop.index, [])))
    return lines + _fold_line(report.message_count - following)


def _fold_line(folded: int) -> list[str]:
    return [f"        … {folded} more message{'s' if folded > 1 else ''}"] if folded > 0 else []


def _stop(stop: Stop, marks: list[str]) -> str:
    parts = [f"calls {name or '?'} ({call_id or 'no id'})" for name, call_id in stop.calls]
    parts += [f"and {stop.more_calls} more calls"] if stop.more_calls else []
    parts += [f"answers {result_id or 'no id'}" for result_id in stop.results]
    parts += [f"and {stop.more_results} more"] if stop.more_results else []
    flag = f"   <-- {', '.join(dict.fromkeys(marks))}" if marks else ""
    return f"{'>' if marks else ' '} {stop.index:>4}  {stop.role:<8}  {'; '.join(parts)}{flag}"


def _violation(number: int, violation: Violation) -> list[str]:
    info = CAUSES[violation.cause]
    lines = [f"{number}. {describe(violation)}", f"   effect: {violation.effect}"]
    if violation.lost:
        lines.append(f"   lost: {violation.lost}")
    if violation.expected_error:
        lines.append(f"   expected error: {violation.expected_error}")
    lines.append(f"   likely cause: {violation.cause} ({info.title})")
    if len(info.mechanisms) > 1:
        lines.append(f"   which can be: {'; '.join(info.mechanisms)}")
    lines += [f"   to do: {hint}" for hint in violation.hint.split(OR)]
    return lines


_KINDS_OF_MASKED: Final = {
    MaskedKind.MISSING: "the call had no result",
    MaskedKind.MALFORMED: "its arguments could not be read, so the tool never ran",
}
_TO_DO: Final = {
    MaskedKind.MISSING: (
        "the result is lost: find out why the tool did not answer (the run was cancelled or "
        "crashed, an interrupt was not resumed, or the history was cut)"
    ),
    MaskedKind.MALFORMED: (
        "find out why the model's arguments were cut or malformed (a limit of tokens, a stream "
        "that broke off, one very long argument)"
    ),
}
_EVIDENCE: Final = {
    MaskedEvidence.MARK: "a mark on the message",
    MaskedEvidence.TEXT: "its whole text, which is what that software writes",
    MaskedEvidence.STATE: "an earlier state of the run, in which the call stood unanswered",
}


def _masked(masked: MaskedResult) -> list[str]:
    return [
        describe_masked(masked),
        *([f"   step: {shown(masked.step)}"] if masked.step else []),
        f"   what was wrong: {_KINDS_OF_MASKED[masked.kind]}",
        f"   shown by: {_EVIDENCE[masked.evidence]}",
        f"   seen: {'for the first time' if masked.fresh else 'before, in an earlier request'}",
        f"   to do: {_TO_DO[masked.kind]}",
    ]
